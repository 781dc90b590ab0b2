"""A caller withdraws calls that are held, as dialogues: by a cancellation, or by the end of its session."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest
from envoy_data_plane.envoy.service.auth.v3 import CheckResponse

from extproc.flow.check import check
from extproc.model.errors import ApprovalError
from extproc.wire.ext_authz import CheckAsked
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    answers,
    approve,
    asks,
    claims,
    held,
    make_services,
    play,
    returns,
    sends,
)

pytestmark = pytest.mark.slow

HOLD = {"action": "hold", "reason": "high-risk", "rule": "r", "approval": {"groups": ["sre"], "mode": "wait"}}
DOCS = {"connections.docs.approvals": {"groups": ["sre"]}, "limits.decision_timeout": 30}
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "search", "arguments": {}}}


def hold_searches(asked):
    return HOLD if asked["call"]["name"] == "search" else {"action": "allow"}


class Gate(ScriptedEngine):
    """Lets no decision about a search out while it is closed."""

    def __init__(self, answer):
        super().__init__(answer)
        self.is_open, self.waiting = asyncio.Event(), asyncio.Event()
        self.is_open.set()

    async def evaluate(self, document, caller=""):
        answer = await super().evaluate(document, caller)
        if self.asked[-1]["call"]["name"] == "search" and not self.is_open.is_set():
            self.waiting.set()
            await self.is_open.wait()
        return answer


def services_of(tmp_path, answer=hold_searches, **changes):
    return make_services(tmp_path, engine=Gate(answer), changes=DOCS | changes)


def cancellation(rpc_id=7):
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": rpc_id}}


def post(message, metadata=None, **fields):
    head = asks("POST", "/mcp", "docs.internal", metadata=metadata, content_type="application/json", **fields)
    return head, sends(json.dumps(message).encode())


async def hold(services, **fields):
    task = asyncio.create_task(play(services, *post(CALL, **fields), answers(), returns(b"{}")))
    return task, await held(services)


async def cancel(services, rpc_id=7, **fields):
    return await play(services, *post(cancellation(rpc_id), **fields), answers(202, end=True))


async def opened(services):
    """The session id that alice is given."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    peer = await play(services, *post(message), answers(mcp_session_id="own"), returns(b"{}"))
    return peer.delivered_headers["mcp-session-id"].decode()


def last_of(services, function):
    return next(each for each in reversed(services.recorder.entries) if each.function == function)


def is_pending(services):
    return bool(services.approvals.recent(pending_only=True, limit=5))


async def test_a_cancelled_call_ends_as_its_callers(tmp_path):
    """Its caller gets an error for it, the record says why, and the notification goes on to the backend."""
    services = services_of(tmp_path)
    task, _ = await hold(services)
    notification = await cancel(services)
    peer = await task
    assert notification.is_forwarded
    assert not peer.is_forwarded
    assert peer.refusal.reason == "caller-gone"
    last = last_of(services, "docs.search")
    assert (last.kind, last.reason, last.rule) == ("call.denied", "caller-gone", "approval.call-cancelled")
    assert last_of(services, "docs.notifications/cancelled").detail == "withdrew held calls: 1"


async def test_the_end_of_its_session_ends_the_call(tmp_path):
    services = services_of(tmp_path)
    session = await opened(services)
    task, _ = await hold(services, mcp_session_id=session)
    await play(
        services,
        asks("DELETE", "/mcp", "docs.internal", end=True, mcp_session_id=session),
        answers(200, end=True),
    )
    assert (await task).refusal.reason == "caller-gone"
    assert last_of(services, "docs.search").rule == "approval.session-ended"
    assert last_of(services, "docs.session/end").detail == "withdrew held calls: 1"


@pytest.mark.parametrize("message", ["a cancellation", "the end of no session", "a cancelled task"])
async def test_a_message_that_names_no_call_withdraws_nothing(tmp_path, message):
    services = services_of(tmp_path)
    task, request = await hold(services)
    if message == "a cancellation":
        await cancel(services, 8)
    elif message == "a cancelled task":
        params = {"_meta": {}, "reason": "no requestId"}
        await play(services, *post(cancellation() | {"params": params}), answers(202, end=True))
    else:
        await play(services, asks("DELETE", "/mcp", "docs.internal", end=True), answers(200, end=True))
    assert is_pending(services)
    approve(services, request)
    assert (await task).is_forwarded


