"""Small policies, evaluated by both engines: the embedded one refuses, fails, or says what OPA says."""

import json
import subprocess

import pytest

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine

INPUTS = [
    {},
    {"n": 1, "s": "abc", "l": ["a", 1], "o": {"a": 1, "b": {"c": "x"}}, "e": []},
    {"n": 2, "s": "", "l": [], "o": {}, "e": None},
]
REFUSED_UNDER_NOT = [
    "x if not startswith(input.s, `a`)",
    "x if not `a` in input.l",
    "x if not input.n in [1]",
    "x if not count(input.l) == 2",
    "x if not input.n < 2",
    "x if not input.n != 1",
    "x if not input.n + 1 == 2",
    "x if not f(input.n)\nf(y) if y == 1",
    "x if not f(2) == 3\nf(y) := 1 if y == 1",
    "x if not f(g(1))\nf(y) if y == 1\ng(y) := y if y == 2",
    "x if not [1, input.n] == [1, 1]",
    "x if not {`a`: input.n} == {`a`: 1}",
    "x if not input.o[input.s]",
    "x if not startswith(y, `a`)\ny := input.s",
    "x if not `a` in y\ny := input.l",
    "x if { some v in [input.o]; not v.a < 3 }",
    "x := [v | some v in [1]; not f(input.n)]\nf(y) if y == 1",
    "import input.s as t\nx if not startswith(t, `a`)",
    "x if not data.nowhere.y in [1]",
]
THE_SAME = [
    "x if not input.n",
    "x if not input.o.b.c",
    "x if not input.n == 1",
    "x if not 1 == input.n",
    "x if not input.n = 1",
    "x if not input.n == input.o.a",
    "x if not data.nowhere",
    "x if { y := input.s; not startswith(y, `a`) }",
    "x if { y := input.l; not `a` in y }",
    "x if { y := input.n; not y < 2 }",
    "x if { y := input.n; not f(y) }\nf(z) if z == 1",
    "x if not f(2)\nf(z) if z == 1",
    "x if { some v in input.l; not v == `a` }",
    "x if not count([v | some v in input.l; v == `a`]) == 1",
    "x if not y\ny if input.n == 1",
    "x if not y[1]\ny contains input.n if input.n",
    "x if every v in input.l { is_string(v) }",
    "x if every k, v in input.o { k != v }",
    "x := [1, input.n]",
    "x := {1, input.n}",
    "x := {`a`: input.n}",
    "x := [v | some v in input.l]",
    "x := count(input.l)",
    "x := object.get(input, [`o`, `b`, `c`], 0)",
    "x := 1 if input.n == 1 else := 2 if input.n == 2 else := 3",
    "default x := 7\nx := 8 if input.n == 1",
    "x := {k | walk(input, [k, v]); v == 1}",
    "x := input.l[0]",
    "x := y if { some i; y := input.l[i]; i == 1 }",
    "x := {v: k | some k, v in input.l}",
    "x := sort([3, 1, 2])",
    "x := json.marshal(input.o)",
    "x := max([n | some n in [input.n, 0]])",
    "x contains v if some v in input.l",
    "x[k] := v if some k, v in input.o",
    "x := concat(`,`, [s | some s in input.l; is_string(s)])",
    "x := upper(input.s)",
    "x := substring(`aé😀b`, 1, 2)",
    "x := indexof(`é😀b`, `b`)",
    "x := -5 % 3",
    "x := 9007199254740993 + 1",
    "x := {1, 2} - {1.0}",
    "x := {1, 2} & {2, 3} | {4}",
    "x := object.union({`a`: {`b`: 1}}, {`a`: {`c`: 2}})",
    "x := time.weekday(0)",
    "x := semver.compare(`1.10.0`, `1.9.0`)",
    "x := split(`a.b.c`, `.`)",
    "x := trim_space(` a `)",
    "x := input.l == [`a`, 1]",
    "x := input.s > `abb`",
    "x := array.slice(input.l, 0, 1)",
    "x contains v if { some k in [`a`, `z`]; v := input.o[k] }",
    "x contains input.n",
    "x contains [k, sprintf(`%v`, [k])] if some k in input.l",
    "x := [f(k) | some k in [`a`, `z`]]\nf(k) := input.o[k]",
    "x := f([`a`, `z`])\nf(l) := input.o[k] if some k in l",
]
LOST_BY_AN_UNDEFINED_HEAD = [
    "x contains input.o[k] if some k in [`a`, `z`]",
    "x contains [k, input.o[k]] if some k in [`a`, `z`]",
    "x contains abs(input.o[k]) if some k in [`a`, `z`]",
    "x[k] := input.o[k] if some k in [`a`, `z`]",
    "x[input.o[k]] := k if some k in [`a`, `z`]",
    "x := [input.o[k]] if { some k in [`a`, `z`]; k != `b` }",
    "x contains g(k) if some k in [`a`, `z`]\ng(k) := input.o[k]",
    "x contains input.o[k] if k := [`a`, `z`][_]",
    "x contains concat(``, [`a`, h(k)]) if some k in [`a`, `b`]\nh(k) := `z` if k != `b`",
    "x := 1 if input.none else := input.o[k] if some k in [`a`, `z`]",
    "x contains y if some k in [`a`, `z`]\ny := 1 if input.n == 1",
]
VERBS = [
    *"vsdtqxXTfFeEgGcboOUp",
    "5.2f",
    "05d",
    "05.2f",
    "+d",
    "-5s",
    "5s",
    "+v",
    ".2f",
    ".3s",
    "z",
    "08b",
    " d",
    "6v",
]
VERBS += [
    "#x",
    "#o",
    "x %d",
    "[1]v",
    "[2]v",
    "[x]v",
    ".0d",
    "08.3d",
    "% x",
    "-+5d",
    "%",
    "",
    "5%",
    "08.3f",
    ".3g",
    "%v %v",
]
SPRINTF = [f"x := sprintf(`{text}`, [input.{key}])" for text in (f"%{verb}" for verb in VERBS) for key in "nslo"]
SPRINTF += [
    f"x := sprintf(`%{verb}`, [{value}])" for verb in VERBS for value in ("true", "[true]", "2.5", "-7", "1e-7")
]
SPRINTF += [
    "x := sprintf(`%v`, [[`é\\n`, {3: 1, `b`: {}}, {1, `a`, null}, set(), 1234567.5, 0.0015]])",
    "x := sprintf(`%v %v %v`, [1234567.5, 123456.5, 0.00001])",
    "x := sprintf(`%d`, [9223372036854775808])",
    'x := sprintf("%q", ["\\u0001é\\n\\u2028\\u00a0\\"\\\\"])',
]
NOTHING = object()


