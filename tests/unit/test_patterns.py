"""No pattern has a possessive quantifier on a group: Python before 3.11.5 matches too little there.

(CPython issue 106052.) The scanner then passed over values that hold an entity, and events ended in the wrong place.
``(?>(?:…)*)`` means the same as ``(?:…)*+``, and every Python 3.11 reads it rightly.
"""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "extproc"
SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,%d]+\})\+")


def is_possessive(pattern: str) -> bool:
    """Return whether a group has such a quantifier; characters in sets mean nothing."""
    return POSSESSIVE_GROUP.search(SET.sub("[]", pattern)) is not None


def texts(file: Path) -> list[str]:
    found = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
    return [
        each.decode("latin-1") if isinstance(each, bytes) else each
        for each in found
        if isinstance(each, str | bytes)
    ]


def test_no_group_has_a_possessive_quantifier():
    wrong = [(str(file), text) for file in PACKAGE.rglob("*.py") for text in texts(file) if is_possessive(text)]
    assert wrong == []


@pytest.mark.parametrize(
    "pattern", [r"(?:a|b)*+", r"(?:ab)?+", r"(?:ab?c)++", r"([ +-]?[0-9]){12,}+", rf"x(?:{'y'})*+"]
)
def test_such_a_quantifier_is_found(pattern):
    assert is_possessive(pattern)


@pytest.mark.parametrize("pattern", [r"[a-z]*+", r"\)++", r"\\{0,3}+", r"(?>(?:ab)*)", r"(?:ab)*", r"[()*+]+"])
def test_others_are_not(pattern):
    assert not is_possessive(pattern)
