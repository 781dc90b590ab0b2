"""``docs/reference/doctor.md`` lists every area, option and line of the report."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from extproc.cli.main import app
from extproc.doctor.all_checks import CHECKS

PACKAGE = Path(__file__).parents[3] / "extproc" / "doctor"
PAGE = (Path(__file__).parents[3] / "docs/reference/doctor.md").read_text(encoding="utf-8")
OPTIONS = {name for each in get_command(app).commands["doctor"].params for name in each.opts if name[:2] == "--"}


def test_every_area_has_its_section():
    assert re.findall(r"^## (.*)$", PAGE, re.MULTILINE) == [*CHECKS, "Options"]


def test_every_option_is_listed_and_no_other():
    assert set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE)) == OPTIONS - {"--help"}


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("*.py")), ids=lambda file: file.stem)
def test_every_line_of_the_report_is_explained(file):
    said = re.findall(
        r"""(?:subject|name|subject, \w+) = f?"([^"{]+)|\.(?:ok|warning|problem|skipped)\(\s*f?"([^"{]+)""",
        file.read_text(),
    )
    for subject in {one or other for one, other in said}:
        assert f"`{subject.strip()}" in PAGE, subject
