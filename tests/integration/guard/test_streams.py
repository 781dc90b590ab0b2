"""Server-sent events: masked one by one, live, and never raw."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.guard.stack import CARD, CREDENTIAL, DOCS, SSN, Stack, received
from tests.integration.support.upstream import Scripted
from tests.support.model_streams import TEXTS, Api

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

SSE = [("content-type", "text/event-stream")]


def event(number: int, text: str = CARD) -> bytes:
    return f'event: n{number}\nid: {number}\ndata: {{"card":"{text}","n":{number}}}\n\n'.encode()


def masked(number: int, label: str = "[CREDIT_CARD]") -> bytes:
    return event(number, label)


def answer(*pieces: bytes | float | asyncio.Event, **how) -> Scripted:
    return Scripted(200, SSE, list(pieces), how.pop("framing", "chunked"), **how)


async def test_each_event_is_masked_and_goes_at_once(stack: Stack) -> None:
    """The first arrives before the backend sends the second."""
    gates = [asyncio.Event(), asyncio.Event()]
    stack.upstream.answer = answer(event(1), gates[0], event(2), gates[1], event(3))
    arrived = []
    async with stack.client.stream("GET", stack.envoy.url + "/events", headers=stack.headers()) as stream:
        assert "content-length" not in stream.headers
        async for piece in stream.aiter_raw():
            arrived.append(piece)
            if b"".join(arrived) in (masked(1), masked(1) + masked(2)):
                gates.pop(0).set()
    assert b"".join(arrived) == masked(1) + masked(2) + masked(3)
    assert gates == []
    entry = await stack.ended()
    assert (entry["kind"], entry["status"]) == ("call.completed", 200)
    assert entry["findings"][0]["entity"] == "CREDIT_CARD"
    assert CARD not in str(stack.entries())
    await stack.assert_unreported()


@pytest.mark.parametrize("size", [1, 2, 7, 33])
async def test_the_cuts_of_a_stream_do_not_change_what_arrives(stack: Stack, size: int) -> None:
    """A number that arrives in single bytes is found too."""
    whole = event(1) + event(2, SSN) + b": comment " + CARD.encode() + b"\n\n" + event(3)
    pieces: list[bytes | float] = []
    for start in range(0, len(whole), size):
        pieces += [whole[start : start + size], 0.0]
    stack.upstream.answer = answer(*pieces)
    got, broken = await received(stack)
    assert not broken
    assert got.startswith(masked(1) + masked(2, "[US_SSN]"))
    assert got.endswith(masked(3))
    assert CARD.encode() not in got
    assert SSN.encode() not in got


@pytest.mark.parametrize("framing", ["length", "until-close"])
async def test_other_framings_stream_as_well(stack: Stack, framing: str) -> None:
    """A content-length would be wrong after masking: it is dropped."""
    stack.upstream.answer = answer(event(1), event(2), framing=framing)
    got, broken = await received(stack)
    assert (got, broken) == (masked(1) + masked(2), False)


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
async def test_all_line_ends_are_known(stack: Stack, end: bytes) -> None:
    """WHATWG HTML section 9.2.5."""
    stack.upstream.answer = answer(event(1).replace(b"\n", end), event(2).replace(b"\n", end))
    got, broken = await received(stack)
    assert not broken
    assert CARD.encode() not in got
    assert got.count(b"[CREDIT_CARD]") == 2


@pytest.mark.parametrize("api", [*TEXTS[:6], TEXTS[7]], ids=str)
async def test_an_entity_over_the_events_of_a_model_is_masked(stack: Stack, api: Api) -> None:
    """Cut anywhere, by the model and on the way; findings name the place of the deltas."""
    text = f"Pay with {CARD}, or write to bob@example.com today"
    whole = api.stream([text[start : start + 4] for start in range(0, len(text), 4)])
    pieces: list[bytes | float] = []
    for start in range(0, len(whole), 41):
        pieces += [whole[start : start + 41], 0.0]
    stack.upstream.answer = Scripted(200, [("content-type", api.content_type)], pieces, "chunked")
    got, broken = await received(stack)
    assert not broken
    assert api.text(got) == "Pay with [CREDIT_CARD], or write to [EMAIL_ADDRESS] today"
    entry = await stack.ended()
    assert [(each["entity"], each["path"], each["count"]) for each in entry["findings"]] == [
        ("CREDIT_CARD", api.location, 1),
        ("EMAIL_ADDRESS", api.location, 1),
    ]


async def test_words_of_a_model_go_before_its_text_ends(stack: Stack) -> None:
    """The backend waits until the caller has the first ones."""
    api, gate = TEXTS[0], asyncio.Event()
    first, rest = api.stream(["Hello ", "there, "]), api.stream(["my", " friend"])
    stack.upstream.answer = answer(first.removesuffix(b"data: [DONE]\n\n").rpartition(b"data: ")[0], gate, rest)
    got, broken = await received(stack, lambda got: gate.set() if api.text(got) == "Hello there, " else None)
    assert (api.text(got), broken) == ("Hello there, my friend", False)


async def test_an_event_over_the_limit_breaks_the_stream(stack: Stack) -> None:
    """Earlier events were masked; nothing of the large one goes."""
    stack.upstream.answer = answer(event(1), 0.1, b"data: " + CARD.encode() + b"y" * 6000, 0.1, b"\n\n", event(3))
    got, broken = await received(stack)
    assert broken
    assert got in (b"", masked(1))
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"]) == ("call.failed", "response-abandoned")


async def test_an_event_that_is_not_text_breaks_the_stream(stack: Stack) -> None:
    """Bytes that are no UTF-8 cannot be searched."""
    stack.upstream.answer = answer(event(1), 0.1, b"data: \xff\xfe" + CARD.encode() + b"\n\n", 0.1, event(3))
    got, broken = await received(stack)
    assert broken
    assert got in (b"", masked(1))
    assert (await stack.ended())["kind"] == "call.failed"


async def test_an_event_that_never_ends_does_not_go(stack: Stack) -> None:
    """An unfinished event is none."""
    stack.upstream.answer = answer(event(1), b"data: " + CARD.encode())
    got, _ = await received(stack)
    assert got == masked(1)


async def test_the_credential_is_taken_out_of_events(stack: Stack) -> None:
    """Even where it is cut in two."""
    half = len(CREDENTIAL) // 2
    first, second = CREDENTIAL[:half].encode(), CREDENTIAL[half:].encode()
    stack.upstream.answer = answer(b"data: Bearer " + first, 0.05, second + b"\n\n", event(2))
    got, _ = await received(stack)
    assert CREDENTIAL.encode() not in got
    assert got.endswith(masked(2))


async def test_an_encoded_stream_does_not_pass(stack: Stack) -> None:
    """Nobody asked for it, and events in it cannot be told apart."""
    stack.upstream.answer = Scripted(
        200, [*SSE, ("content-encoding", "gzip")], [b"\x1f\x8b\x08" + CARD.encode()], "chunked"
    )
    answered = await stack.call("GET", "/events")
    assert (answered.status_code, answered.json()["reason"]) == (502, "response-uninspectable")


async def test_a_caller_who_leaves_in_the_middle_is_recorded(stack: Stack) -> None:
    """How far the stream went, and that it did not end."""
    pieces = [piece for number in range(1000) for piece in (event(number), 0.05)]
    stack.upstream.answer = answer(*pieces)
    async with stack.client.stream("GET", stack.envoy.url + "/events", headers=stack.headers()) as stream:
        async for piece in stream.aiter_raw():
            assert CARD.encode() not in piece
            break
    entry = await stack.ended()
    assert entry["kind"] == "call.failed"
    assert entry["reason"] in ("caller-gone", "response-abandoned")
    assert "guard error" not in stack.logs(), "an alarm that any caller can raise"
    assert 0 < entry["response_bytes"] < 30_000


async def test_a_backend_that_breaks_off_is_recorded(stack: Stack) -> None:
    """The caller sees the break as well."""
    arrived = asyncio.Event()
    stack.upstream.answer = answer(event(1), arrived, break_off=True)
    got, broken = await received(stack, lambda got: arrived.set() if got == masked(1) else None)
    assert (got, broken) == (masked(1), True)
    assert (await stack.ended())["kind"] == "call.failed"


async def test_mcp_results_over_events_are_masked(stack: Stack) -> None:
    """A tool's result in an event: as text and as data."""
    content = {"content": [{"type": "text", "text": f"card {CARD}"}], "structuredContent": {"card": CARD}}
    result = b"data: " + json.dumps({"jsonrpc": "2.0", "id": 1, "result": content}).encode() + b"\n\n"
    stack.upstream.answer = answer(result)
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"q": "x"}},
    }
    answered = await stack.call("POST", "/mcp", host=DOCS, json=call)
    assert answered.status_code == 200
    assert CARD not in answered.text
    assert answered.text.count("[CREDIT_CARD]") == 2


