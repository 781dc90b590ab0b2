"""PHONE_NUMBER: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import (
    AROUND,
    check_found,
    check_found_in_context,
    check_nothing_found,
    check_part_found,
)

ENTITY = "PHONE_NUMBER"
FOUND = [
    "+442079460958",
    "+44 20 7946 0958",
    "+1 (212) 555-0123",
    "+49 (0)30 901820",
    "212-555-0123",
    "(212) 555-0123",
    "1-212-555-0123",
    "212.555.0123",
    "(415) 555 0132",
    "1 (415)555 0132",
    "＋44 20 7946 0958",
]
FOUND_IN_CONTEXT = [
    ("2125550123", "phone"),
    ("020 7946 0958", "contactTelephone"),
    ("(020) 7946-0958", "fax"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_IN_PART = [
    (f"{number}{behind}", number)
    for number in ("+1-415-555-0132", "+14155550132", "(415) 555-0132", "415-555-0132")
    for behind in ("x12", "X1", " x12", " ext. 12", ";ext=12", ".", ". So")
] + [("phone 0791234567x12", "0791234567")]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "+14155550132a",
    "+14155550132xx1",
    "415-555-0132_1",
    "415-555-0132x",
    "415 555 0132",
    "a(415) 555 01325",
    "f(415) 155 0132",
    "555-123-4567",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
