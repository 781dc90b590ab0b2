"""What the engine would accept and evaluate wrongly is refused when it is loaded."""

import pytest

from extproc.model.errors import ConfigError
from extproc.policy.contract.policy_sources import Module
from extproc.policy.regorus.evaluator import compile_checked, compile_modules

REFUSED = {
    "allow if {}": "`{}` where an expression is needed",
    "import future.keywords.not\n\nallow if input.x": "import future.keywords.not is newer than the embedded engine",
    "allow := true if {}": "`{}` where an expression is needed",
    "allow if { [path, value] := walk(input); value == 1 }": "walk with 1 argument",
    "allow if { walk(input) }": "walk with 1 argument",
    "allow if { nosuch(1) }": "function nosuch is not available",
    "allow if { input.x; nosuch.fn(1) }": "function nosuch.fn is not available",
    "allow if { count([x | x := nosuch(1)]) == 0 }": "function nosuch is not available",
    "allow if http.send({}).ok": "function http.send is not available",
    "x := opa.runtime()": "function opa.runtime is not available",
    'x := io.jwt.decode("a")': "function io.jwt.decode is not available",
    'x := rand.intn("a", 5)': "function rand.intn is not available",
    'x := regex.template_match("a", "b", "<", ">")': "function regex.template_match is not available",
    'x := glob.match("a", "b")': "glob.match with 2 argument",
    "default allow := true\ndefault allow := false": "more than one default for data.t.allow",
    "f(x) := f(x)": "data.t.f uses itself",
    "f(x) := y if y := g(x)\ng(x) := f(x)": "uses itself",
    "a if b\nb if not a": "uses itself",
    "a := data.t": "uses itself",
    "a := data.t[input.x]": "uses itself",
    "a := data[input.x]": "uses itself",
    'a["x"] := 1 if a.x': "uses itself",
    "a := [x | x := a]": "uses itself",
    "a := 1 if every x in a { x }": "uses itself",
    "allow if not input.a[_]": "variable _ has no value outside of `not`",
    "allow if not input.a[i]": "variable i has no value outside of `not`",
    "allow if { some i; not input.a[i] }": "variable i has no value outside of `not`",
    "allow if { not input.a[i] == 1; input.b }": "variable i has no value",
    "x := [y | some y in input.l; not input.a[z]]": "variable z has no value",
    "allow if { every x in input.l { x; not input.a[z] } }": "variable z has no value",
    "f(x) if not x[i]": "variable i has no value",
    "x := 1 if input.a else := 2 if not input.b[i]": "variable i has no value",
    "allow if input.x with input as {}": "`with` is not available",
    "allow if startwith(input.x, `a`)": "function startwith is not available in the embedded engine\n  did you mean startswith?",
    "allow if startswith(input.x)": "startswith with 1 argument",
    "allow if { some y; y := 1 }": "variable y is declared twice",
    "allow if { some y; some y; y = 1 }": "variable y is declared twice",
    "f(x) if { some x; x = 1 }": "variable x is declared twice",
    "x := [y | some y; y := 1]": "variable y is declared twice",
    "allow if { some y; input.a }": "variable y is declared and never used",
    "allow if { every x in input.l { input.a } }": "variable x is declared and never used",
    "allow if { every k, v in input.o { v } }": "variable k is declared and never used",
    "x := y": "variable y is unsafe: nothing gives it a value",
    "x := y if { input.a }": "variable y is unsafe",
    "x contains y if { input.a }": "variable y is unsafe",
    "x[y] := 1 if { input.a }": "variable y is unsafe",
    "x := [y | input.a]": "variable y is unsafe",
    "x := {y: 1 | some k; input.a[k]}": "variable y is unsafe",
    "x := 1 if { input.a } else := y if { input.b }": "variable y is unsafe",
    "x := input.a[y].b[z.w]": "variable z is unsafe",
    "x := count if { input.a }": "variable count is unsafe",
    "x contains y if { some y }": "variable y is unsafe",
    "f(input) := 1": "an argument must not be named input or data",
    'deny["a"]': "a set needs the keyword `contains`",
    "import data.a\nimport data.b.a\n\nx := a": "this import hides an earlier one of the same name",
    "import data.a\nimport input.b as a\n\nx := a": "this import hides an earlier one of the same name",
    "x := 1\nx contains 2": "data.t.x is a set here, and a value elsewhere",
    "x := 1\nx(y) := y": "data.t.x is a function here, and a value elsewhere",
    'x[y] := 1 if some y in ["a"]\nx := 2': "data.t.x is a value here, and an object elsewhere",
    "x := 1\nx.y := 2": "data.t.x.y lies below data.t.x, which has a value of its own",
}

