"""MAC_ADDRESS: a hardware address of six or eight bytes (IEEE 802). Only words tell it from other bytes."""

import re
from functools import partial

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

PATTERN = re.compile(
    r"(?<![0-9A-Za-z:.-])(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?:(?::[0-9A-Fa-f]{2}){2})?"
    r"|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}(?:(?:-[0-9A-Fa-f]{2}){2})?"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z]|[:.-][0-9A-Fa-f])"
)
NOBODY = re.compile(r"(?:0+|[fF]+)\Z")
"""All zeros, and the broadcast address."""


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield hardware addresses that have a word beside them."""
    is_told = any(map(words.tell, keys.split("\n")))
    for match in PATTERN.finditer(text) if is_told else words.matches(PATTERN, text):
        if not NOBODY.match(digits(match[0])) and words.beside(text, match.start(), keys):
            yield match.span()


def digits(found: str) -> str:
    """Return the hexadecimal digits alone, in small letters."""
    return re.sub(r"[:.-]", "", found).lower()


def mac_address(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for hardware addresses."""
    words = vocabulary.words("mac")
    return Detector(
        entity="MAC_ADDRESS",
        prefilter=(
            rb"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}",
            rb"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
        ),
        shortest=14,
        find=partial(find, words),
        canonical=digits,
        hints=words.hints,
        meaning="a hardware address of six or eight bytes",
        example="00:1A:2B:3C:4D:5E",
        example_key="mac_address",
        source="IEEE 802",
    )
