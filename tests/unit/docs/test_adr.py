"""Decision records have one form, and the index lists each of them as it is."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEADINGS = ["Context", "Decision", "Options considered", "Consequences"]
ROW = re.compile(r"\| (\d+) \| \[(.+)\]\(([\w-]+\.md)\) \| (.+?) \| (.+?) \| .+ \|")


def head(text):
    """Number, title, status and date of a record."""
    number, title = re.match(r"# (\d+)\. (.+)\n\n", text).groups()
    status, date = re.search(r"^- Status: (.+)\n- Date: (\d{4}-\d{2}-\d{2})$", text, re.MULTILINE).groups()
    return number, title, status, date


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: each.stem)
def test_a_record_has_the_form(record):
    text = record.read_text()
    assert int(head(text)[0]) == int(record.stem[:4])
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


def test_the_template_has_the_form():
    assert re.findall(r"^## (.+)$", (FOLDER / "template.md").read_text(), re.MULTILINE) == HEADINGS


def test_the_index_lists_each_record_as_it_is():
    listed = {file: (number, title, status, date) for number, title, file, status, date in ROW.findall(index())}
    assert listed == {record.name: head(record.read_text()) for record in RECORDS}


def test_numbers_are_used_once_and_without_gaps():
    assert [int(record.stem[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def index():
    return (FOLDER / "index.md").read_text()
