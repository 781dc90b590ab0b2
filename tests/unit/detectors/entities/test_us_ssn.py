"""US_SSN: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    AROUND,
    check_found,
    check_nothing_found,
    check_part_found,
)

ENTITY = "US_SSN"
FOUND = [
    "123-45-6789",
    "123 45 6789",
    "001-01-0001",
    "１２３-４５-６７８９",
    "899-99-9999",
    "123‑45‑6789",
    "123.45.6789",
    "123/45/6789",
    "123\t45\t6789",
]
FOUND_IN_PART = [("it is 123.45.6789.", "123.45.6789"), ("123/45/6789/", "123/45/6789")]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "123.45.6789.1",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "123-45-0000",
    "1123-45-6789",
    "123-45-67890",
    "123456789",  # nine digits of anything
    "2024-01-15",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_letters_beside_it_hide_nothing():
    assert [match.entity for match in ANALYZER.scan("№123-45-6789г")] == [ENTITY]


@pytest.mark.parametrize(
    ("text", "keys", "found"),
    [
        ("123456789", ("customer", "ssn"), True),
        ("123456789", ("customerSSN",), True),
        ("123456789", ("socialSecurityNumber",), True),
        ("123456789", ("social_security",), True),
        ("123456789", ("ssn", "value"), True),
        ("123.45.6789", ("ssn",), True),
        ("SSN: 123456789", (), True),
        ("her ssn is 123456789", ("note",), True),
        ("123456789", ("order",), False),
        ("666456789", ("ssn",), False),
        ("[US_SSN] 123456789", (), False),
        ("123456789", ("[US_SSN]",), False),
        ("ssn" + " " * 50 + "123456789", (), False),
    ],
)
def test_bare_numbers_need_a_word_as_context(text, keys, found):
    matches = [match.entity for match in ANALYZER.scan(text, lambda: "\n".join(keys))]
    assert [entity for entity in matches if entity != "NATIONAL_ID"] == [ENTITY] * found


@pytest.mark.parametrize(
    "text",
    [
        "000\t12\t3456\t666\t12\t3456\n666\n219\n09\n9999\n",
        r"['219\t09\t9999', '219\t09\n9999']",
        "000\r\n12\r\n3456\r\n666\n219\r\n09\r\n9999\r\n",
    ],
)
def test_other_numbers_before_a_column_of_groups_do_not_hide_it(text):
    assert [match.entity for match in ANALYZER.scan(text)] == [ENTITY]


def test_all_spellings_have_one_canonical_form():
    assert ANALYZER.canonical(ENTITY, "123-45-6789") == ANALYZER.canonical(ENTITY, "123456789")
