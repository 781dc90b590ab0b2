"""What a policy can look at, told from its text: a key too few would be a rule that silently does not apply."""

import json

import pytest

from extproc.assembly.sample_inputs import sample_inputs
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine

SAMPLES = sample_inputs()
QUERY = "data.tryout.decision"


def reads(text, *more):
    modules = tuple(Module(f"m{i}.rego", each) for i, each in enumerate((f"package tryout\n\n{text}", *more)))
    return EmbeddedEngine.from_sources(Sources(modules, {}, QUERY)).input_keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("decision := true", set()),
        ("decision if input.call.name == `x`", {"call"}),
        ('decision if input["call"]["name"] == `x`', {"call"}),
        ("decision if input[`body`].size > 1", {"body"}),
        (
            "decision if {\n\tsome group in input.identity.groups\n\tgroup == input.call.name\n}",
            {"identity", "call"},
        ),
        ("decision := [x | x := input.attributes][0]", {"attributes"}),
        ("f(x) := x\n\ndecision := f(input.findings)", {"findings"}),
        ("decision := object.get(input.call, `a`, input.usage)", {"call", "usage"}),
        ("decision := {`list`: 1}[input.direction]", {"direction"}),
        ("import input.identity as who\n\ndecision if who.subject == `x`", {"identity"}),
        ("default decision := false\n\ndecision if true\nelse := input.parsed_body.x", {"parsed_body"}),
        ("decision contains input.time if true", {"time"}),
        ("decision[input.version] := 1 if true", {"version"}),
        ("decision if every x in [1] { x == input.parsed_query.a }", {"parsed_query"}),
    ],
)
def test_named_keys(text, keys):
    assert reads(text) == keys


@pytest.mark.parametrize(
    "text",
    [
        "decision := count(input)",
        "decision if input == {}",
        "decision if {\n\tsome key\n\tinput[key] == 1\n}",
        "decision if input[concat(``, [`a`])] == 1",
        "f(x) := x.call.name\n\ndecision := f(input)",
        "decision := object.get(input, `call`, 1)",
        "whole := input\n\ndecision := whole.call.name",
        "import input as i\n\ndecision := i.call.name",
        "decision if {\n\twalk(input, [path, value])\n\tvalue == 1\n}",
        "decision := [v | some v in input]",
    ],
)
def test_a_policy_that_could_look_anywhere_gets_everything(text):
    assert reads(text) is None


def test_all_modules_count():
    other = "package other\n\nx := input.connection.name"
    assert reads("decision := data.other.x", other) == {"connection"}


def test_the_starter_policies_decide_the_same_on_what_they_read():
    engine = EmbeddedEngine.from_sources(read_sources([], [], "data.extproc.decision"))
    assert engine.input_keys is not None
    assert "attributes" not in engine.input_keys
    for document in (*SAMPLES.requests, *SAMPLES.responses):
        given = json.loads(document)
        less = {key: value for key, value in given.items() if key in engine.input_keys}
        assert less != given
        assert engine.evaluate_now(json.dumps(less).encode()) == engine.evaluate_now(document)
