"""The glossary has each term once, in alphabetical order, and forbids no term of its own."""

from pathlib import Path

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "glossary.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")
]
TERMS = [row[0].casefold() for row in ROWS if row[0] not in ("term", "---")]


def test_no_term_is_there_twice():
    assert len(TERMS) > 50
    assert sorted({term for term in TERMS if TERMS.count(term) > 1}) == []


def test_terms_are_in_alphabetical_order():
    assert sorted(TERMS) == TERMS


def test_each_term_has_a_meaning():
    assert [row[0] for row in ROWS if len(row) < 2 or not row[1]] == []


def test_no_term_is_also_a_word_for_something_else():
    """Only ``guard`` is both: a term, and the old name of the services."""
    forbidden = {word.strip().casefold() for row in ROWS for word in row[2].split(",") if word.strip()}
    assert forbidden & set(TERMS) == {"guard"}
