"""What the engine would accept and evaluate wrongly is refused when it is loaded."""

import pytest

from extproc.model.errors import ConfigError
from extproc.policy.contract.policy_sources import Module
from extproc.policy.regorus.evaluator import compile_checked, compile_modules

REFUSED = {
    "allow if {}": "`{}` where an expression is needed",
    "import future.keywords.not\n\nallow if input.x": "does not know this import",
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
    "allow if { every x in input.l { not input.a[z] } }": "variable z has no value",
    "f(x) if not x[i]": "variable i has no value",
    "x := 1 if input.a else := 2 if not input.b[i]": "variable i has no value",
    "allow if input.x with input as {}": "`with` is not available",
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
