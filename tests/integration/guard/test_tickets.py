"""A caller that cannot wait gets a ticket: the same call, made again, is forwarded once it is approved, and only once."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from extproc.approvals.approval import Approval
from tests.integration.guard.stack import DOCS, Stack, run_stack
from tests.integration.guard.test_grpc import call as call_grpc
from tests.integration.guard.test_withdrawn import RESULTS, cancel, end, post, server, session_of
from tests.integration.support.shop import Item, Shop, replies
from tests.integration.support.shop import settings as shop_settings
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

WAIT_S = 1.0
"""``approvals.wait`` of this stack."""
NUMBERS = itertools.count(1)
"""Of calls: no two tests have the same one."""
ANSWER = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def impatient(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Two workers, whose callers wait for one second."""
    folder, approvals = tmp_path_factory.mktemp("shop"), {"groups": ["sre"], "expires_in": 60}
    connection = shop_settings(folder, shop.address, credential={"file": "credential"}, approvals=approvals)
    control = {"public_url": "https://approve.example.com"}
    async with run_stack(approvals={"wait": WAIT_S}, control=control, connections={"shop": connection}) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def stack(impatient: Stack) -> AsyncIterator[Stack]:
    impatient.upstream.answer = ANSWER
    impatient.fresh()
    yield impatient
    await impatient.settled()


def body_of(**arguments: object) -> bytes:
    """A call that no other test makes."""
    return json.dumps({"n": next(NUMBERS), **arguments}).encode()


async def deploy(stack: Stack, body: bytes, **headers: str) -> httpx.Response:
    return await stack.call("POST", "/deploys", content=body, headers=headers)


def ticket_in(answer: httpx.Response) -> str:
    """The approval's id in a problem document."""
    assert (answer.status_code, answer.json()["reason"]) == (409, "approval-required")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    told: str = answer.json()["approval"]
    return told


def approval(stack: Stack, approval_id: str) -> Approval:
    found = stack.approvals.get(approval_id)
    assert found
    return found


async def test_an_answer_says_where_people_decide(stack: Stack) -> None:
    answer = await deploy(stack, body_of())
    assert answer.json()["approval_url"] == f"https://approve.example.com/approvals/{ticket_in(answer)}"


async def test_a_call_made_again_is_forwarded_once_it_is_approved(stack: Stack) -> None:
    """It waits for the same request; its exact bytes go; a call after that is another one."""
    body = body_of()
    first = ticket_in(await deploy(stack, body))
    assert ticket_in(await deploy(stack, body)) == first
    assert approval(stack, first).ticketed
    again = asyncio.create_task(deploy(stack, body))
    await asyncio.sleep(WAIT_S / 3)
    assert stack.reached == []
    stack.vote(approval(stack, first))
    answer = await again
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert [seen.body for seen in stack.reached] == [body]
    assert ticket_in(await deploy(stack, body)) != first
    assert len(stack.reached) == 1


async def test_what_was_approved_meanwhile_goes_at_once(stack: Stack) -> None:
    body = body_of()
    ticket = ticket_in(await deploy(stack, body))
    stack.vote(approval(stack, ticket))
    assert (await deploy(stack, body)).status_code == 200
    assert len(stack.reached) == 1
    entries = await stack.until(lambda found: sum(each["kind"] == "call.completed" for each in found) == 1)
    ended = {each["kind"]: each for each in entries}
    assert ended["call.denied"]["reason"] == "approval-required"
    assert ended["call.completed"]["approvers"] == ["https://login.example.com|bob"]
    assert ended["call.completed"]["approval_id"] == ended["call.denied"]["approval_id"] == ticket


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + b" ",
        lambda body: body.replace(b'"n"', b'"N"'),
        lambda body: body.replace(b"}", b', "env": "live"}'),
    ],
    ids=["a blank", "a name", "one more"],
)
async def test_an_approval_releases_no_other_arguments(stack: Stack, change: Any) -> None:
    """Changed arguments are another call, even if they mean the same."""
    body = body_of()
    ticket = ticket_in(await deploy(stack, body))
    stack.vote(approval(stack, ticket))
    assert ticket_in(await deploy(stack, change(body))) != ticket
    assert stack.reached == []


async def test_an_approval_releases_no_other_callers_call(stack: Stack) -> None:
    body = body_of()
    ticket = ticket_in(await deploy(stack, body))
    stack.vote(approval(stack, ticket))
    assert ticket_in(await deploy(stack, body, **stack.issuer.headers("mallory"))) != ticket
    agent = stack.issuer.headers("alice", act={"sub": "bot"})
    assert ticket_in(await deploy(stack, body, **agent)) != ticket
    assert stack.reached == []


