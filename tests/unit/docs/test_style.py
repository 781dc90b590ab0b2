"""The page on style is one page, with ten pairs."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "contributing" / "style.md").read_text()
LINES_MOST = 100


def test_there_are_ten_pairs_and_each_says_two_things():
    pairs = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _, _ in pairs] == list(range(1, 11))
    assert all(before != after for _, before, after in pairs)


def test_it_is_one_page():
    assert len(PAGE.splitlines()) <= LINES_MOST
