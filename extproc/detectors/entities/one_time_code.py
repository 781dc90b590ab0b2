"""NAMED_SECRET: one-time codes in sentences: ``Your code is …``, ``Use … as your one-time password``."""

import re

from extproc.detectors.detector import Detector, Ranges

_KIND = (
    r"(?:one[- ]time|single[- ]use|verification|verify|security|login|log[- ]in|sign[- ]in|access|authentication"
    r"|authorization|confirmation|activation|2fa|mfa|two[- ]factor|two[- ]step|sms|temporary)"
)
_CODE = r"(?:(?:pass)?code|password|pin|otp|tan)"
_DIGITS = r"(?P<code>[0-9]{4,8}|[0-9]{3}[ -][0-9]{3})(?![0-9A-Za-z]|[ .,:-]?[0-9])"
_NAMED = rf"(?:[a-z0-9]{{1,24}} ){{0,2}}?(?:{_KIND} ){{1,2}}(?:{_CODE})"
FORMS = (
    re.compile(
        rf"\b(?:(?:your|the) {_NAMED}(?: for [\w .-]{{1,40}}?)?|your (?:otp|passcode)) ?(?:is|:)"
        rf"[ :]{{0,2}}{_DIGITS}",
        re.IGNORECASE | re.ASCII,
    ),
    re.compile(r"\byour code (?:is|:)[ :]{0,2}(?P<code>[0-9]{6})(?![0-9A-Za-z]|[ .,:-]?[0-9])", re.IGNORECASE),
    re.compile(
        rf"\b(?:use|enter|type) (?:code )?{_DIGITS} (?:as|for|to)"
        rf" (?=(?:your |the )?(?:{_NAMED}|otp\b|passcode\b))",
        re.IGNORECASE | re.ASCII,
    ),
)
"""Ways to send a code. Other numbers that are called a code have another word before: ``zip code``. A number in
front of all words, ``… is your code``, is left: in streamed text it would be on its way before them."""
BEGINS = re.compile(
    r"\b(?:use|enter|type) (?:code )?[0-9]{3,8}(?:[ -][0-9]{0,3})?(?: [\w-]{0,24}){0,9}\Z",
    re.IGNORECASE | re.ASCII,
)
"""The end of a text that may go on with what its last number is."""
REACH = 120


def find(text: str, _: str) -> Ranges:
    """Yield the codes."""
    for form in FORMS:
        for match in form.finditer(text):
            yield match.span("code")


def unbroken(text: str) -> Ranges:
    """Yield the end of a text whose last number may turn out to be a code."""
    last = max(0, len(text) - REACH)
    match = BEGINS.search(text, last)
    if match is not None:
        yield match.span()


ONE_TIME_CODE = Detector(
    "NAMED_SECRET",
    (
        rb"(?i:use |enter |type |code )[0-9]{3}[0-9 -]",
        rb"(?i:code|password|pin|otp|tan)(?: ?:|(?i: is)) ?:? ?[0-9]{3}[0-9 -]",
        rb"(?i: is)[ :]{1,2}[0-9]{3}[0-9 -]",
    ),
    4,
    find,
    unbroken=unbroken,
    is_generic=True,
    meaning="a one-time code of 4 to 8 digits in a sentence that says so",
    proof="the words around it",
    example="Use 493817 as your one-time password",
)
