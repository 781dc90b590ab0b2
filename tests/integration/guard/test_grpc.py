"""gRPC on the real Envoy, from a real client to a real backend: every shape of call, and every way to say no."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from extproc.approvals.approval import Vote
from tests.integration.guard.stack import CARD, CREDENTIAL, POLL_S, SSN, WITHIN_S, Stack
from tests.integration.support.http2_client import call_http2
from tests.integration.support.shop import (
    HOST,
    SERVICE,
    Answer,
    Got,
    Item,
    Shop,
    call_shop,
    framed,
    replies,
)

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

OVERTAKEN = "Internal error from Core"
"""grpc.aio reports this for an answer that comes while it still writes the request, as Envoy's own may."""
CALL_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
CODE = grpc.StatusCode
TEXT = " ".join(map(str, range(400)))
CANARIES = (SSN, CARD, CREDENTIAL)


async def call(stack: Stack, *items: Any, method: str = "GetItem", token: bool = True, **options: Any) -> Got:
    """Call through Envoy; no canary is in anything that the caller sees."""
    metadata = [*options.pop("metadata", ())]
    if token:
        metadata.append(("authorization", stack.issuer.headers()["authorization"]))
    for _ in range(5):
        got = await call_shop(f"127.0.0.1:{stack.port}", items, method, metadata=metadata, **options)
        if got.message != OVERTAKEN:
            break
    for canary in CANARIES:
        assert canary not in got.everything
    return got


def id_of(got: Got) -> str:
    """The call's id, of whatever became of it."""
    told = got.initial.get("x-extproc-call-id") or got.trailing.get("x-extproc-call-id")
    found = CALL_ID.search(str(told or got.message))
    assert found, got
    return found[0]


async def end_of(stack: Stack, got: Got) -> dict[str, Any]:
    """The terminal entry; no canary is in it."""
    entry = await stack.end_of(id_of(got))
    for canary in CANARIES:
        assert canary not in str(entry)
    return entry


async def test_a_unary_call_is_masked(stack: Stack, shop: Shop) -> None:
    """The backend gets its credential and not the caller's token; what comes back is masked; both are recorded."""
    shop.fresh(replies(Item(id="7", notes=[SSN, f"sent {CREDENTIAL}"], data=CARD.encode(), stock=3)))
    got = await call(stack, Item(id="7", unit_price=2.5, notes=[f"for {SSN}"]))
    assert (got.code, got.items) == (
        CODE.OK,
        [Item(id="7", notes=["[US_SSN]", "sent [CREDENTIAL]"], data=b"[CREDIT_CARD]", stock=3)],
    )
    [asked] = shop.asked
    assert (asked.method, asked.items) == (
        f"/{SERVICE}/GetItem",
        [Item(id="7", unit_price=2.5, notes=[f"for {SSN}"])],
    )
    assert asked.metadata["authorization"] == f"Bearer {CREDENTIAL}"
    entry = await end_of(stack, got)
    assert (entry["protocol"], entry["function"]) == ("grpc", f"shop.{SERVICE}/GetItem")
    assert (entry["kind"], entry["status"], entry["detail"]) == ("call.completed", 200, "grpc-status 0")
    assert entry["arguments"] == '{"id":"7","unitPrice":2.5,"notes":["for [US_SSN]"]}'
    assert '"notes": ["[US_SSN]", "sent [CREDENTIAL]"]' in entry["response"]


async def test_names_in_maps_and_trees_tell(stack: Stack, shop: Shop) -> None:
    """A key, a member beside the value; in an answer and in its record."""
    item = Item(id="7", labels={"api_key": "canary key", "color": "red"})
    item.meta.update({"password": "canary one", "name": "DB_PASSWORD", "value": "canary two", "note": "x"})
    shop.fresh(replies(item))
    got = await call(stack, Item(id="7"))
    [seen] = got.items
    assert dict(seen.labels) == {"api_key": "[NAMED_SECRET]", "color": "red"}
    assert {key: value.string_value for key, value in seen.meta.fields.items()} == {
        "password": "[NAMED_SECRET]",
        "name": "DB_PASSWORD",
        "value": "[NAMED_SECRET]",
        "note": "x",
    }
    assert "canary" not in str(await end_of(stack, got))


