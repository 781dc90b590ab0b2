"""The page on architecture shows the folders and layers that there are."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "topics" / "architecture.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def listed_folders():
    """The paths of the tree that the page draws: two spaces for each level."""
    tree = PAGE.partition("```text\nextproc/\n")[2].partition("```")[0]
    above = []
    for line in tree.splitlines():
        indent, name = re.match(r"( +)(\w+)/", line).groups()
        above = [*above[: len(indent) // 2 - 1], name]
        yield "/".join(above)


def test_every_folder_is_in_the_tree_and_no_other():
    folders = {
        file.parent.relative_to(ROOT / "extproc").as_posix() for file in (ROOT / "extproc").rglob("__init__.py")
    }
    not_shown = {each for each in folders if each == "." or each.startswith(("demo/", "protocols/"))}
    assert sorted(listed_folders()) == sorted(folders - not_shown)


def test_the_layers_are_those_that_lint_holds():
    section = PAGE.partition("## Import direction")[2].partition("\n## ")[0]
    rows = [set(re.findall(r"`(\w+)`", row)) for row in re.findall(r"^\| .+ \| (`.+) \|$", section, re.MULTILINE)]
    layers = next(contract["layers"] for contract in CONTRACTS if contract.get("containers") == ["extproc"])
    assert rows == [set(re.findall(r"\w+", layer)) for layer in layers]


def test_the_steps_of_a_call_are_numbered_in_order():
    section = PAGE.partition("## The way of one call")[2].partition("\n## ")[0]
    assert [int(number) for number in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)] == list(range(1, 12))
