"""AWS_SECRET_KEY: a secret access key of AWS: 40 random characters beside a name that says secret."""

import re
from functools import partial

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.randomness import LEAST_ENTROPY, entropy
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

PATTERN = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield 40 characters of Base64 that have a word beside them."""
    is_told = any(map(words.tell, keys.split("\n")))
    for match in PATTERN.finditer(text) if is_told else words.matches(PATTERN, text):
        if entropy(match[0]) >= LEAST_ENTROPY and words.beside(text, match.start(), keys):
            yield match.span()


def aws_secret_key(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for these keys."""
    words = vocabulary.words("aws_secret")
    return Detector(
        "AWS_SECRET_KEY",
        (rb"[A-Za-z0-9/+]{40}",),
        40,
        partial(find, words),
        hints=words.hints,
        prefilter_shortest=40,
        common=True,
        meaning="a secret access key of AWS: 40 characters of Base64",
        example="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        example_key="aws_secret_access_key",
        source="AWS IAM",
    )
