"""Held calls as dialogues: asked about, waited for, released or refused."""

import asyncio
import json
import threading
import time
from dataclasses import replace

import pytest

from extproc.approvals.approval import Vote
from extproc.flow.observer import Observer
from tests.unit.flow.dialogue import (
    ISSUER,
    NOW,
    MemoryRecorder,
    ScriptedEngine,
    ScriptedPeer,
    answers,
    approve,
    asks,
    claims,
    deny,
    held,
    make_services,
    play,
    play_and_leave,
    sends,
)

pytestmark = pytest.mark.slow

SSN = "219-09-9999"
HOLD = {
    "action": "hold",
    "reason": "high-risk",
    "rule": "r",
    "risk": 80,
    "approval": {"groups": ["sre"], "min": 1},
}


async def test_a_held_call_waits_and_goes_when_approved(tmp_path):
    """Envoy is asked to wait first; then exactly the held bytes go."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    peer = ScriptedPeer().say(asks("POST", "/customers", content_type="application/json"))
    peer.say(sends(b'{"ssn":"%s"}' % SSN.encode()))
    task = asyncio.create_task(play(services, answers(end=True), peer=peer))
    request = await held(services)
    assert SSN not in repr(request)
    assert "[US_SSN]" in request.preview
    assert not peer.is_forwarded
    approve(services, request)
    await task
    assert peer.waits[0] > 0
    assert peer.marks()[0] == ("req", "done")
    assert services.recorder.kinds == ["call.held", "call.decided", "call.completed"]
    assert services.recorder.last.approvers == ("iss|bob",)
    assert services.recorder.last.reason == "approved"


@pytest.mark.parametrize(
    ("limit", "held", "rule"), [("held_calls", 3, "limits.held_calls"), ("held_calls_per_caller", 2, "per_caller")]
)
async def test_calls_that_come_at_once_are_counted_before_they_are_held(tmp_path, limit, held, rule):
    changes = {f"limits.{limit}": held, "connections.crm.approvals.expires_in": 1.0}
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), changes=changes, clock=time.time_ns)
    token = claims(exp=time.time() + 60)
    peers = await asyncio.gather(*(play(services, asks(metadata=token)) for _ in range(6)))
    reasons = [peer.refusal.reason for peer in peers]
    assert reasons.count("overloaded") == 6 - held
    assert reasons.count("approval-expired") == held
    refused = [entry for entry in services.recorder.entries if entry.reason == "overloaded"]
    assert all(entry.rule.endswith(rule) for entry in refused)
    assert (await play(services, asks(metadata=token))).refusal.reason == "approval-expired"


async def test_a_token_that_expires_while_its_call_is_held_lets_nothing_go(tmp_path):
    """It was good when the call came, and is not when people have approved; the approval stays unused."""
    late = [0]
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), clock=lambda: NOW + late[0])
    task = asyncio.create_task(play(services, asks()))
    request = await held(services)
    approve(services, request)
    late[0] = 631 * 10**9
    peer = await task
    assert peer.refusal.reason == "unauthenticated"
    assert services.recorder.last.rule == "jwt.expired-while-held"
    assert peer.marks()[0] != ("req", "done")
    assert services.approvals.spend(request.approval_id, request.digest, NOW + 6)


async def test_a_held_call_that_is_denied_goes_nowhere(tmp_path):
    """One denial refuses it."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    task = asyncio.create_task(play(services, asks()))
    deny(services, await held(services))
    peer = await task
    assert peer.refusal.reason == "approval-denied"
    assert services.recorder.kinds == ["call.held", "call.denied"]


async def test_a_held_call_expires(tmp_path):
    """Nobody comes: refused, and the request is closed."""
    hold = {**HOLD, "approval": {"groups": ["sre"], "min": 1, "expires_in": "1s", "mode": "wait"}}
    services = make_services(tmp_path, engine=ScriptedEngine(hold), changes={"limits.hold": 0.05})
    peer = await play(services, asks())
    assert peer.refusal.reason == "approval-expired"
    assert services.approvals.recent(pending_only=True, limit=5) == []


async def test_a_caller_that_leaves_cancels_its_request(tmp_path):
    """No approver is asked for a call that nobody waits for."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    peer = ScriptedPeer().say(asks())
    await play_and_leave(services, peer, lambda: services.waiter.waiting == 1)
    await services.waiter.finish()
    assert services.approvals.recent(pending_only=True, limit=5) == []
    assert services.recorder.kinds == ["call.held", "call.denied"]
    assert services.recorder.last.reason == "caller-gone"


async def test_a_broken_approvals_store_denies(tmp_path):
    """A call that nobody can be asked about is refused."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    services.approvals.close()
    (tmp_path / "approvals.db").write_bytes(b"not a database, not at all" * 100)
    assert (await play(services, asks())).refusal.reason == "approval-unavailable"


