"""The embedded engine gives one value or a PolicyError, and its errors tell nothing of the input."""

import asyncio
import json
import sys

import pytest

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import ENTRY, Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine, compile_modules, run_rule

CANARY = "CANARY-4111111111111111"


def engine(text: str, query: str = "data.t.decision", data: object = None) -> EmbeddedEngine:
    return EmbeddedEngine.from_sources(Sources((Module("t.rego", f"package t\n{text}"),), data or {}, query))


def load_error(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        engine(text)
    return caught.value


async def test_a_value_is_returned_as_it_is():
    rego = 'decision := {"n": input.n, "none": null, "data": data.limit}'
    assert await engine(rego, data={"limit": 3}).evaluate(b'{"n":18446744073709551615}') == {
        "n": 18446744073709551615,
        "none": None,
        "data": 3,
    }


async def test_null_is_a_value_and_undefined_is_not():
    assert await engine("decision := null").evaluate(b"{}") is None
    with pytest.raises(PolicyError, match="undefined"):
        await engine("decision := 1 if input.x").evaluate(b"{}")


async def test_one_evaluation_leaves_nothing_to_the_next():
    both = engine("decision := input.x")
    assert await both.evaluate(b'{"x":1}') == 1
    assert await both.evaluate(b'{"x":2}') == 2
    with pytest.raises(PolicyError):
        await both.evaluate(b"{}")


@pytest.mark.parametrize(
    "text",
    [
        "decision := to_number(input.s)",
        "decision := input.n / 0",
        'decision := regex.match("(", input.s)',
        'decision := regex.match(input.s, "x")',
        'decision := net.cidr_contains("10.0.0.0/8", input.s)',
        "decision := strings.count(input.n, input.s)",
        "decision := json.unmarshal(input.s)",
        "decision := startswith(input.s, input.n)",
        "decision := count(input.n)",
        "decision := sprintf(input.n, [input.s])",
        "decision := sprintf(`%p`, [input.s])",
        "decision := sprintf(`%v`, [{[input.s]}])",
        "decision := f(input.s)\nf(x) := x\nf(x) := 1",
        'decision := {input.s: 1} if input.s\ndecision := "other" if input.n',
    ],
)
async def test_errors_tell_nothing_of_the_input(text, capfd):
    document = json.dumps({"s": f"({CANARY}", "n": 1}).encode()
    with pytest.raises(PolicyError) as caught:
        await engine(text).evaluate(document)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert CANARY not in "".join(capfd.readouterr())


async def test_print_prints_nothing(capfd):
    assert (
        await engine("decision := 1 if { print(input.s); true }").evaluate(json.dumps({"s": CANARY}).encode()) == 1
    )
    assert CANARY not in "".join(capfd.readouterr())


async def test_a_panic_is_an_error_and_the_next_evaluation_works():
    """With the engine's own ``strings.count``, which panics."""
    policy = Module("t.rego", 'package t\ndecision := strings.count("abc", input.needle)')
    entry = Module("e.rego", f'package {ENTRY}\nanswer := {{"value": data.t.decision}}')
    template = compile_modules([policy, entry], {}, install=lambda engine, patterns: None)
    panicky = EmbeddedEngine(template, "data.t.decision", "r")
    with pytest.raises(PolicyError, match="evaluation failed"):
        await panicky.evaluate(b'{"needle":""}')
    assert await panicky.evaluate(b'{"needle":"b"}') == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_not_policys_goes_through(error):
    class Interrupted:
        def set_input_json(self, _):
            raise error

    with pytest.raises(error):
        run_rule(Interrupted(), "data.t", b"{}")


@pytest.mark.parametrize(
    "document",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":18446744073709551616}',
        b'{"a":-9223372036854775809}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b"",
        b"[" * 5_000,
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
async def test_input_with_two_readings_is_refused(document):
    with pytest.raises(PolicyError):
        await engine("decision := true").evaluate(document)


async def test_spacing_and_escapes_do_not_matter():
    assert await engine("decision := input.a").evaluate(b' { "a" : "\\u0041", "b": 1.50 } ') == "A"


async def test_large_input_is_refused():
    small = EmbeddedEngine(engine("decision := true").template, "data.t.decision", "r", max_input=10)
    assert await small.evaluate(b"{}") is True
    with pytest.raises(PolicyError, match="too large"):
        await small.evaluate(b'{"a": "aaaaaaaaaaaaaaaaaa"}')


def test_a_syntax_error_has_its_place():
    error = load_error('decision := x if {\n  x := "abc\n}')
    assert (str(error.place.file), error.place.line) == ("t.rego", 3)
    assert error.place.column > 0


def test_an_unsafe_variable_has_its_place():
    assert str(load_error("decision if { x == 1 }").place) == "t.rego:2:15"


def test_a_query_without_a_rule_is_refused():
    with pytest.raises(ConfigError, match=r"no rule defines data\.t\.other"):
        engine("decision := true", query="data.t.other")


def test_load_reads_files_and_merges_data(tmp_path):
    (tmp_path / "p.rego").write_text("package t\ndecision := data.guard")
    one, two = tmp_path / "one.json", tmp_path / "two.yaml"
    one.write_text('{"guard":{"a":1}}')
    two.write_text("guard: {b: 2}")
    loaded = EmbeddedEngine.from_sources(read_sources([tmp_path], [one, two], "data.t.decision"))
    assert loaded.evaluate_now(b"{}") == {"a": 1, "b": 2}
    assert len(loaded.revision) == 64


def test_built_ins_that_reach_out_raise_even_past_the_check():
    template = compile_modules([Module("t.rego", "package t\nx := opa.runtime()\ny := http.send({})")], {})
    for query in ("data.t.x", "data.t.y"):
        with pytest.raises(PolicyError):
            run_rule(template.clone(), query, b"{}")


def test_without_the_extra_there_is_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "regorus", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        engine("decision := true")
    assert "opa" in caught.value.hint


def test_the_names_of_rules_are_known_when_the_policy_is_loaded():
    """Those that decisions spell out, and those that the policy declares."""
    text = """
decision := {"action": "deny", "rule": "hours"} if input.a
else := object.union({"action": "deny"}, {"rule": `cards`}) if input.b
else := {"action": "deny", "rule": input.c}
"""
    text = text.replace("\nelse", " else")
    assert engine(text).rule_names == ("cards", "hours")
    declaring = Module("r.rego", "package extproc\n\nrules contains rule if some rule in data.rules")
    modules = (Module("t.rego", "package t\n" + text), declaring)
    loaded = EmbeddedEngine.from_sources(Sources(modules, {"rules": ["data-rule"]}, "data.t.decision"))
    assert loaded.rule_names == ("cards", "data-rule", "hours")
