"""A guard that breaks at any point lets nothing through: not undecided, not unmasked, not unrecorded."""

import asyncio
import contextlib
import signal
import time

import httpx
import pytest

from tests.integration.guard.stack import CARD, DOCS, WITHIN_S, Stack, kinds, run_stack, terminals
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

SENSITIVE = Scripted(
    200, [("content-type", "application/json"), ("x-note", CARD)], [f'{{"card":"{CARD}"}}'.encode()]
)
SLOW_S = 15.0
"""Less than a slow guard sleeps, far more than ``limits.message_timeout``."""
TRIES = 3
REQUEST_PHASES = ["request_headers", "request_body"]
PHASES = [*REQUEST_PHASES, "response_headers", "response_body"]
GARBAGE = ["wrong", "empty", "junk"]


async def posted(stack: Stack, fault: str) -> httpx.Response:
    stack.upstream.answer = SENSITIVE
    return await stack.call("POST", "/customers", json={"a": 1}, headers={"x-test-fault": fault})


def assert_nothing_out(stack: Stack, answer: httpx.Response, phase: str, statuses: set[int]) -> None:
    """Neither the response nor, before the decision, the request got out."""
    assert answer.status_code in statuses, answer.text
    assert CARD not in answer.text + str(answer.headers)
    assert "x-note" not in answer.headers
    assert len(stack.reached) == (0 if phase in REQUEST_PHASES else 1)


async def recorded(stack: Stack, phase: str) -> None:
    """The guard's own entry once it had read the head; Envoy's account before that."""
    await (stack.reported() if phase == "request_headers" else stack.ended())


@pytest.mark.parametrize("phase", PHASES)
async def test_a_guard_killed_at_any_phase_lets_nothing_out(faulty: Stack, phase: str) -> None:
    """SIGKILL: the caller gets a 5xx, and what was forwarded had been recorded before."""
    answer = await posted(faulty, f"kill@{phase}")
    assert_nothing_out(faulty, answer, phase, {502, 503})
    assert terminals(faulty.entries()) == []
    assert ("call.decided" in kinds(faulty.entries())) == (phase not in REQUEST_PHASES)
    faulty.no_end_expected()


@pytest.mark.parametrize("phase", ["response_headers", "response_body"])
async def test_an_mcp_client_learns_of_a_guard_killed_while_the_server_answers(faulty: Stack, phase: str) -> None:
    """On the status and with the id by which it finds its call: the guard left the words with Envoy."""
    faulty.upstream.answer = SENSITIVE
    call = {"jsonrpc": "2.0", "id": "q7", "method": "tools/call", "params": {"name": "search", "arguments": {}}}
    headers = {"x-test-fault": f"kill@{phase}"}
    answer = await faulty.call("POST", "/mcp", host=DOCS, json=call, headers=headers)
    assert_nothing_out(faulty, answer, phase, {200})
    assert (answer.json()["id"], answer.json()["error"]["data"]["reason"]) == ("q7", "response-abandoned")
    faulty.no_end_expected()


async def test_a_worker_that_one_message_blocks_is_ended(faulty: Stack) -> None:
    """It would hold all its other calls, too, and cannot be asked to stop."""
    answer = await posted(faulty, "busy@request_body")
    assert_nothing_out(faulty, answer, "request_body", {502, 503, 504})
    async with asyncio.timeout(WITHIN_S):
        while all(worker.running for worker in faulty.workers):
            await asyncio.sleep(0.1)
    ended = [worker.process.returncode for worker in faulty.workers if worker.process and not worker.running]
    assert ended == [-signal.SIGPROF]
    faulty.no_end_expected()


@pytest.mark.parametrize("phase", ["request_headers", "response_body"])
async def test_envoy_reports_calls_that_a_killed_worker_did_not_end_to_another(faulty: Stack, phase: str) -> None:
    """Envoy's account of the call is recorded, whichever worker its access log went to before.

    One in a hundred is not, which falls due in the very moment of the kill: not three one after the other.
    """
    for _ in range(TRIES - 1):
        answer = await posted(faulty, f"kill@{phase}")
        with contextlib.suppress(AssertionError):
            entry = await faulty.reported(within_s=15.0)
            break
        faulty.fresh()
        await faulty.revive()
    else:
        answer = await posted(faulty, f"kill@{phase}")
        entry = await faulty.reported()
    faulty.no_end_expected()
    assert (entry["status"], entry["path"], entry["method"]) == (answer.status_code, "/customers", "POST")


