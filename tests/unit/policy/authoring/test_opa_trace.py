"""OPA's explanation says which rules led to a decision, and where the others stopped."""

import asyncio
import json

import pytest

from extproc.model.decision import Action
from extproc.model.errors import PolicyUnreachable
from extproc.model.reasons import Reason
from extproc.policy.authoring.opa_program import OpaProgram
from extproc.policy.authoring.opa_trace import explained, trace_in_opa
from extproc.policy.authoring.trace import Stopped
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.opa.opa_server import OpaServer

POLICY = """package t

default decision := {"action": "deny", "rule": "default"}

decision := {"action": "allow", "rule": "support"} if {
	granted(input.identity.groups)
	small
}

small if {
	some limit in [10, 20]
	input.call.arguments.amount == limit
}

granted(groups) if "support" in groups

fails := to_number(input.call.name)

undefined := 1 if input.never
"""


@pytest.fixture(scope="module")
def server(opa_binary):
    policy = Sources((Module("policy/t.rego", POLICY),), {}, "data.t.decision")
    with OpaProgram(str(opa_binary)).serving(policy) as made:
        yield made


def trace(server: OpaServer, query: str = "data.t.decision", groups=("support",), amount=20):
    given = {"identity": {"groups": groups}, "call": {"name": "x", "arguments": {"amount": amount}}}
    return asyncio.run(trace_in_opa(server, query, json.dumps(given).encode()))


@pytest.mark.slow
def test_the_rules_that_led_to_it_are_shown_with_their_values(server):
    found = trace(server)
    assert found.decision.action is Action.ALLOW
    assert len(found.decision.revision) == 64
    assert [(one.rule, one.file, one.line) for one in found.fired] == [
        ("data.t.decision", "policy/t.rego", 5),
        ("data.t.small", "policy/t.rego", 10),
    ]
    assert found.fired[1].value is True
    assert found.stopped == ()


@pytest.mark.slow
def test_the_others_are_shown_with_the_statement_where_they_stopped(server):
    found = trace(server, amount=30)
    assert found.decision.rule == "default"
    assert found.stopped == (
        Stopped("data.t.decision", "policy/t.rego", 7, "small"),
        Stopped("data.t.small", "policy/t.rego", 12, "input.call.arguments.amount == limit"),
    )
    assert trace(server, groups=()).stopped[0].statement == "granted(input.identity.groups)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("data.t.undefined", "the decision is undefined"),
        ("data.t.fails", "to_number"),
        ("data.no.where", "undefined"),
    ],
)
def test_without_an_answer_it_is_the_denial_that_it_becomes(server, query, error):
    found = trace(server, query)
    assert (found.decision.action, found.decision.reason) == (Action.DENY, Reason.POLICY_ERROR)
    assert error in found.error


def test_nobody_there(tmp_path):
    with pytest.raises(PolicyUnreachable):
        trace(OpaServer(f"unix:{tmp_path}/none"))


def test_lines_that_are_not_understood_change_nothing():
    assert explained(["", "junk", "a.rego:x Enter data.t", "a.rego:1 | Save data.t.x", "| | | Exit"]).fired == {}
    lines = ["a.rego:1 | Enter data.t.x", "a.rego:2 | | Fail y", "a.rego:1 Fail z"]
    assert [(one.rule, one.line, one.held) for one in explained(lines).frames] == [("data.t.x", 2, False)]