ACCEPTED = [
    "allow if { walk(input, [path, value]); value == 1; count(path) > 0 }",
    "allow if not input.a",
    "allow if { some i in [1]; not input.a[i] }",
    'a["x"] := 1 if a.y',
    "allow if { not input.a[i]; input.b[i] }",
    "f(x) if not input.a[x]",
    "allow if { xs := {x | some x in input.l; not x == 1}; not xs[3] }",
    "allow if { every k, v in input.o { not v == k } }",
    "allow if not every_small\nevery_small if every n in input.l { n < 5 }",
    "allow if not count([x | some x in input.l; x > 1]) == 0",
    "x := 1 if input.a else := 2",
    "x := 1 if input.a else := 2 if input.b else := 3",
    "default allow := false\nallow if input.a",
    "f(1) := 1\nf(2) := 2\na := f(1)\nb := f(a)",
    "a := 1\nb := c if { a := 2; c := a }",
    "x := input.a[y]",
    "x := input.a[_].b",
    "x contains [k, v] if some k, v in input.o",
    "x[k] := v if some k, v in input.o",
    "x := [k | some k; input.o[k]]",
    "x := y if { some y; y = input.a }",
    "x := y if { [y, _] = input.a }",
    "x := [y | y := input.a[_]; y > 1]",
    "x := [[a, b] | some a in input.l; b := [c | c := input.m[a]]]",
    "x := y if { y := 1 } else := z if { z := 2 }",
    "allow if { some x in input.l; every y in input.m { y > x } }",
    "allow if { every _ in input.l { input.a } }",
    'a.b := 1\na.c := 2\na.d["e"] := 3',
    'x contains "a"\nx contains "b"',
    "import data.a\nimport data.b as c\n\nx := a if c",
    "x := n if count(input.l, n)",
    "p contains x if some x in input.l\nq if p[1]\nr if not p[1]",
    "o[k] := v if some k, v in input.m\nz := o.a",
    "import data.other.thing as helper\nallow if helper.ok(1)",
    "import data.other.thing\nallow if thing.ok(1)",
    "allow if data.other.thing.ok(1)",
    "import input.user\nallow if not user.banned",
    'x := object.get(input, "a", {})',
]
OTHER = Module("other.rego", "package other.thing\nok(x) if x == 1")


def module(text: str) -> Module:
    return Module("t.rego", f"package t\n{text}")


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused_with_its_place_and_a_hint(text):
    with pytest.raises(ConfigError, match=REFUSED[text].replace("[", r"\[")) as caught:
        compile_checked([module(text)], {})
    assert str(caught.value.place).startswith("t.rego:")
    assert caught.value.hint


@pytest.mark.parametrize("text", REFUSED)
def test_the_engine_itself_would_have_taken_it(text):
    compile_modules([module(text)], {})


@pytest.mark.parametrize("text", ACCEPTED)
def test_ordinary_policy_passes(text):
    compile_checked([module(text), OTHER], {})


def test_two_modules_of_one_package_are_looked_at_together():
    one, two = Module("1.rego", "package t\ndefault a := 1\nb if c"), Module("2.rego", "package t\ndefault a := 2")
    with pytest.raises(ConfigError, match="more than one default"):
        compile_checked([one, two], {})
    with pytest.raises(ConfigError, match="uses itself"):
        compile_checked([one, Module("2.rego", "package t\nc if data.t.b")], {})


def test_tests_may_use_with():
    compile_checked([Module("t_test.rego", 'package t\ntest_x if input.x with input as {"x": 1}')], {})


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("x := 1", {"t": {"x": 2}}),
        ("x contains 1", {"t": {"x": []}}),
        ("f(y) := y", {"t": {"f": {}}}),
        ("x.y := 1", {"t": {"x": {"y": 1}}}),
        ("x := 1", {"t": 3}),
        ("default x := 1", {"t": {"x": None}}),
    ],
)
def test_data_under_a_rules_name_is_refused(rule, data):
    """The engine would take the data's value: whoever writes data could write the decision."""
    with pytest.raises(ConfigError, match="is a rule here, and is in the data too"):
        compile_checked([module(rule)], data)


def test_data_beside_rules_is_not():
    compile_checked([module("x := 1\ny := data.t.z")], {"t": {"z": 1}, "x": 2})
