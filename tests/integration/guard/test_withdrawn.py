"""A caller cancels a call that is held, or ends its session: the call is not executed, whoever approves it."""

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from extproc.approvals.approval import Approval
from extproc.model.errors import VoteRefused
from tests.integration.guard.raw import request, speak
from tests.integration.guard.stack import DOCS, POLL_S, WITHIN_S, Stack
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

NUMBERS = itertools.count(100)
"""Of messages, and of sessions: no two have the same one."""
Headers = dict[str, str]


@dataclass(frozen=True)
class Held:
    """A call that waits for approval."""

    rpc_id: int | str
    answer: asyncio.Task[httpx.Response]
    approval: Approval


VERSION = "2025-11-25"
RESULTS = {
    "initialize": {
        "protocolVersion": VERSION,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "docs", "version": "1"},
    },
    "tools/list": {"tools": [{"name": "search", "inputSchema": {"type": "object"}}]},
    "tools/call": {"content": [{"type": "text", "text": "done"}]},
}


def server(seen: ResponseFacts) -> Scripted:
    """An MCP server that opens a session whenever it is asked to."""
    sent = json.loads(seen.body) if seen.body else {}
    if "id" not in sent:
        return Scripted(202 if seen.method == "POST" else 200)
    fields = [("content-type", "application/json")]
    if sent["method"] == "initialize":
        fields.append(("mcp-session-id", f"own-{next(NUMBERS)}"))
    answer = {"jsonrpc": "2.0", "id": sent["id"], "result": RESULTS[sent["method"]]}
    return Scripted(200, fields, [json.dumps(answer).encode()])


@pytest.fixture
def docs(stack: Stack) -> Stack:
    stack.upstream.answer = server
    return stack


async def post(stack: Stack, headers: Headers, method: str, rpc_id: int | str | None, params: object):
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if rpc_id is not None:
        message["id"] = rpc_id
    return await stack.call("POST", "/mcp", host=DOCS, headers=headers, json=message)


async def session_of(stack: Stack, subject: str = "alice", **claims: object) -> Headers:
    """The fields by which this caller speaks in a session of its own."""
    caller = stack.issuer.headers(subject, **claims)
    opened = await post(stack, caller, "initialize", 0, {})
    return {**caller, "mcp-session-id": opened.headers["mcp-session-id"]}


async def cancel(stack: Stack, headers: Headers, rpc_id: object, **more: str) -> httpx.Response:
    return await post(stack, headers, "notifications/cancelled", None, {"requestId": rpc_id, **more})


async def end(stack: Stack, headers: Headers) -> httpx.Response:
    return await stack.call("DELETE", "/mcp", host=DOCS, headers=headers)


async def hold(stack: Stack, headers: Headers, rpc_id: int | str | None = None) -> Held:
    """A call that waits for approval; with an id of its own, unless one is given."""
    mark = next(NUMBERS)
    rpc_id = mark if rpc_id is None else rpc_id
    params = {"name": "publish", "arguments": {"mark": mark}}
    task = asyncio.create_task(post(stack, headers, "tools/call", rpc_id, params))
    async with asyncio.timeout(WITHIN_S):
        while True:
            for each in stack.approvals.recent(pending_only=True, limit=100):
                if json.loads(each.request.preview) == {"mark": mark}:
                    return Held(rpc_id, task, each)
            await asyncio.sleep(POLL_S)


async def assert_withdrawn(stack: Stack, held: Held, why: str) -> dict[str, object]:
    """It is over for its caller, for approvers, for the backend and for the record, whose entry is returned."""
    answer = await asyncio.wait_for(held.answer, WITHIN_S)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.json()["id"], answer.json()["error"]["data"]["reason"]) == (held.rpc_id, "caller-gone")
    assert held.approval not in stack.approvals.recent(pending_only=True, limit=100)
    with pytest.raises(VoteRefused, match="not-pending cancelled"):
        stack.vote(held.approval)
    assert published(stack, held.approval) == 0
    entry = await stack.end_of(held.approval.request.call_id)
    assert (entry["kind"], entry["reason"], entry["rule"]) == ("call.denied", "caller-gone", f"approval.{why}")
    return entry


