"""SG_NRIC_FIN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "SG_NRIC_FIN"
FOUND = [
    "S1234567D",
    "T1234567J",
    "F1234567N",
    "G1234567X",
    "M1234567K",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
