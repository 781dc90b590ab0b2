"""IBAN_CODE: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "IBAN_CODE"
FOUND = [
    "GB82WEST12345698765432",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
