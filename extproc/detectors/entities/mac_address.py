"""MAC_ADDRESS: a hardware address of six or eight bytes (IEEE 802).

Only words tell it from other bytes. Six bytes that are a value without a name are one, too.
"""

import re
from functools import partial

from extproc.detectors.context import NO_NAME
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


SIX_BYTES = re.compile(
    r"\s?((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
    r"|(?=[0-9.]*[A-Fa-f])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})\s?"
)


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield hardware addresses that have a word beside them."""
    if keys == NO_NAME and (whole := SIX_BYTES.fullmatch(text)) and not NOBODY.match(digits(whole[1])):
        yield whole.span(1)
        return
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
        uses_context=True,
        meaning="a hardware address of six or eight bytes",
        proof="a name, or none at all",
        example="00:1A:2B:3C:4D:5E",
        example_key="mac_address",
        source="IEEE 802",
    )
