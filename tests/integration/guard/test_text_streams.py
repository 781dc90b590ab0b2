"""Text of unknown length: masked as it comes, live, and never raw."""

import asyncio

import pytest

from tests.integration.guard.stack import CARD, CREDENTIAL, SSN, Stack, received
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

TEXT = [("content-type", "text/plain; charset=utf-8")]
LINE = f"Paid by card {CARD}, thank you.\n".encode()
MASKED = LINE.replace(CARD.encode(), b"[CREDIT_CARD]")


def answer(*pieces: bytes | float | asyncio.Event, **how) -> Scripted:
    return Scripted(200, TEXT, list(pieces), how.pop("framing", "chunked"), **how)


async def test_the_first_line_arrives_before_the_last_is_sent(stack: Stack) -> None:
    gate = asyncio.Event()
    stack.upstream.answer = answer(LINE, gate, LINE)
    got = b""
    async with stack.client.stream("GET", stack.envoy.url + "/events", headers=stack.headers()) as stream:
        async for piece in stream.aiter_raw():
            got += piece
            if got == MASKED:
                gate.set()
    assert got == MASKED * 2
    entry = await stack.ended()
    assert (entry["kind"], entry["status"]) == ("call.completed", 200)
    assert CARD not in str(stack.entries())
    await stack.assert_unreported()


async def test_words_arrive_before_their_line_ends(stack: Stack) -> None:
    gate = asyncio.Event()
    stack.upstream.answer = answer(b"Thank you, Bob", gate, b" and Ann.")
    got = b""
    async with stack.client.stream("GET", stack.envoy.url + "/events", headers=stack.headers()) as stream:
        async for piece in stream.aiter_raw():
            got += piece
            if got == b"Thank you, ":
                gate.set()
    assert got == b"Thank you, Bob and Ann."


@pytest.mark.parametrize("size", [1, 7, 33])
async def test_the_cuts_of_a_text_do_not_change_what_arrives(stack: Stack, size: int) -> None:
    """A number, a key and the credential are found when they arrive in single bytes."""
    key = b"-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END PRIVATE KEY-----"
    rest = b"\n%s \xc3\xa9\n4111\n1111\n1111\n1111" % SSN.encode()
    whole = LINE + b"sent " + CREDENTIAL.encode() + b"\n" + key + rest
    pieces: list[bytes | float] = []
    for start in range(0, len(whole), size):
        pieces += [whole[start : start + size], 0.0]
    stack.upstream.answer = answer(*pieces)
    got, broken = await received(stack)
    assert not broken
    assert got == MASKED + b"sent [CREDENTIAL]\n[PRIVATE_KEY]\n[US_SSN] \xc3\xa9\n[CREDIT_CARD]"


async def test_text_of_known_length_is_masked_whole(stack: Stack) -> None:
    """A response that cannot be masked is answered with an error, and not broken off."""
    stack.upstream.answer = answer(LINE, b"\xff", framing="length")
    answered = await stack.call("GET", "/events")
    assert (answered.status_code, answered.json()["reason"]) == (502, "masking-failed")


async def test_bytes_that_are_not_text_break_a_text_stream(stack: Stack) -> None:
    """Earlier text was masked; nothing of the rest goes."""
    stack.upstream.answer = answer(LINE, 0.1, b"\xff\xfe" + CARD.encode(), 0.1, LINE)
    got, broken = await received(stack)
    assert broken
    assert got in (b"", MASKED)
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"]) == ("call.failed", "response-abandoned")
