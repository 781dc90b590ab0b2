"""An answer that is written out and can never be read is refused; one that may be read is not."""

import pytest

from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import compile_policy
from extproc.policy.regorus.lint.rego_module import Violations

HEAD = "package t\n\n"
REFUSED = {
    'default decision := {"allowed": false, "http_status": 418}': "not a status that Envoy knows",
    'default decision := {"acton": "deny"}': "neither a boolean nor an object with action or allowed",
    'default decision := "deny"': "neither a boolean nor an object with action or allowed",
    'decision := {"action": "allow", "masks": {}}': "unknown key masks (did you mean mask?)",
    'decision := {"action": "hold", "aproval": {}}': "unknown key aproval (did you mean approval?)",
    'decision := {"action": "hold", "approval": {"group": ["a"]}}': "approval: unknown key group",
    'decision := {"action": "hold", "approval": {"min": 0}}': "approval: min is not a whole number from 1 to 10",
    'decision := {"action": "hold", "approval": {"expires_in": 15}}': "approval: expires_in: not text",
    'decision := {"action": "deny", "rule": 5}': "rule: not text, or too long",
    'decision := {"action": "deny", "risk": 101} if input.call': "risk is not a whole number from 0 to 100",
    'decision := {"action": "deny"} if input.call else := {"action": "dney"}': "action: not one of",
    'decision := {"action": "deny", "rule": input.call.name, "risk": -1}': "risk is not a whole number",
    'decision := {"action": input.call.name, "aproval": input.call}': "unknown key aproval",
    'decision := {"action": "deny", "aproval": input.call.name}': "unknown key aproval",
    'decision := {"allowed": input.call.name == "a", "header": {}}': "a key like headers that is not spelled so",
    'decision := {"allowed": false, "headers": {"a": 1}, "body": input.call.name}': "not a header value",
    'decision := {"allowed": true, "mask": {}}': "mask has no effect beside allowed",
}  # fmt: skip


def violations(text, query="data.t.decision"):
    try:
        compile_policy(Sources((Module("t.rego", HEAD + text),), {}, query))
    except Violations as error:
        return [one for one in error.found if "an answer that the guard cannot read" in one.message]
    return []


@pytest.mark.parametrize("text", REFUSED)
def test_an_answer_that_can_never_be_read_is_refused_with_its_place(text):
    [one] = violations(text)
    assert one.message.startswith("data.t.decision gives an answer that the guard cannot read: ")
    assert REFUSED[text] in one.message
    assert (one.file, one.line) == ("t.rego", 3)


READABLE = [
    "default decision := false",
    'default decision := {"action": "deny"}',
    'default decision := {"allowed": false, "http_status": 403, "note": "any"}',
    'decision := {"action": "deny", "rule": input.call.name}',
    'decision := {"action": "hold", "approval": {"min": input.risk, "group": 1}}',
    'decision := {"action": input.call.name, "approval": {"groups": ["a"]}}',
    'decision := {"action": "allow", "mask": {"request": [{"path": input.call.name}]}}',
    'decision := {"allowed": input.call.name == "a", "http_status": 418}',
    'decision := {"allowed": false, "headers": input.call.arguments, "header": 1}',
    'decision := {input.call.name: 1, "acton": "deny"}',
    'decision := object.union({"acton": "deny"}, input.call.arguments)',
    'decision := {"acton": "deny"}.acton',
    'decision.action := "deny"',
    'decision[x] := {"acton": "deny"} if some x in ["action"]',
    'decision contains {"acton": "deny"}',
    'decision(x) := {"acton": x}',
    'other := {"acton": "deny"}\n\ndecision := true',
]


@pytest.mark.parametrize("text", READABLE)
def test_an_answer_that_may_be_read_is_left_alone(text):
    assert violations(text) == []
