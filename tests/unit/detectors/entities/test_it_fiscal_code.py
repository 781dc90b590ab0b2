"""IT_FISCAL_CODE: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "IT_FISCAL_CODE"
FOUND = [
    "RSSMRA85T10A562S",
    "MRTMTT91D08F205J",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
