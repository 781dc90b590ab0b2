"""The ext_authz door on the real Envoy: the same decisions, no hand on the bodies."""

import asyncio
import gzip

import httpx
import pytest

from tests.integration.guard.stack import CREDENTIAL, CRM, PLAIN, WITHIN_S, Stack, kinds, run_stack

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


async def call(door: Stack, method: str = "GET", path: str = "/customers/1", **options) -> httpx.Response:
    return await door.call(method, path, host=options.pop("host", PLAIN), **options)


def reason(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text)
    return answer.json()["reason"]


async def test_an_allowed_call_passes_with_its_credential(door: Stack) -> None:
    """Recorded before it goes, and its end with it, since nobody sees the response."""
    answer = await call(door, headers={"x-extproc-call-id": "forged"})
    assert answer.status_code == 200
    (seen,) = door.reached
    assert seen.header("authorization") == f"Bearer {CREDENTIAL}"
    entry = await door.ended()
    assert kinds(door.entries()) == ["call.decided", "call.completed"]
    assert seen.header("x-extproc-call-id") == entry["call_id"]
    assert seen.header("accept-encoding") == "gzip, deflate, br", (
        "nobody masks the response, so it may be compressed"
    )


async def test_a_body_passes_as_it_came(door: Stack) -> None:
    """Decided on the whole of it."""
    answer = await call(door, "POST", "/customers", content=b'{ "a" : 1 }')
    assert answer.status_code == 200
    assert door.reached[0].body == b'{ "a" : 1 }'
    denied = await call(door, "POST", "/customers", content=b'{"env":"forbidden"}')
    assert (denied.status_code, reason(denied)) == (403, "forbidden-argument")
    assert len(door.reached) == 1


async def test_refusals_are_problem_documents(door: Stack) -> None:
    """With the reason and the call's id, as at the other door."""
    for path, method, status, why in (
        ("/nowhere", "GET", 404, "unknown-function"),
        ("/customers/1", "DELETE", 403, "not-in-scope"),
    ):
        answer = await call(door, method, path)
        assert (answer.status_code, reason(answer)) == (status, why)
        assert (await door.ended_of(answer))["reason"] == why
    assert door.reached == []


async def test_a_call_that_needs_masking_is_refused(door: Stack) -> None:
    """It would pass unmasked here."""
    answer = await call(door, host=CRM)
    assert (answer.status_code, reason(answer)) == (503, "masking-unavailable")
    assert door.reached == []
    assert (await door.ended())["reason"] == "masking-unavailable"


async def test_an_encoded_body_is_refused(door: Stack) -> None:
    """It cannot be forwarded plain from here."""
    body = gzip.compress(b'{"a":1}')
    answer = await call(door, "POST", "/customers", content=body, headers={"content-encoding": "gzip"})
    assert (answer.status_code, reason(answer)) == (400, "uninspectable")
    assert door.reached == []


@pytest.mark.parametrize("size", [(64 << 10) + 1, 1 << 20])
async def test_a_body_over_the_limit_is_refused(door: Stack, size: int) -> None:
    """By Envoy, before the guard is asked."""
    answer = await call(door, "POST", "/customers", content=b'{"a":"' + b"x" * size + b'"}')
    assert answer.status_code == 413
    assert door.reached == []


async def test_a_held_call_is_released_by_its_approval(door: Stack) -> None:
    """Longer than the guard's message timeout at the other door."""
    task = asyncio.create_task(call(door, "POST", "/deploys", content=b'{"env":"wait"}'))
    (approval,) = await door.pending()
    await asyncio.sleep(1.2)
    assert door.reached == []
    door.vote(approval)
    assert (await task).status_code == 200
    assert door.reached[0].body == b'{"env":"wait"}'
    await door.ended()
    assert kinds(door.entries()) == ["call.held", "call.decided", "call.completed"]


async def test_a_held_call_that_is_denied_or_left_is_not_forwarded(door: Stack) -> None:
    """And one whose caller is not to wait gets a ticket at once: Envoy may not wait as long as people take."""
    task = asyncio.create_task(call(door, "POST", "/deploys", content=b'{"env":"wait"}'))
    (approval,) = await door.pending()
    door.vote(approval, approve=False)
    assert reason(await task) == "approval-denied"
    task = asyncio.create_task(call(door, "POST", "/deploys", content=b'{"env":"wait"}'))
    (approval,) = await door.pending()
    task.cancel()
    assert await door.state_of(approval) == "cancelled"
    assert reason(await call(door, "POST", "/deploys", content=b"{}")) == "approval-required"
    assert door.reached == []
    assert (await door.ended(3))["reason"] == "approval-required"


async def test_envoys_report_does_not_repeat_a_call_that_the_guard_decided(door: Stack) -> None:
    """Envoy's account of calls that were allowed, denied, held and refused adds nothing."""
    await call(door)
    await call(door, "POST", "/customers", content=b'{"env":"forbidden"}')
    await call(door, "POST", "/deploys", content=b'{"env":"quick"}')
    await call(door, host=CRM)
    await door.ended(4)
    await door.assert_unreported()


async def test_a_bad_token_is_refused(door: Stack) -> None:
    """Before the guard is asked; Envoy tells it afterwards."""
    answer = await door.client.get(door.envoy.url + "/customers/1", headers={"host": PLAIN})
    assert answer.status_code == 401
    assert door.reached == []
    assert (await door.reported())["status"] == 401


async def test_nothing_passes_without_a_guard() -> None:
    """No worker: 5xx for every call; and again when the only worker is killed."""
    async with run_stack(workers=1, door="ext_authz", serve=False) as stack:
        assert (await call(stack)).status_code in (500, 503)
        await stack.workers[0].start()
        async with asyncio.timeout(WITHIN_S):
            while (await call(stack)).status_code != 200:
                await asyncio.sleep(0.1)
        stack.fresh()
        held = asyncio.create_task(call(stack, "POST", "/deploys", content=b"{}"))
        await stack.pending()
        await stack.workers[0].kill()
        assert (await held).status_code in (500, 503)
        assert stack.reached == []
