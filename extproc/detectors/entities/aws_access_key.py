"""AWS_ACCESS_KEY: an access key id, long-term or temporary (AWS IAM user guide, unique identifiers)."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])")


def find(text: str, _: str) -> Ranges:
    """Yield keys that stand apart from other capitals and digits."""
    for match in PATTERN.finditer(text):
        yield match.span()


AWS_ACCESS_KEY = Detector(
    "AWS_ACCESS_KEY",
    (rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",),
    20,
    find,
    meaning="an access key id of AWS",
    proof="prefix and length",
    example="AKIAIOSFODNN7EXAMPLE",
    source="AWS IAM, unique identifiers",
)