@pytest.mark.parametrize("phase", PHASES)
async def test_a_clean_end_at_any_phase_lets_nothing_out(faulty: Stack, phase: str) -> None:
    """A stream that merely ends is consent to Envoy; its second lines of defence do not take it for that."""
    answer = await posted(faulty, f"leave@{phase}")
    assert_nothing_out(faulty, answer, phase, {403, 502})
    await recorded(faulty, phase)


@pytest.mark.parametrize("phase", PHASES)
async def test_a_guard_that_is_too_slow_lets_nothing_out(faulty: Stack, phase: str) -> None:
    """After ``limits.message_timeout`` Envoy gives up."""
    began = time.monotonic()
    answer = await posted(faulty, f"slow@{phase}")
    assert_nothing_out(faulty, answer, phase, {502, 504})
    assert time.monotonic() - began < SLOW_S
    await recorded(faulty, phase)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", [*GARBAGE, "raise"])
async def test_a_guard_that_answers_nonsense_lets_nothing_out(faulty: Stack, phase: str, fault: str) -> None:
    """A wrong phase, nothing at all, bytes without meaning, an unforeseen error."""
    answer = await posted(faulty, f"{fault}@{phase}")
    assert_nothing_out(faulty, answer, phase, {500, 502, 503, 504})
    await recorded(faulty, phase)
    assert CARD[:9] not in faulty.logs()  # four digits alone are in some time or id


@pytest.mark.parametrize("fault", ["leave", "junk", "empty", "wrong", "raise"])
async def test_a_bodyless_call_is_stopped_as_well(faulty: Stack, fault: str) -> None:
    """A GET has only one message to be decided at."""
    faulty.upstream.answer = SENSITIVE
    answer = await faulty.call(headers={"x-test-fault": f"{fault}@request_headers"})
    assert_nothing_out(faulty, answer, "request_headers", {403, 500, 502, 503, 504})


@pytest.mark.parametrize("fault", ["kill", "leave", "slow", "junk", "empty", "wrong", "raise"])
async def test_a_stream_that_loses_its_guard_breaks_off(faulty: Stack, fault: str) -> None:
    """Events that were masked have gone; no later one does."""
    gates = [asyncio.Event() for _ in range(3)]
    pieces = [f"data: event {number} {CARD}\n\n".encode() for number in range(20)]
    # The first three by themselves, each once the one before has arrived: the fault comes with the fourth.
    first = [part for gated in zip(pieces, gates, strict=False) for part in gated]
    rest = [part for piece in pieces[3:] for part in (piece, 0.02)]
    faulty.upstream.answer = Scripted(200, [("content-type", "text/event-stream")], [*first, *rest], "chunked")
    got = b""
    headers = faulty.headers(x_test_fault=f"{fault}@response_body#4")
    try:
        async with faulty.client.stream("GET", faulty.envoy.url + "/events", headers=headers) as answer:
            assert answer.status_code == 200
            async for piece in answer.aiter_raw():
                got += piece
                for gate in gates[: got.count(b"\n\n")]:
                    gate.set()
    except httpx.HTTPError:
        pass
    assert CARD.encode() not in got
    assert CARD[:9].encode() not in got
    assert got.count(b"\n\n") == 3, got
    if fault == "kill":
        faulty.no_end_expected()
    else:
        assert (await faulty.ended())["kind"] == "call.failed"


async def test_nothing_passes_when_all_guards_are_gone() -> None:
    """No worker has ever started: every call is refused, and nothing is forwarded."""
    async with run_stack(workers=2, serve=False, answer=SENSITIVE) as stack:
        calls = [stack.call("POST", "/customers", json={"a": 1}), stack.call(), stack.call(host="x.y")]
        answers = await asyncio.gather(*calls)
        assert [answer.status_code for answer in answers] == [502, 502, 502]
        assert all(CARD not in answer.text for answer in answers)
        assert stack.reached == []
        for worker in stack.workers:
            await worker.start()
        async with asyncio.timeout(WITHIN_S):
            while (answer := await stack.call()).status_code != 200:
                await asyncio.sleep(0.1)
        assert CARD not in answer.text
