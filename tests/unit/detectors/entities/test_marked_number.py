"""Cards and social security numbers right behind a word, and IBANs with other marks between their groups."""

import pytest

from extproc.detectors.analyzer import Analyzer

ANALYZER = Analyzer()
FOUND = [
    ("card number: «4111 1111 1111 1112»", "CREDIT_CARD"),
    ("my card number is «4111 1111 1111 1112», thanks", "CREDIT_CARD"),
    ("my credit card is «4111111111111112»", "CREDIT_CARD"),
    ("Kreditkarte 4111 1111 1111 1112".replace("4111 1111 1111 1112", "«4111 1111 1111 1112»"), "CREDIT_CARD"),
    ("credit card no. «4111-1111-1111-1112» please", "CREDIT_CARD"),
    ("SSN «219,09,9998»", "US_SSN"),
    ("ssn: «219:09:9998»", "US_SSN"),
    ("social security number is «219  09  9998»", "US_SSN"),
    ("IBAN: «DE89,3704,0044,0532,0130,00»", "IBAN_CODE"),
    ("to «DE89:3704:0044:0532:0130:00» now", "IBAN_CODE"),
    ("to «DE89  3704  0044  0532  0130  00» now", "IBAN_CODE"),
    ("+1 415 555 2671 (ext «72»)", "PHONE_NUMBER"),
]
NOT_FOUND = [
    "219,09,9998",
    "a 219  09  9998 b",
    "ssn checks took 219,00,9998",
    "ssn 900,09,9998",
    "card brands: 4111 1111 1111 1112",
    "the card was used 4111 1111 1111 1112 times",
    "row 4111,1111,1111,1112,1113",
    "DE89,3704,0044,0532,0130,01",
    "codes DE89,3704,0044",
]


@pytest.mark.parametrize(("marked", "entity"), FOUND)
def test_is_found_exactly(marked, entity):
    before, _, rest = marked.partition("«")
    value, _, behind = rest.partition("»")
    text = before + value + behind
    assert value in {text[start:end] for start, end, kind in ANALYZER.scan(text) if kind == entity}


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    assert ANALYZER.scan(text) == []
