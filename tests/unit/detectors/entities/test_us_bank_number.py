"""US_BANK_NUMBER: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import check_found_in_context

ENTITY = "US_BANK_NUMBER"
FOUND_IN_CONTEXT = [
    ("123456789012", "accountNumber"),
    ("12345678", "acct"),
]
"""Text, and the key above it without which it is not an entity."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)
