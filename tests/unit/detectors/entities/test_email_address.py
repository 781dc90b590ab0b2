"""EMAIL_ADDRESS: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found, check_nothing_found

ENTITY = "EMAIL_ADDRESS"
FOUND = [
    "bob@example.com",
    "b.o'b+tag%1_x@mail.example.co.uk",
    "józef@example.com",
    "user@münchen.de",
    "почта@пример.рф",
    "a@b.co",
    "bob＠example．com",
    "x@xn--e1afmkfd.xn--p1ai",
]
NOT_FOUND = [
    "bob@localhost",
    "@example.com",
    "bob@",
    "pkg@1.2.3",
    "bob@example.c",
    "bob at example.com",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_all_spellings_have_one_canonical_form():
    assert ANALYZER.canonical(ENTITY, "Bob@Example.com") == "bob@example.com"