@pytest.mark.parametrize(
    "who",
    [
        claims(sub="mallory"),
        claims(act={"sub": "agent-7"}),
        {},
    ],
    ids=["another person", "an agent of the same person", "nobody"],
)
async def test_another_caller_withdraws_nothing(tmp_path, who):
    """Not even where the connection lets anybody cancel, and with the same session header."""
    services = services_of(tmp_path, **{"connections.docs.session_header": "x-session"})
    task, request = await hold(services, x_session="one")
    await cancel(services, metadata=who, x_session="one")
    assert is_pending(services)
    approve(services, request)
    assert (await task).is_forwarded


async def test_a_caller_with_new_groups_is_the_same_caller(tmp_path):
    """Its token was renewed while the call was held."""
    services = services_of(tmp_path)
    task, _ = await hold(services)
    await cancel(services, metadata=claims(groups=["other"]))
    assert (await task).refusal.reason == "caller-gone"


async def test_the_same_id_in_another_session_is_another_call(tmp_path):
    services = services_of(tmp_path, **{"connections.docs.session_header": "x-session"})
    task, request = await hold(services, x_session="one")
    for fields in ({"x_session": "two"}, {}):
        await cancel(services, **fields)
    assert is_pending(services)
    approve(services, request)
    assert (await task).is_forwarded


@pytest.mark.parametrize("answer", [{"action": "deny"}, {"action": "no such action"}], ids=["denied", "an error"])
async def test_a_caller_gives_up_its_call_whatever_policy_says(tmp_path, answer):
    services = services_of(
        tmp_path, lambda asked: hold_searches(asked) if asked["call"]["name"] == "search" else answer
    )
    task, _ = await hold(services)
    assert not (await cancel(services)).is_forwarded
    assert (await task).refusal.reason == "caller-gone"


async def test_a_call_that_is_cancelled_while_it_is_released_does_not_go(tmp_path):
    """People have approved it, and policy is asked once more."""
    services = services_of(tmp_path)
    task, request = await hold(services)
    services.engine.is_open.clear()
    approve(services, request)
    await services.engine.waiting.wait()
    await cancel(services)
    services.engine.is_open.set()
    peer = await task
    assert not peer.is_forwarded
    last = last_of(services, "docs.search")
    assert (last.reason, last.rule, last.approvers) == ("caller-gone", "approval.call-cancelled", ("iss|bob",))


async def test_a_call_that_is_cancelled_while_it_is_decided_does_not_go(tmp_path):
    services = services_of(tmp_path)
    services.engine.is_open.clear()
    task = asyncio.create_task(play(services, *post(CALL)))
    await services.engine.waiting.wait()
    await cancel(services)
    services.engine.is_open.set()
    assert (await task).refusal.reason == "caller-gone"
    assert not is_pending(services)


class Broken:
    """An approvals store that is out of order."""

    def withdraw(self, key, by, now_ns):
        raise ApprovalError("the approvals store failed")


async def test_a_cancellation_that_cannot_be_stored_is_refused(tmp_path):
    """The caller must not take the call for withdrawn."""
    services = replace(services_of(tmp_path), approvals=Broken())
    peer = await cancel(services)
    assert peer.refusal.reason == "approval-unavailable"
    assert not peer.is_forwarded


class Slow:
    """An approvals store that answers when it is told to."""

    def __init__(self):
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def withdraw(self, key, by, now_ns):
        self.begun.release()
        assert self.go_on.wait(10)
        return 0


async def test_a_caller_that_floods_is_refused_and_others_are_not(tmp_path):
    """Each withdrawal occupies a thread; votes and releases need threads, too."""
    services = replace(services_of(tmp_path, **{"limits.held_calls_per_caller": 2}), approvals=Slow())
    first = [asyncio.create_task(cancel(services, number)) for number in range(2)]
    await asyncio.gather(*(asyncio.to_thread(services.approvals.begun.acquire, timeout=10) for _ in first))
    assert [(await cancel(services, number)).refusal.reason for number in (3, 4)] == ["overloaded"] * 2
    other = asyncio.create_task(cancel(services, metadata=claims(sub="mallory")))
    await asyncio.to_thread(services.approvals.begun.acquire, timeout=10)
    services.approvals.go_on.set()
    assert all(peer.is_forwarded for peer in await asyncio.gather(*first, other))
    assert (await cancel(services)).is_forwarded


async def test_the_ext_authz_service_withdraws_as_well(tmp_path):
    services = services_of(tmp_path, **{"connections.docs.masking": {"response": []}})

    async def decided(message):
        opened, body = post(message, mcp_session_id="the-servers-own")
        asked = CheckAsked(opened.head, body.body, False, opened.metadata)
        return CheckResponse.parse(await check(asked, services))

    task = asyncio.create_task(decided(CALL))
    await held(services)
    assert (await decided(cancellation())).status.code == 0
    assert json.loads((await task).denied_response.body)["error"]["data"]["reason"] == "caller-gone"
