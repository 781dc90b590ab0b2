"""GITLAB_TOKEN: personal, project, deploy, runner, trigger, feed and agent tokens of GitLab."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"gl(?:pat|dt|rt|rtr|ptt|ft|imt|agent|soat|ffct|cbt|oas)-[A-Za-z0-9_.-]{20,}")


def find(text: str, _: str) -> Ranges:
    """Yield tokens by their prefix and length."""
    for match in PATTERN.finditer(text):
        yield match.span()


GITLAB_TOKEN = Detector(
    "GITLAB_TOKEN",
    (rb"gl[a-z]{2,5}-[A-Za-z0-9_.-]{20}",),
    25,
    find,
    meaning="a token of GitLab, of any kind",
    proof="prefix",
    example="glpat-" + "a1B2c" * 4,
    source="GitLab, token overview",
)
