"""AU_ABN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import check_found, check_found_in_context

ENTITY = "AU_ABN"
FOUND_IN_CONTEXT = [
    ("51824753556", "businessNumber"),
]
"""Text, and the key above it without which it is not an entity."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


def test_is_found_in_groups():
    check_found(ENTITY, "51 824 753 556", "|")