async def test_of_many_at_once_one_is_forwarded(stack: Stack) -> None:
    """They wait for one request; the others then ask for another."""
    body = body_of()
    ticket = ticket_in(await deploy(stack, body))
    calls = [asyncio.create_task(deploy(stack, body)) for _ in range(6)]
    await asyncio.sleep(WAIT_S / 2)
    pending = [each for each in stack.approvals.recent(pending_only=True, limit=100) if each.ticketed]
    assert [each.request.approval_id for each in pending].count(ticket) == 1
    stack.vote(approval(stack, ticket))
    answers = await asyncio.gather(*calls)
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409, 409, 409]
    assert len(stack.reached) == 1
    assert len({ticket_in(each) for each in answers if each.status_code == 409} - {ticket}) == 1


async def test_a_denied_call_stays_denied(stack: Stack) -> None:
    body = body_of()
    ticket = ticket_in(await deploy(stack, body))
    stack.vote(approval(stack, ticket), approve=False)
    for _ in range(2):
        answer = await deploy(stack, body)
        assert (answer.status_code, answer.json()["reason"]) == (403, "approval-denied")
    assert stack.reached == []


async def test_a_ticket_expires(stack: Stack) -> None:
    """A caller that waits at that moment is told so; a later call is another request."""
    body = body_of(env="slow")
    answer = await deploy(stack, body)
    ticket = ticket_in(answer)
    while answer.status_code == 409:
        answer = await deploy(stack, body)
    assert (answer.status_code, answer.json()["reason"]) == (403, "approval-expired")
    assert ticket_in(await deploy(stack, body)) != ticket
    assert stack.reached == []


async def test_in_mode_ticket_nobody_waits(stack: Stack) -> None:
    body = body_of(env="ticket")
    ticket = ticket_in(await deploy(stack, body))
    assert ticket_in(await deploy(stack, body)) == ticket
    held = await stack.until(lambda found: sum(each["kind"] == "call.denied" for each in found) == 2)
    assert all(each.get("held_ms", 0) < WAIT_S * 1000 for each in held)
    stack.vote(approval(stack, ticket))
    assert (await deploy(stack, body)).status_code == 200
    assert len(stack.reached) == 1


async def test_in_mode_wait_the_caller_waits(stack: Stack) -> None:
    call = asyncio.create_task(deploy(stack, body_of(env="wait")))
    await asyncio.sleep(2 * WAIT_S)
    assert not call.done()
    [pending] = [
        each for each in stack.approvals.recent(pending_only=True, limit=100) if '"wait"' in each.request.preview
    ]
    assert not pending.ticketed
    stack.vote(pending)
    assert (await call).status_code == 200


def told_over_grpc(got: Any) -> tuple[ErrorInfo, RetryInfo]:
    assert got.code is grpc.StatusCode.FAILED_PRECONDITION
    packed = got.trailing.get("grpc-status-details-bin") or got.initial["grpc-status-details-bin"]
    raw = packed if isinstance(packed, bytes) else base64.b64decode(packed + "==")
    info, retry = ErrorInfo(), RetryInfo()
    for each in Status.FromString(raw).details:
        each.Unpack(info)
        each.Unpack(retry)
    return info, retry


async def test_over_grpc_a_ticket_is_a_failed_precondition(stack: Stack, shop: Shop) -> None:
    shop.fresh(replies(Item(id="done")))
    item = Item(id=f"ticket-{next(NUMBERS)}")
    info, retry = told_over_grpc(await call_grpc(stack, item, method="Restock"))
    assert (info.reason, retry.retry_delay.seconds > 0) == ("APPROVAL_REQUIRED", True)
    again, _ = told_over_grpc(await call_grpc(stack, item, method="Restock"))
    assert again.metadata["approval"] == info.metadata["approval"]
    assert shop.asked == []
    stack.vote(approval(stack, info.metadata["approval"]))
    got = await call_grpc(stack, item, method="Restock")
    assert (got.code, got.items, len(shop.asked)) == (grpc.StatusCode.OK, [Item(id="done")], 1)


@pytest.fixture
def docs(stack: Stack) -> Stack:
    stack.upstream.answer = server
    return stack


def published(stack: Stack) -> list[Any]:
    """The calls of the tool that reached the server, as it got them."""
    bodies = [json.loads(seen.body) for seen in stack.reached if seen.body]
    return [each for each in bodies if each.get("method") == "tools/call"]


