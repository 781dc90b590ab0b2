"""The table of national numbers: its examples are found, and numbers that fail their check are not."""

import string

import pytest

from extproc.detectors.entities.national.alone import ALONE
from extproc.detectors.entities.national.beside import BESIDE
from extproc.detectors.entities.national.detectors import LONGEST_WORD, NUMBER
from extproc.detectors.entities.national.number_checks import compact
from tests.unit.detectors.entities.checks import ANALYZER, IN_MARKUP, found_in

AROUND = ["", "|", " ", "é", "中", "\n", "\x00", ","]


def ids(row):
    return f"{row.entity}-{row.example}"


@pytest.mark.parametrize("row", ALONE, ids=ids)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_alone(row, around):
    found = ANALYZER.scan(around + row.example + around)
    assert (len(around), len(around + row.example), row.entity) in found


@pytest.mark.parametrize("row", ALONE, ids=ids)
@pytest.mark.parametrize("around", ["1", "a", "A", "_", "7.", "0-"])
def test_is_not_found_within_something_longer(row, around):
    assert row.entity not in found_in(f"{around}{row.example}")


@pytest.mark.parametrize("row", BESIDE, ids=ids)
def test_is_found_beside_a_word(row):
    for spelled in (row.example, row.example.lower()):
        found = [match[:2] for match in ANALYZER.scan(spelled, lambda: row.key) if match.entity == row.entity]
        assert found == [(0, len(spelled))]
        assert row.entity in found_in(f"{row.key}: {spelled}")
        assert row.entity in found_in(f"the {row.key.replace('_', ' ')} is {spelled}, thanks")
        for markup in IN_MARKUP:
            assert row.entity in found_in(markup.format(row.key, spelled)) or not row.key.isascii()


@pytest.mark.parametrize("row", BESIDE, ids=ids)
@pytest.mark.parametrize("key", ["order", "id", "sku", "amount", "tracking", "company_name"])
def test_is_not_found_beside_another_word(row, key):
    alone = {each.entity for each in ALONE if each.pattern.fullmatch(row.example) and each.accepts(row.example)}
    assert {match.entity for match in ANALYZER.scan(row.example, lambda: key)} <= alone | {"CREDIT_CARD"}


@pytest.mark.parametrize("row", [row for row in (*ALONE, *BESIDE) if "check" in row.proof], ids=ids)
def test_few_of_its_neighbours_pass(row):
    """Of the numbers that differ in one digit few pass; those with digits that no check covers are the most."""
    neighbours = [
        row.example[:at] + digit + row.example[at + 1 :]
        for at, old in enumerate(row.example)
        if old.isdigit()
        for digit in string.digits
        if digit != old
    ]
    passing = [each for each in neighbours if row.pattern.fullmatch(each) and row.accepts(each)]
    assert len(passing) <= 0.25 * len(neighbours)


@pytest.mark.parametrize("row", [*ALONE, *BESIDE], ids=ids)
def test_row(row):
    assert row.pattern.fullmatch(row.example)
    assert len(row.example) >= row.shortest
    assert len(compact(row.example)) <= len(row.example)
    assert bool(row.key) is bool(row.kinds)


@pytest.mark.parametrize("row", BESIDE, ids=ids)
def test_an_example_beside_words_is_as_long_as_the_numbers_that_are_looked_at(row):
    number = NUMBER.search(row.example)
    assert number.span() == (0, len(row.example))
    assert row.shortest <= len(number[0]) <= LONGEST_WORD