async def assert_waits(stack: Stack, held: Held) -> None:
    """It is still held, and goes when it is approved."""
    assert stack.approvals.get(held.approval.request.approval_id).state == "pending"
    stack.vote(held.approval)
    assert (await asyncio.wait_for(held.answer, WITHIN_S)).json()["result"] == RESULTS["tools/call"]
    assert published(stack, held.approval) == 1


def published(stack: Stack, approval: Approval) -> int:
    """How often the call of this approval reached the backend."""
    bodies = [json.loads(seen.body).get("params", {}) for seen in stack.reached if seen.body]
    return [each.get("arguments") for each in bodies].count(json.loads(approval.request.preview))


async def test_a_cancelled_call_is_withdrawn_whichever_worker_holds_it(docs: Stack) -> None:
    """The notification is decided, recorded and forwarded as any other."""
    alice, met = await session_of(docs), set()
    while len(met) < 2:
        held = await hold(docs, alice)
        assert (await cancel(docs, alice, held.rpc_id)).status_code == 202
        holder = await assert_withdrawn(docs, held, "call-cancelled")
        assert json.loads(docs.reached[-1].body)["params"] == {"requestId": held.rpc_id}
        withdrawn = len(docs.reached) - 1  # beside the message that opened the session
        found = await docs.until(lambda entries, wanted=withdrawn: len(notifications(entries)) == wanted)
        notification = notifications(found)[-1]
        assert notification["detail"] == "withdrew held calls: 1"
        met.add(holder["worker"] == notification["worker"])
        assert withdrawn < 40


def notifications(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        each
        for each in entries
        if each["function"] == "docs.notifications/cancelled" and each["kind"] == "call.completed"
    ]


async def test_the_end_of_a_session_withdraws_its_calls_and_no_others(docs: Stack) -> None:
    alice, elsewhere, bob = await session_of(docs), await session_of(docs), await session_of(docs, "bobby")
    withdrawn = [await hold(docs, alice, 1), await hold(docs, alice, "two")]
    others = [await hold(docs, elsewhere, 1), await hold(docs, bob, 1)]
    assert (await end(docs, alice)).status_code == 200
    for each in withdrawn:
        await assert_withdrawn(docs, each, "session-ended")
    for each in others:
        await assert_waits(docs, each)


async def test_only_the_id_itself_is_cancelled(docs: Stack) -> None:
    """A number is not the text that it is written with."""
    alice = await session_of(docs)
    number, text = await hold(docs, alice, 7), await hold(docs, alice, "7")
    for other in (8, "07", 7.5, True, None, [7]):
        await cancel(docs, alice, other)
    await cancel(docs, alice, "7")
    await assert_withdrawn(docs, text, "call-cancelled")
    await assert_waits(docs, number)


async def test_a_stranger_withdraws_nothing(docs: Stack) -> None:
    """Neither with the stolen id of the session, nor in a session of its own, nor as another agent."""
    alice = await session_of(docs)
    held, bare = await hold(docs, alice), await hold(docs, docs.issuer.headers())
    mallory, agent = docs.issuer.headers("mallory"), docs.issuer.headers(act={"sub": "agent-7"})
    stolen = {"mcp-session-id": alice["mcp-session-id"]}
    for refused in (await cancel(docs, mallory | stolen, held.rpc_id), await end(docs, mallory | stolen)):
        assert (await docs.ended_of(refused))["reason"] == "unknown-session"
    for stranger in (mallory, await session_of(docs, "mallory"), agent | stolen, agent):
        await cancel(docs, stranger, held.rpc_id)
        await cancel(docs, stranger, bare.rpc_id)
        await end(docs, stranger)
    await assert_waits(docs, held)
    await assert_waits(docs, bare)


async def test_a_caller_without_a_session_cancels_its_own_call(docs: Stack) -> None:
    """A server that gives no ids: caller, connection and the call's id are enough."""
    caller = docs.issuer.headers()
    held = await hold(docs, caller)
    other = await hold(docs, await session_of(docs), held.rpc_id)
    await cancel(docs, caller, held.rpc_id)
    await end(docs, caller)
    await assert_withdrawn(docs, held, "call-cancelled")
    await assert_waits(docs, other)


