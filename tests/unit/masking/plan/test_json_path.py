"""Paths: what they select, and where a wrong one stops making sense."""

import pytest

from extproc.masking.plan.json_path import compile_path, render, selects

SELECTS = [
    ("$", (), True),
    ("$", ("a",), False),
    ("$.a", ("a",), True),
    ("$.a", ("a", "b"), False),
    ("$.a", ("A",), False),
    ("$.a.b", ("a", "b"), True),
    ("$['a']", ("a",), True),
    ('$["a b"].c', ("a b", "c"), True),
    (r"$['it\'s \\']", ("it's \\",), True),
    (r'$["a\"b"]', ('a"b',), True),
    ("$.größe", ("größe",), True),
    ("$[0]", (0,), True),
    ("$[0]", ("0",), False),
    ("$['0']", (0,), False),
    ("$['0']", ("0",), True),
    ("$[12]", (12,), True),
    ("$[*]", (3,), True),
    ("$[*]", ("x",), True),
    ("$.*", (3,), True),
    ("$.*", ("x", "y"), False),
    ("$.items[*].card", ("items", 7, "card"), True),
    ("$.items[*].card", ("items", "card"), False),
    ("$..b", ("b",), True),
    ("$..b", ("a", 1, "b"), True),
    ("$..b", ("b", "a"), False),
    ("$..['b c']", ("x", "b c"), True),
    ("$.a..b", ("a", "x", "y", "b"), True),
    ("$.a..b", ("c", "b"), False),
    ("$..a.b", ("a", "a", "b"), True),
    ("$..a.b", ("a", "x", "b"), False),
    ("$..a[*]", ("x", "a", 0), True),
]


@pytest.mark.parametrize(("path", "place", "selected"), SELECTS)
def test_selects(path, place, selected):
    assert selects(compile_path(path), place) is selected


WRONG = [
    ("", "must begin"),
    ("a.b", "must begin"),
    ("$a", "offset 1"),
    ("$.", "offset 1"),
    ("$..", "offset 1"),
    ("$...a", "offset 1"),
    ("$.a.", "offset 3"),
    ("$.a b", "offset 3"),
    ("$.first-name", "offset 7"),
    ("$.1a", "offset 1"),
    ("$[-1]", "offset 1"),
    ("$[01]", "offset 1"),
    ("$[1:2]", "offset 1"),
    ("$[0,1]", "offset 1"),
    ("$[?@.a]", "offset 1"),
    ("$['a'", "offset 1"),
    ("$['a\"]", "offset 1"),
    (r"$['\n']", "offset 1"),
    ("$..*", "offset 1"),
    ("$..[0]", "offset 1"),
    ("$.a$", "offset 3"),
    ("$ ", "offset 1"),
    ("$.a\n", "offset 3"),
]


@pytest.mark.parametrize(("path", "message"), WRONG)
def test_says_where_a_path_is_wrong(path, message):
    with pytest.raises(ValueError, match=message):
        compile_path(path)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), "$"),
        (("a", 0, "b_1"), "$.a[0].b_1"),
        (("a b", "it's", "\\", "x\n\u202e"), r"$['a b']['it\'s']['\\']['x\u000a\u202e']"),
        (("",), "$['']"),
    ],
)
def test_renders(place, text):
    assert render(place) == text


def test_a_rendered_path_selects_its_place():
    place = ("a", 0, "first-name", "it's", "b")
    assert selects(compile_path(render(place)), place)


def test_a_rendered_path_is_bounded():
    assert len(render(("x" * 10_000,))) < 600
