"""ES_NIE: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_found_in_context, check_nothing_found

ENTITY = "ES_NIE"


@pytest.mark.parametrize("text", ["X1234567L", "Y1234567X", "Z1234567R", "X-1234567-L"])
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", ["x1234567l", "X 1234567 L"])
def test_is_found_in_any_spelling_beside_a_word(text):
    check_found_in_context(ENTITY, text, "nie")


@pytest.mark.parametrize("text", ["X1234567A", "x1234567l", "AX1234567L", "X1234567L1"])
def test_is_not_found(text):
    check_nothing_found(text)
