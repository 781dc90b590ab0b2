"""IBAN_CODE: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found

ENTITY = "IBAN_CODE"
FOUND = [
    "GB82WEST12345698765432",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "de89370400440532013000",
    "es3156335640235461609265",
    "ES31.5633.5640.2354.6160.9265",
    "DE89-3704-0044-0532-0130-00",
    "MT84MALT011000012345MTLCAST001S",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


def test_numbers_that_stand_beside_each_other_are_all_found():
    text = " ".join(["DE89 3704 0044 0532 0130 00"] * 5)
    assert [(match.start, match.end) for match in ANALYZER.scan(text)] == [(28 * n, 28 * n + 27) for n in range(5)]
