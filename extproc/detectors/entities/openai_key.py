"""OPENAI_KEY: a key that begins with ``sk-``, of OpenAI or of a provider that adopted the form."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,}")
DIGIT = re.compile(r"[0-9]")


def find(text: str, _: str) -> Ranges:
    """Yield keys. A match without any digit is words joined by dashes."""
    for match in PATTERN.finditer(text):
        if DIGIT.search(text, *match.span()):
            yield match.span()


OPENAI_KEY = Detector(
    "OPENAI_KEY",
    (rb"sk-[A-Za-z0-9_-]{20}",),
    23,
    find,
    meaning="a key `sk-…` of OpenAI, and of all who took over the form",
    proof="prefix",
    example="sk-" + "a1b2c3d4" * 6,
)
