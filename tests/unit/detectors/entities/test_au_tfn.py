"""AU_TFN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import check_found_in_context

ENTITY = "AU_TFN"
FOUND_IN_CONTEXT = [
    ("123 456 782", "tfn"),
    ("876543210", "tax_file_number"),
]
"""Text, and the key above it without which it is not an entity."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)