async def publish(stack: Stack, headers: dict[str, str], rpc_id: int, mark: int, **meta: object) -> dict[str, Any]:
    """Call the tool that is held; the answer's message."""
    params = {"name": "publish", "arguments": {"mark": mark}, **({"_meta": meta} if meta else {})}
    answer = await post(stack, headers, "tools/call", rpc_id, params)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    assert told["id"] == rpc_id
    return told


def facts_of(message: dict[str, Any]) -> dict[str, Any]:
    """What a program reads in a tool's ticket."""
    assert message["result"]["isError"] is True
    assert "exactly the same arguments" in message["result"]["content"][0]["text"]
    told: dict[str, Any] = message["result"]["_meta"]["extproc/approval"]
    return told


async def test_over_mcp_a_ticket_is_a_tools_result(docs: Stack) -> None:
    """The same call has another id, another progress token and another trace; the server gets the one that it is."""
    alice, mark = await session_of(docs), next(NUMBERS)
    first = facts_of(await publish(docs, alice, 1, mark, progressToken=1))
    again = facts_of(await publish(docs, alice, 2, mark, progressToken=2, traceparent="00-1-2-03"))
    assert again["approval"] == first["approval"]
    assert published(docs) == []
    docs.vote(approval(docs, first["approval"]))
    done = await publish(docs, alice, 3, mark, progressToken=3)
    assert done["result"] == RESULTS["tools/call"]
    [seen] = published(docs)
    assert (seen["id"], seen["params"]["_meta"]) == (3, {"progressToken": 3})
    other = facts_of(await publish(docs, alice, 4, next(NUMBERS)))
    assert other["approval"] != first["approval"]


async def test_a_ticket_outlives_its_session(docs: Stack) -> None:
    """A new session of the same caller may take it up: it is the caller and the call that count."""
    first, mark = await session_of(docs), next(NUMBERS)
    ticket = facts_of(await publish(docs, first, 1, mark))["approval"]
    docs.vote(approval(docs, ticket))
    again = await publish(docs, await session_of(docs), 1, mark)
    assert again["result"] == RESULTS["tools/call"]
    assert len(published(docs)) == 1


async def test_a_cancellation_withdraws_a_ticket(docs: Stack) -> None:
    """``notifications/cancelled`` for the call that was answered with it; the same call then is another request."""
    alice, mark = await session_of(docs), next(NUMBERS)
    ticket = facts_of(await publish(docs, alice, 7, mark))["approval"]
    assert (await cancel(docs, alice, 7)).status_code == 202
    assert approval(docs, ticket).state == "cancelled"
    assert facts_of(await publish(docs, alice, 8, mark))["approval"] != ticket


async def test_the_end_of_a_session_withdraws_its_tickets(docs: Stack) -> None:
    alice, mark = await session_of(docs), next(NUMBERS)
    ticket = facts_of(await publish(docs, alice, 7, mark))["approval"]
    await end(docs, alice)
    assert approval(docs, ticket).state == "cancelled"
    assert facts_of(await publish(docs, await session_of(docs), 8, mark))["approval"] != ticket


async def test_a_cancelled_call_that_waits_again_is_given_up(docs: Stack) -> None:
    alice, mark = await session_of(docs), next(NUMBERS)
    ticket = facts_of(await publish(docs, alice, 1, mark))["approval"]
    params = {"name": "publish", "arguments": {"mark": mark}}
    again = asyncio.create_task(post(docs, alice, "tools/call", 2, params))
    await asyncio.sleep(WAIT_S / 3)
    assert (await cancel(docs, alice, 2)).status_code == 202
    answer = (await again).json()
    assert answer["error"]["data"]["reason"] == "caller-gone"
    assert approval(docs, ticket).state == "cancelled"
    assert published(docs) == []


OPENS_PAGES = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
}
ACCEPTED = {"extproc-approval": {"action": "accept"}}


def call_of(rpc_id: int, mark: int, **given_back: object) -> bytes:
    """The tool's call by a client of the newer era, written as no library writes it."""
    params = {"name": "publish", "arguments": {"mark": mark}, "_meta": OPENS_PAGES, **given_back}
    return json.dumps(
        {"jsonrpc": "2.0", "id": rpc_id, "method": "tools/call", "params": params}, indent=1
    ).encode()


async def send(stack: Stack, body: bytes, **headers: str) -> dict[str, Any]:
    fields = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", **headers}
    told: dict[str, Any] = (await stack.call("POST", "/mcp", host=DOCS, headers=fields, content=body)).json()
    return told