def module(index: int, text: str) -> str:
    return f"package s{index}\n\n{text}\n"


def ask_embedded(index: int, text: str, document: bytes) -> object:
    sources = Sources((Module("s.rego", module(index, text)),), {}, f"data.s{index}.x")
    try:
        return EmbeddedEngine.from_sources(sources).evaluate_now(document)
    except (ConfigError, PolicyError):
        return NOTHING


@pytest.mark.slow
@pytest.mark.parametrize("given", INPUTS, ids=["empty", "full", "odd"])
def test_the_embedded_engine_says_what_opa_says_or_nothing(opa_binary, tmp_path, given):
    texts = [*THE_SAME, *REFUSED_UNDER_NOT, *LOST_BY_AN_UNDEFINED_HEAD, *SPRINTF]
    for index, text in enumerate(texts):
        (tmp_path / f"{index}.rego").write_text(module(index, text))
    (tmp_path / "input.json").write_text(json.dumps(given))
    found = subprocess.run(
        [opa_binary, "eval", "--format", "raw", "-d", tmp_path, "-i", tmp_path / "input.json", "data"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    opa = json.loads(found.stdout)
    for index, text in enumerate(texts):
        mine = ask_embedded(index, text, json.dumps(given).encode())
        assert mine is NOTHING or mine == opa.get(f"s{index}", {}).get("x", NOTHING), text


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("sprintf(`%t`, [[true]])", "%!t(string=[true])"),
        ("sprintf(`%05.2f %s %x`, [2.5, 3, `é`])", "02.50 %!s(int64=3) c3a9"),
        ("sprintf(`%d %v`, [`a`, {`b`: {1}}])", '%!d(string=a) {"b": {1}}'),
        ("sprintf(`%d %d`, [1])", "1 %!d(MISSING)"),
        ("sprintf(`%d`, [1, `a`])", "1%!(EXTRA string=a)"),
    ],
)
def test_sprintf_marks_its_errors_as_opa_does(call, says):
    assert ask_embedded(0, f"x := {call}", b"{}") == says


@pytest.mark.parametrize("text", REFUSED_UNDER_NOT)
def test_what_could_be_undefined_under_not_is_refused(text):
    with pytest.raises(ConfigError, match="under `not`"):
        EmbeddedEngine.from_sources(Sources((Module("s.rego", module(0, text)),), {}, "data.s0.x"))


@pytest.mark.parametrize("text", THE_SAME)
def test_ordinary_expressions_are_not_refused(text):
    EmbeddedEngine.from_sources(Sources((Module("s.rego", module(0, text)),), {}, "data.s0.x"))


@pytest.mark.parametrize("text", LOST_BY_AN_UNDEFINED_HEAD)
def test_a_head_that_may_be_undefined_over_an_iterating_body_is_refused(text):
    with pytest.raises(ConfigError, match="drops other results"):
        EmbeddedEngine.from_sources(Sources((Module("s.rego", module(0, text)),), {}, "data.s0.x"))