async def test_approvers_read_the_arguments_even_where_the_record_keeps_none(tmp_path):
    """A setting says what evidence keeps; approvers see the arguments in any case."""
    services = make_services(
        tmp_path,
        engine=ScriptedEngine(HOLD),
        changes={"connections.crm.recording": {"arguments": False}},
    )
    task = asyncio.create_task(play(services, asks(path=f"/customers/{SSN}")))
    request = await held(services)
    assert request.preview == '{"id":"[US_SSN]"}'
    deny(services, request)
    await task
    assert all(entry.arguments == "" for entry in services.recorder.entries)


async def test_a_call_too_long_to_read_is_not_put_to_approvers(tmp_path):
    """Nobody approves what nobody can read."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    body = json.dumps({"note": "word " * 20_000}).encode()
    peer = await play(services, asks("POST", "/customers", content_type="application/json"), sends(body))
    assert peer.refusal.reason == "approval-unavailable"
    assert services.approvals.recent(pending_only=False, limit=5) == []


async def test_a_caller_that_leaves_while_its_request_is_stored_leaves_nothing_to_approve(tmp_path):
    """The request is cancelled however the two race."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    began = threading.Event()
    store = services.approvals.open

    def slowly(*args):
        began.set()
        time.sleep(0.1)
        store(*args)

    services.approvals.open = slowly
    await play_and_leave(services, ScriptedPeer().say(asks()), began.is_set)
    await services.waiter.finish()
    [approval] = services.approvals.recent(pending_only=False, limit=5)
    assert approval.state == "cancelled"


async def test_no_call_is_held_longer_than_the_limit(tmp_path):
    """Envoy waits a little longer, so that the guard's answer ends the call."""
    hold = {**HOLD, "approval": {"groups": ["sre"], "expires_in": "1h", "mode": "wait"}}
    services = make_services(tmp_path, engine=ScriptedEngine(hold), changes={"limits.hold": 60})
    peer = ScriptedPeer().say(asks())
    task = asyncio.create_task(play(services, peer=peer))
    request = await held(services)
    assert request.expires_ns - request.created_ns == 60 * 10**9
    deny(services, request)
    await task
    assert peer.waits == [65]
    assert [entry.approval_id for entry in services.recorder.entries] == [request.approval_id] * 2


async def test_notes_of_voters_are_kept_masked(tmp_path):
    """People write what they see, and the evidence keeps it for years."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    task = asyncio.create_task(play(services, asks(), answers(end=True)))
    request = await held(services)
    note = f"asked the owner of {SSN}"
    services.approvals.vote(request.approval_id, Vote("iss|bob", True, note, NOW + 5), ("sre",))
    await task
    assert services.recorder.last.approval_note == "asked the owner of [US_SSN]"
    assert SSN not in repr(services.recorder.entries)


async def test_approvers_see_who_acts_for_the_caller(tmp_path):
    """An agent may not approve the call that it makes for a person."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    task = asyncio.create_task(play(services, asks(metadata=claims(act={"sub": "agent-7"}))))
    request = await held(services)
    assert (request.requester, request.actor) == (f"{ISSUER}|alice", f"{ISSUER}|agent-7")
    deny(services, request)
    await task


async def test_approvers_do_not_see_what_policy_masks(tmp_path):
    """Nor do they see what their connection masks; they see that something was found."""
    hold = {**HOLD, "mask": {"request": [{"path": "$.name"}]}}
    services = make_services(tmp_path, engine=ScriptedEngine(hold))
    body = json.dumps({"name": "Ada", "ssn": SSN}).encode()
    task = asyncio.create_task(
        play(services, asks("POST", "/customers", content_type="application/json"), sends(body))
    )
    request = await held(services)
    assert json.loads(request.preview) == {"name": "[REDACTED]", "ssn": "[US_SSN]"}
    assert {each.entity for each in request.findings} == {"FIELD", "US_SSN"}
    deny(services, request)
    await task


async def test_a_held_call_that_cannot_be_recorded_asks_nobody(tmp_path):
    """A request for approval without its entry is closed at once."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), recorder=MemoryRecorder(fail_on="call.held"))
    peer = await play(services, asks())
    assert peer.refusal.reason == "evidence-unavailable"
    [approval] = services.approvals.recent(pending_only=False, limit=5)
    assert approval.state == "cancelled"


class CountingObserver(Observer):
    """Counts the calls that wait."""

    waiting = 0
    most = 0

    def call_held(self, entry):
        self.waiting += 1
        self.most = max(self.most, self.waiting)

    def call_released(self):
        self.waiting -= 1


async def test_operators_see_how_many_calls_wait(tmp_path):
    """A call no longer waits whatever came of it."""
    observer = CountingObserver()
    services = replace(make_services(tmp_path, engine=ScriptedEngine(HOLD)), observer=observer)
    task = asyncio.create_task(play(services, asks()))
    deny(services, await held(services))
    await task
    await play_and_leave(services, ScriptedPeer().say(asks()), lambda: services.waiter.waiting == 1)
    assert (observer.most, observer.waiting) == (1, 0)