def reason_of(message: dict[str, Any]) -> str:
    told: str = message["error"]["data"]["reason"]
    return told


async def test_a_client_of_the_newer_era_comes_back_by_protocol(docs: Stack) -> None:
    """It opens the page once. The server gets the very bytes of a call that nobody had to approve."""
    mark = next(NUMBERS)
    asked = (await send(docs, call_of(1, mark)))["result"]
    question = asked["inputRequests"]["extproc-approval"]["params"]
    assert question["url"].startswith("https://approve.example.com/approvals/")
    state = asked["requestState"]
    again = (await send(docs, call_of(2, mark, requestState=state, inputResponses=ACCEPTED)))["result"]
    assert again.keys() == {"resultType", "requestState"}
    docs.vote(approval(docs, question["url"].rpartition("/")[2]))
    done = await send(docs, call_of(3, mark, requestState=again["requestState"]))
    assert done["result"] == RESULTS["tools/call"]
    [seen] = docs.reached
    assert (seen.body, seen.header("content-length")) == (call_of(3, mark), str(len(call_of(3, mark))))
    assert "extproc-approval" not in repr(seen)


async def test_a_state_of_somebody_else_or_of_another_call_is_refused(docs: Stack) -> None:
    mark = next(NUMBERS)
    state = (await send(docs, call_of(1, mark)))["result"]["requestState"]
    docs.vote(approval(docs, await pending_of(docs, mark)))
    changed = state[:-1] + ("A" if state[-1] != "A" else "B")
    mallory = docs.issuer.headers("mallory")
    assert reason_of(await send(docs, call_of(2, mark, requestState=state), **mallory)) == "ticket-refused"
    assert reason_of(await send(docs, call_of(2, mark, requestState=changed))) == "ticket-refused"
    assert reason_of(await send(docs, call_of(2, next(NUMBERS), requestState=state))) == "ticket-refused"
    copied = {"mcp-param-mark": state}
    assert reason_of(await send(docs, call_of(2, mark, requestState=state), **copied)) == "uninspectable"
    assert docs.reached == []
    assert "result" in await send(docs, call_of(3, mark, requestState=state))
    again = await send(docs, call_of(4, mark, requestState=state))
    assert again["result"]["resultType"] == "input_required"  # used: people are asked anew
    assert len(docs.reached) == 1


async def pending_of(stack: Stack, mark: int) -> str:
    [found] = [
        each.request.approval_id
        for each in stack.approvals.recent(pending_only=True, limit=100)
        if json.loads(each.request.preview) == {"mark": mark}
    ]
    return found


async def test_a_server_that_sends_the_guards_form_gains_nothing(docs: Stack) -> None:
    """A state that only begins as the guard's does not open: the call is held, and refused with it."""
    mark = next(NUMBERS)
    state = (await send(docs, call_of(1, mark)))["result"]["requestState"]
    prefix = state[: state.index(".") + 1]
    docs.vote(approval(docs, await pending_of(docs, mark)))
    for forged in (prefix, prefix + ".", prefix + "WyJhIl0.AAAAAAAAAAAAAAAAAAAAAA"):
        assert reason_of(await send(docs, call_of(2, mark, requestState=forged))) == "ticket-refused"
    assert docs.reached == []


async def test_a_servers_own_state_passes(docs: Stack) -> None:
    mark = next(NUMBERS)
    body = call_of(1, mark, requestState="of the server", inputResponses={"name": {"action": "accept"}})
    ticket = facts_of(await send(docs, body))["approval"]
    docs.vote(approval(docs, ticket))
    assert "result" in await send(docs, body)
    assert [seen.body for seen in docs.reached] == [body]


async def test_a_state_is_kept_nowhere(docs: Stack) -> None:
    """Neither in a spool, nor in the approvals, nor in a log of the workers or of Envoy."""
    mark = next(NUMBERS)
    state = (await send(docs, call_of(1, mark)))["result"]["requestState"]
    await send(docs, call_of(2, mark, requestState=state, inputResponses=ACCEPTED))
    await send(docs, call_of(3, next(NUMBERS), requestState=state))
    await docs.settled()
    files = [each for each in docs.settings.state.rglob("*") if each.is_file()]
    kept = b"".join(each.read_bytes() for each in files) + (docs.logs() + docs.envoy.log()).encode()
    kept += str(docs.envoy.access_log()).encode()
    assert (await pending_of(docs, mark)).encode() in kept  # the sweep reads what is kept
    for part in (state, *state.rsplit(".", 2)[1:]):
        assert part.encode() not in kept
