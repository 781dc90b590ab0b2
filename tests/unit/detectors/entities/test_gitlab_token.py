"""GITLAB_TOKEN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "GITLAB_TOKEN"
FOUND = [
    "glpat-abcdefghij0123456789",
    "gldt-abcdefghij0123456789",
    "glrt-abcdefghij0123456789",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
