"""CREDIT_CARD and US_SSN right behind a word that says so: a card that fails its check, a number with other marks.

Without the word, four groups of digits with commas between them are a row of a table.
"""

import re
from functools import partial

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.entities.phone_number import CLOSE, is_right_behind
from extproc.detectors.entities.us_ssn import valid
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

_MARK = r"(?:[ .,:;/_|-]|  )"
_CARD = re.compile(
    rf"(?<![0-9A-Za-z.,:_-])(?:[2-6][0-9]{{3}}(?P<mark>{_MARK})[0-9]{{4}}(?P=mark)[0-9]{{4}}(?P=mark)[0-9]{{4}}"
    rf"|3[0-9]{{3}}(?P<other>{_MARK})[0-9]{{6}}(?P=other)[0-9]{{4,5}}|[2-6][0-9]{{15}})(?![0-9A-Za-z]|[.,:_-][0-9])"
)
_SSN = re.compile(
    rf"(?<![0-9A-Za-z.,:_-])(?P<area>[0-9]{{3}})(?P<mark>{_MARK})(?P<group>[0-9]{{2}})(?P=mark)(?P<serial>[0-9]{{4}})"
    r"(?![0-9A-Za-z]|[.,:_-][0-9])"
)


def find_cards(words: Words, text: str, _: str) -> Ranges:
    """Yield numbers with the form of a card behind a word for cards, whatever their check digit is."""
    for match in words.matches(_CARD, text):
        if is_right_behind(words, text[max(0, match.start() - CLOSE) : match.start()]):
            yield match.span()


def find_ssns(words: Words, text: str, _: str) -> Ranges:
    """Yield social security numbers behind a word for them, whatever mark is between the groups."""
    for match in words.matches(_SSN, text):
        is_behind = is_right_behind(words, text[max(0, match.start() - CLOSE) : match.start()])
        if is_behind and valid(match["area"], match["group"], match["serial"]):
            yield match.span()


def marked_numbers(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Make the detectors with the words for cards and social security numbers."""
    cards, ssns = vocabulary.words("card"), vocabulary.words("us_ssn")
    return (
        Detector(
            "CREDIT_CARD",
            (rb"[2-6][0-9]{3}%s[0-9]{4,6}%s[0-9]{4}" % (_MARK.encode(), _MARK.encode()), rb"[2-6][0-9]{15}"),
            16,
            partial(find_cards, cards),
            canonical=digits_alone,
            hints=cards.hints,
            meaning="a card's number that fails its check digit, behind a word",
            example="my card number is 4111 1111 1111 1112",
            example_key="note",
        ),
        Detector(
            "US_SSN",
            (rb"[0-9]{3}%s[0-9]{2}%s[0-9]{4}" % (_MARK.encode(), _MARK.encode()),),
            11,
            partial(find_ssns, ssns),
            canonical=digits_alone,
            hints=ssns.hints,
            meaning="a social security number with other marks between its groups, behind a word",
            example="SSN: 219,09,9999",
            example_key="note",
        ),
    )
