"""The page on failures names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "topics" / "fail-closed.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]


def test_every_row_names_a_test_that_exists():
    assert ROWS
    for row in ROWS:
        file, _, name = re.search(r"`([\w/.]+)(::)(test_\w+)` \|$", row).groups()
        assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), row