async def test_a_request_is_masked(stack: Stack, shop: Shop) -> None:
    shop.fresh(replies(Item()))
    item = Item(env="masked", unit_price=2.5, notes=[SSN], meta={"ssn": SSN, "n": 1})
    got = await call(stack, item, compression=grpc.Compression.Gzip, metadata=[("x-note", SSN)])
    assert got.code is CODE.OK
    [asked] = shop.asked
    assert asked.items == [
        Item(env="masked", notes=["[US_SSN]"], unit_price=0.0, meta={"ssn": "[US_SSN]", "n": 1})
    ]
    assert asked.metadata["x-note"] == "[US_SSN]"


async def test_a_servers_stream_is_live(stack: Stack, shop: Shop) -> None:
    """Each message goes as soon as it is there, masked."""
    seen: asyncio.Queue[Any] = asyncio.Queue()
    more = asyncio.Event()

    async def answer(_asked: list[Any], _context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        yield Item(notes=[SSN])
        await more.wait()
        yield Item(notes=[CARD, "x" * 50_000])

    shop.fresh(answer)
    calling = asyncio.create_task(call(stack, Item(), method="ListItems", seen=seen))
    async with asyncio.timeout(WITHIN_S):
        assert await seen.get() == Item(notes=["[US_SSN]"])
    more.set()
    got = await calling
    assert got.code is CODE.OK
    assert got.items[1] == Item(notes=["[CREDIT_CARD]", "x" * 50_000])
    assert (await end_of(stack, got))["response"].startswith('{"notes": ["[US_SSN]"]}\n')


@pytest.mark.parametrize("method", ["AddItems", "Chat"])
async def test_a_clients_stream_is_decided_whole(stack: Stack, shop: Shop, method: str) -> None:
    """No message reaches the backend before the last one is there and all are allowed."""
    shop.fresh(
        replies(Item(id="a", notes=[SSN]), Item(id="b")) if method == "Chat" else replies(Item(notes=[SSN]))
    )
    got = await call(stack, Item(id="1"), Item(id="2", notes=[SSN]), method=method)
    assert got.code is CODE.OK
    assert got.items[0].notes == ["[US_SSN]"]
    assert [len(each.items) for each in shop.asked] == [2]
    entry = await end_of(stack, got)
    assert entry["arguments"] == '[{"id":"1"},{"id":"2","notes":["[US_SSN]"]}]'


def failing(*, first: Sequence[Any] = (), early: bool = False, rich: bool = False, apart_s: float = 0.0) -> Answer:
    """Answers, and then fails with canaries in everything; messages so far apart that each comes by itself."""

    async def answer(_asked: list[Any], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        if early:
            await context.send_initial_metadata((("x-early", f"card {CARD}"),))
        for each in first:
            yield each
            await asyncio.sleep(apart_s)
        trailing = [("x-late", f"card {CARD}"), ("x-late-bin", b"\x00\xff " + SSN.encode())]
        if rich:
            status = status_pb2.Status(code=5, message=f"no {SSN}")
            status.details.add().Pack(error_details_pb2.DebugInfo(detail=f"{SSN} {CREDENTIAL}"))
            trailing.append(("grpc-status-details-bin", status.SerializeToString()))
        context.set_trailing_metadata(tuple(trailing))
        await context.abort(CODE.NOT_FOUND, f"no item of {SSN} by {CREDENTIAL}")

    return answer


@pytest.mark.parametrize("first", [[], [Item(notes=[SSN])]])
@pytest.mark.parametrize("early", [True, False])
async def test_errors_are_masked(stack: Stack, shop: Shop, first: list[Any], early: bool) -> None:
    """With and without messages before them; trailers alone, too."""
    shop.fresh(failing(first=first, early=early, rich=True))
    got = await call(stack, Item(), method="ListItems")
    assert (got.code, got.message) == (CODE.NOT_FOUND, "no item of [US_SSN] by [CREDENTIAL]")
    assert len(got.items) == len(first)
    assert got.trailing["x-late"] == "card [CREDIT_CARD]"
    assert "x-late-bin" not in got.trailing
    details = status_pb2.Status.FromString(bytes(got.trailing["grpc-status-details-bin"]))  # type: ignore[arg-type]
    info = error_details_pb2.DebugInfo()
    assert details.message == "no [US_SSN]"
    assert details.details[0].Unpack(info)
    assert info.detail == "[US_SSN] [CREDENTIAL]"
    entry = await end_of(stack, got)
    assert (entry["kind"], entry["detail"]) == ("call.completed", "grpc-status 5")


async def test_compressed_messages_come_back_masked(stack: Stack, shop: Shop) -> None:
    async def answer(_asked: list[Any], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        context.set_compression(grpc.Compression.Gzip)
        yield Item(notes=[SSN] * 50)
        yield Item(notes=["plain" * 99])

    shop.fresh(answer)
    got = await call(stack, Item(notes=[TEXT]), method="ListItems", compression=grpc.Compression.Deflate)
    assert (got.code, got.items) == (CODE.OK, [Item(notes=["[US_SSN]"] * 50), Item(notes=["plain" * 99])])
    assert shop.asked[0].items == [Item(notes=[TEXT])]


REFUSED = {
    "denied": ([Item(env="forbidden")], {}, CODE.PERMISSION_DENIED, "forbidden-argument"),
    "an unknown method": ([Item()], {"method": "Hidden"}, CODE.UNIMPLEMENTED, "unknown-function"),
    "an unknown service": ([Item()], {"method": "/x.Y/Z"}, CODE.UNIMPLEMENTED, "unknown-function"),
    "an unknown host": ([Item()], {"authority": "nobody.example.com"}, CODE.UNIMPLEMENTED, "unknown-function"),
    "two messages": ([Item(), Item(env="forbidden")], {}, CODE.INVALID_ARGUMENT, "uninspectable"),
    "no message": ([], {}, CODE.INVALID_ARGUMENT, "uninspectable"),
    "too large": ([Item(data=b"x" * (65 << 10))], {}, CODE.RESOURCE_EXHAUSTED, "body-too-large"),
    "too large for Envoy": ([Item(data=b"x" * (400 << 10))], {}, CODE.RESOURCE_EXHAUSTED, "body-too-large"),
}


@pytest.mark.parametrize(("items", "options", "code", "reason"), REFUSED.values(), ids=REFUSED)
async def test_refusals_are_statuses(  # noqa: PLR0917 - each is a case's
    stack: Stack, shop: Shop, items: list[Any], options: dict[str, Any], code: grpc.StatusCode, reason: str
) -> None:
    shop.fresh(replies(Item()))
    got = await call(stack, *items, **options)
    assert (got.code, shop.asked) == (code, [])
    assert f"({reason}, call " in got.message
    status = status_pb2.Status.FromString(bytes(got.trailing["grpc-status-details-bin"]))  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (reason.upper().replace("-", "_"), "extproc")
    entry = await end_of(stack, got)
    assert (entry["kind"], entry["reason"]) == ("call.denied", reason)


async def test_a_call_without_a_token_is_answered_with_a_status(stack: Stack, shop: Shop) -> None:
    """Envoy answers by itself."""
    shop.fresh(replies(Item()))
    got = await call(stack, Item(), token=False)
    assert (got.code, shop.asked) == (CODE.UNAUTHENTICATED, [])
    got = await call(stack, Item(), token=False, metadata=[("authorization", "Bearer no.such.token")])
    assert (got.code, shop.asked) == (CODE.UNAUTHENTICATED, [])


MALFORMED = {
    "half a frame": framed(Item(id="1"))[:-1],
    "bytes behind it": framed(Item(id="1")) + b"\0",
    "an unknown field": framed(b"\x98\x06\x01"),
    "no message": framed(b"\x08\x01"),
    "an unknown flag": b"\x02" + framed(Item())[1:],
    "a coding not announced": b"\x01" + framed(Item(id="1"))[1:],
    "nothing": b"",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_requests_go_nowhere(stack: Stack, shop: Shop, body: bytes) -> None:
    shop.fresh(replies(Item()))
    headers = {**stack.headers(HOST), "content-type": "application/grpc", "te": "trailers"}
    answer = await call_http2(await stack.connect(), headers, path=f"/{SERVICE}/GetItem", body=body)
    assert (answer.status, answer.headers["grpc-status"], shop.asked) == (200, "3", [])
    assert (await stack.ended())["reason"] == "uninspectable"


async def test_a_caller_that_does_not_speak_grpc_gets_a_problem_document(stack: Stack, shop: Shop) -> None:
    shop.fresh(replies(Item()))
    answer = await stack.call("POST", f"/{SERVICE}/GetItem", host=HOST, json={"id": "1"})
    assert (answer.status_code, answer.json()["reason"], shop.asked) == (400, "uninspectable", [])


async def test_a_message_that_cannot_be_masked_breaks_the_call_off(stack: Stack, shop: Shop) -> None:
    """A part may have gone by then; the rest does not."""
    shop.fresh(replies(Item(id="1"), Item(notes=[SSN], data=b"\xff\xfe\x00")))
    got = await call(stack, Item(), method="ListItems")
    assert got.code in (CODE.INTERNAL, CODE.UNAVAILABLE, CODE.CANCELLED, CODE.UNKNOWN)
    assert len(got.items) <= 1


async def test_a_held_call_is_released_as_it_was(stack: Stack, shop: Shop) -> None:
    """The approver sees the masked message as JSON."""
    shop.fresh(replies(Item(id="done")))
    item = Item(id="9", unit_price=1.5, notes=[SSN])
    calling = asyncio.create_task(call(stack, item, method="Restock"))
    async with asyncio.timeout(WITHIN_S):
        while not (
            found := [
                each
                for each in stack.approvals.recent(pending_only=True, limit=99)
                if "Restock" in each.request.function
            ]
        ):
            await asyncio.sleep(POLL_S)
    [approval] = found
    assert approval.request.preview == '{"id":"9","unitPrice":1.5,"notes":["[US_SSN]"]}'
    assert shop.asked == []
    vote = Vote("https://login.example.com|bob", True, "looked at the change", time.time_ns())
    stack.approvals.vote(approval.request.approval_id, vote, ("sre",))
    got = await calling
    assert (got.code, got.items, shop.asked[0].items) == (CODE.OK, [Item(id="done")], [item])
    entry = await end_of(stack, got)
    assert (entry["reason"], entry["approvers"]) == ("approved", ["https://login.example.com|bob"])


async def test_no_canary_is_kept_anywhere(stack: Stack, shop: Shop) -> None:
    """Neither in the spools nor in a log."""
    shop.fresh(failing(first=[Item(notes=[SSN, CARD, CREDENTIAL])], rich=True))
    got = await call(stack, Item(notes=[SSN, CARD]), method="ListItems", metadata=[("x-note", CARD)])
    await end_of(stack, got)
    kept = b"".join(file.read_bytes() for file in stack.settings.evidence.spool.iterdir() if file.is_file())
    logs = "".join(worker.log() for worker in stack.workers) + stack.envoy.log() + str(stack.envoy.access_log())
    for canary in CANARIES:
        assert canary.encode() not in kept
        assert canary not in logs


async def test_ext_authz_decides_grpc_calls(door: Stack, shop: Shop) -> None:
    """The same decisions, and statuses that a gRPC client reads."""
    shop.fresh(replies(Item(id="1")))
    got = await call(door, Item(id="1"))
    assert (got.code, got.items) == (CODE.OK, [Item(id="1")])
    assert [each.items for each in shop.asked] == [[Item(id="1")]]
    for items, options, code, reason in REFUSED.values():
        got = await call(door, *items, **options)
        if reason == "body-too-large":  # here it is Envoy that says so, in its own way
            assert (got.code, got.message) == (CODE.UNKNOWN, "Payload Too Large")
        else:
            assert got.code is code, got
            assert f"({reason}, call " in got.message, got
    got = await call(door, Item(env="masked"))
    assert (got.code, len(shop.asked)) == (CODE.UNAVAILABLE, 1)
    assert "masking-unavailable" in got.message


@pytest.mark.parametrize("fault", ["leave", "raise"])
@pytest.mark.parametrize(
    "phase",
    [
        "request_headers",
        "request_body",
        "response_headers",
        "response_body",
        "response_body#2",
        "response_trailers",
    ],
)
async def test_a_guard_that_leaves_lets_nothing_out(faulty: Stack, shop: Shop, fault: str, phase: str) -> None:
    """Messages without the guard's answer go nowhere, and no caller takes a part for the whole."""
    shop.fresh(failing(first=[Item(notes=[SSN]), Item(notes=[CARD])], rich=True, apart_s=0.1))
    got = await call(faulty, Item(), method="ListItems", metadata=[("x-test-fault", f"{fault}@{phase}")])
    assert got.code not in (CODE.OK, CODE.NOT_FOUND)
    assert len(got.items) <= 2
    assert [len(shop.asked)] == [0 if phase.startswith("request") else 1]