async def test_fast_streams_lose_nothing(stack: Stack) -> None:
    """Two thousand events as fast as they come, on several streams at once."""
    whole = b"".join(event(number) for number in range(500))
    stack.upstream.answer = answer(*(whole[start : start + 1000] for start in range(0, len(whole), 1000)))
    streams = await asyncio.gather(*(received(stack) for _ in range(4)))
    expected = b"".join(masked(number) for number in range(500))
    assert [(got == expected, broken) for got, broken in streams] == [(True, False)] * 4


class Counted(list[bytes | float]):
    """Pieces of a body, and how many of them the backend has come to."""

    taken = 0

    def __iter__(self) -> Iterator[bytes | float]:
        for number in range(len(self)):
            self.taken = number
            yield self[number]
        self.taken = len(self)


async def test_a_caller_who_reads_slowly_slows_the_backend(stack: Stack) -> None:
    """Unread bytes wait at the backend and not in the guard: 32 MB are not taken in advance."""
    piece = b"".join(b"data: " + b"word " * 600 + b"%d\n\n" % number for number in range(20))
    # Until the guard has said that this is a stream, Envoy takes no more than limits.response_body.
    pieces = Counted([event(1, "x"), 0.5, *[piece] * (32_000_000 // len(piece))])
    stack.upstream.answer = Scripted(200, SSE, pieces, "chunked")
    url = httpx.URL(stack.envoy.url)
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1 << 16)
    fields = "".join(f"{name}: {value}\r\n" for name, value in stack.headers().items())
    writer.write(f"GET /events HTTP/1.1\r\n{fields}\r\n".encode())
    assert b" 200 " in (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
    before = now = 0
    async with asyncio.timeout(60):
        while now < 3 or before != now:
            before = now
            await asyncio.sleep(1.5)
            now = pieces.taken
    assert now < len(pieces) * 0.7, "the backend was not slowed"
    got = 0
    async with asyncio.timeout(60):
        while size := int(await reader.readline(), 16):
            got += len(await reader.readexactly(size))
            await reader.readline()
    writer.close()
    assert got == sum(len(each) for each in pieces if isinstance(each, bytes))
