"""A permit is made of a decision that lets the call go, and of nothing else."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import extproc
from extproc.flow.decide import decide
from extproc.flow.grant import grant
from extproc.flow.record.call_record import CallRecord
from extproc.flow.request.identify import identify
from extproc.flow.request.read import read_check
from extproc.flow.request.rewrite import rewrite
from extproc.flow.stages import Approval, ReleasedRequest
from extproc.model.decision import Action
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.wire.ext_authz import CheckAsked
from tests.unit.flow.dialogue import ScriptedEngine, asks, make_services

ALLOW = {"action": "allow"}
HOLD = {"action": "hold", "approval": {"groups": ["sre"]}}
BY_BOB = Approval("approval-1", ("iss|bob",))
BY_NOBODY = Approval("approval-1", ())
MAKERS = {
    "DecidedCall": {"flow/decide.py"},
    "ReleasedRequest": {"flow/hold.py"},
    "Approval": {
        "flow/hold.py",
        "approvals/stored_approval.py",
    },  # two classes: people's leave, and a row of the store
    "Forwarding": {"flow/grant.py"},
    "Permit": {"flow/grant.py"},
    "PermittedCall": {"flow/grant.py"},
}
"""The files that make each stage from the decision on."""


async def outbound_of(services):
    """The request that policy allows or holds, as it may go."""
    opened = asks()
    record = CallRecord(services, opened.head)
    request = read_check(CheckAsked(opened.head, b"", False, opened.metadata), record, services.limits)
    return rewrite(await decide(identify(request, services, record), services, record), services)


@pytest.mark.parametrize(
    ("answer", "approval", "reason"),
    [
        (ALLOW, None, Reason.POLICY_ALLOWED),
        (ALLOW, BY_BOB, Reason.APPROVED),
        (HOLD, BY_BOB, Reason.APPROVED),
    ],
)
async def test_a_call_that_policy_or_people_let_go_is_permitted(tmp_path, answer, approval, reason):
    services = make_services(tmp_path, engine=ScriptedEngine(answer))
    permitted = grant(ReleasedRequest(await outbound_of(services), approval, services))
    assert permitted.permit.reason is reason


@pytest.mark.parametrize(("answer", "approval"), [(HOLD, None), (HOLD, BY_NOBODY), (ALLOW, BY_NOBODY)])
async def test_a_held_call_without_approvers_is_not_permitted(tmp_path, answer, approval):
    """Whatever the caller of ``grant`` believes."""
    services = make_services(tmp_path, engine=ScriptedEngine(answer))
    outbound = await outbound_of(services)
    with pytest.raises(Refused) as refused:
        grant(ReleasedRequest(outbound, approval, services))
    assert (refused.value.reason, refused.value.rule) == (Reason.POLICY_DENIED, "grant")


@pytest.mark.parametrize("approval", [None, BY_NOBODY, BY_BOB])
async def test_a_denied_call_is_never_permitted(tmp_path, approval):
    """People release what policy holds, and nothing that it denies."""
    services = make_services(tmp_path)
    outbound = await outbound_of(services)
    denied = replace(outbound.decided, decision=replace(outbound.decided.decision, action=Action.DENY))
    with pytest.raises(Refused, match="grant"):
        grant(ReleasedRequest(replace(outbound, decided=denied), approval, services))


@pytest.fixture(scope="module")
def calls():
    """The names of all that each file of the package calls."""
    root = Path(extproc.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        called = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        names = {getattr(each, "id", getattr(each, "attr", "")) for each in called}
        found[path.relative_to(root).as_posix()] = names
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_a_stage_is_made_in_one_place(calls, name):
    """A permit says that policy or people let the call go: no other code may say so."""
    assert {file for file, names in calls.items() if name in names} == MAKERS[name]