async def test_a_cancellation_that_policy_denies_withdraws_the_call_too(docs: Stack) -> None:
    alice = await session_of(docs)
    held = await hold(docs, alice)
    assert (await cancel(docs, alice, held.rpc_id, env="forbidden")).status_code == 202
    await assert_withdrawn(docs, held, "call-cancelled")


async def test_a_cancellation_of_a_call_that_is_not_held_only_passes(docs: Stack) -> None:
    """Nor does a second one of the same call do anything."""
    alice = await session_of(docs)
    held = await hold(docs, alice)
    cancelled = [next(NUMBERS), held.rpc_id, held.rpc_id]
    for rpc_id in cancelled:
        assert (await cancel(docs, alice, rpc_id)).status_code == 202
    await assert_withdrawn(docs, held, "call-cancelled")
    assert [json.loads(seen.body)["params"]["requestId"] for seen in docs.reached[-3:]] == cancelled


async def test_a_call_that_is_cancelled_before_it_is_held_is_withdrawn(docs: Stack) -> None:
    """The caller is still sending it."""
    alice = await session_of(docs)
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "publish"}}
    body = json.dumps(message).encode()
    fields = {"host": DOCS, "content-type": "application/json", "content-length": str(len(body)), **alice}
    connection, before = await docs.connect(), await docs.answered()
    connection[1].write(request("POST", "/mcp", *fields.items(), body=body[:10]))
    async with asyncio.timeout(WITHIN_S):
        while await docs.answered() == before:  # the guard knows of the call
            await asyncio.sleep(POLL_S)
    assert (await cancel(docs, alice, 7)).status_code == 202
    answer = await speak(connection, body[10:], within_s=WITHIN_S)
    assert json.loads(answer.body)["error"]["data"]["reason"] == "caller-gone"
    assert docs.approvals.recent(pending_only=True, limit=100) == []
    assert not any(b"publish" in seen.body for seen in docs.reached)


async def test_an_approval_and_a_cancellation_at_once_have_one_winner(docs: Stack) -> None:
    """The backend gets the call if, and only if, the caller gets its result."""
    alice, results = await session_of(docs), []
    for number in range(12):
        held = await hold(docs, alice)
        await asyncio.gather(
            approve_at_once(docs, held.approval), cancel_late(docs, alice, held.rpc_id, number * 0.02)
        )
        answer = (await asyncio.wait_for(held.answer, WITHIN_S)).json()
        assert published(docs, held.approval) == ("result" in answer)
        state = docs.approvals.get(held.approval.request.approval_id).state
        assert state == ("approved" if "result" in answer else "cancelled")
        results.append("result" in answer)
    print(f"the approval came first in {sum(results)} of {len(results)}")


async def approve_at_once(stack: Stack, approval: Approval) -> None:
    with contextlib.suppress(VoteRefused):
        await asyncio.to_thread(stack.vote, approval)


async def cancel_late(stack: Stack, headers: Headers, rpc_id: int | str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await cancel(stack, headers, rpc_id)


async def test_a_client_of_the_sdk_goes_on_after_it_cancelled_a_call(docs: Stack) -> None:
    """It cancels when its program no longer waits, and the error that ends the held call disturbs nothing."""
    sdk, http = pytest.importorskip("mcp"), pytest.importorskip("httpx2")
    transport = pytest.importorskip("mcp.client.streamable_http")
    async with http.AsyncClient(headers=docs.headers(DOCS), timeout=WITHIN_S) as client:
        stream = transport.streamable_http_client(docs.envoy.url + "/mcp", http_client=client)
        async with sdk.Client(stream, mode="legacy") as caller:
            waiting = asyncio.create_task(caller.call_tool("publish", {"mark": 1}))
            (approval,) = await docs.pending()
            waiting.cancel()
            entry = await docs.end_of(approval.request.call_id)
            assert (await caller.call_tool("search", {})).content[0].text == "done"
    assert (entry["reason"], entry["rule"]) == ("caller-gone", "approval.call-cancelled")
    assert published(docs, approval) == 0
