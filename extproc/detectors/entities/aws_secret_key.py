"""AWS_SECRET_KEY: a secret access key of AWS: 40 random characters beside a name that says secret."""

import re

from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

PATTERN = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
HINT = r"secret[ _-]?access[ _-]?key|aws[ _-]?secret"
WORDS = context_words(HINT)


def find(text: str, keys: str) -> Ranges:
    """Yield 40 characters of Base64 that have a word beside them."""
    for match in PATTERN.finditer(text):
        if in_context(WORDS, text, match.start(), keys) and entropy(match[0]) >= LEAST_ENTROPY:
            yield match.span()


AWS_SECRET_KEY = Detector(
    "AWS_SECRET_KEY",
    (rb"[A-Za-z0-9/+]{40}",),
    40,
    find,
    hints=(HINT.encode(),),
    prefilter_shortest=40,
    common=True,
    meaning="a secret access key of AWS: 40 characters of Base64",
    example="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    example_key="aws_secret_access_key",
    source="AWS IAM",
)
