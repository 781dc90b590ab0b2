"""What an answer written for opa-envoy-plugin does on the real Envoy: the same at both doors, and as there.

What Envoy makes of the plugin's own answers was measured: the last of several values of a request's header or query
parameter is set, removal wins, and headers of responses go beside the backend's.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.integration.guard.stack import PLAIN, Stack, run_stack
from tests.integration.support.upstream import Scripted

POLICY = Path(__file__).parent / "answers.rego"
JSON = ("content-type", "application/json")
BACKEND = Scripted(200, [JSON, ("set-cookie", "b=1"), ("set-cookie", "b=2"), ("x-back", "backend's")], [b"{}"])

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session", scope="module", params=["ext_proc", "ext_authz"])
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    policy = {"paths": [str(POLICY)], "query": "data.envoy.authz.allow"}
    async with run_stack(workers=1, door=request.param, policy=policy) as running:
        running.upstream.answer = BACKEND
        yield running


async def answer(stack: Stack, case: str, path: str = "/lookup", **headers: str) -> httpx.Response:
    stack.fresh()
    answered = await stack.call("GET", path, host=PLAIN, headers={"x-case": case, **headers})
    await stack.ended()
    return answered


def values(answered: httpx.Response, name: str) -> list[str]:
    return [value.decode() for key, value in answered.headers.raw if key.decode() == name]


async def test_headers_of_the_response_go_beside_the_backends(stack: Stack) -> None:
    answered = await answer(stack, "cookies", x_many="caller's", x_own="caller's", x_both="caller's")
    assert answered.status_code == 200
    assert values(answered, "set-cookie") == ["b=1", "b=2", "p=1", "p=2"]
    assert values(answered, "x-back") == ["backend's", "policy's"]
    assert values(answered, "x-name") == ["Zoë"]


async def test_headers_of_the_request_are_replaced_by_the_last_value(stack: Stack) -> None:
    await answer(stack, "cookies", x_many="caller's", x_own="caller's", x_both="caller's")
    (seen,) = stack.reached
    assert (seen.header("x-many"), seen.header("x-own"), seen.header("x-both")) == ("2", "policy's", None)


async def test_a_query_parameter_is_replaced_by_the_last_value(stack: Stack) -> None:
    await answer(stack, "query", "/lookup?b=%7E&a=0&gone=0")
    assert stack.reached[0].path == "/lookup?b=%7E&a=2"


async def test_a_denial_has_each_of_its_headers(stack: Stack) -> None:
    answered = await answer(stack, "denied")
    assert (answered.status_code, answered.content) == (401, "später".encode())
    assert values(answered, "set-cookie") == ["p=1", "p=2"]
    assert values(answered, "www-authenticate") == ["Basic", "Bearer"]
    assert values(answered, "x-name") == ["Zoë"]
    assert values(answered, "content-type") == ["text/plain"]
    assert stack.reached == []


async def test_a_denial_has_one_content_type(stack: Stack) -> None:
    answered = await answer(stack, "typed")
    assert (answered.status_code, values(answered, "content-type")) == (403, ["application/json"])


async def test_no_body_follows_a_status_that_has_none(stack: Stack) -> None:
    """Envoy would send it, and the caller would take it for the beginning of its next response."""
    reader, writer = await stack.connect()
    token = stack.headers(PLAIN)["authorization"]
    head = f"GET /lookup HTTP/1.1\r\nhost: {PLAIN}\r\nauthorization: {token}\r\n"
    writer.write(f"{head}x-case: nothing\r\n\r\n".encode())
    first = await reader.readuntil(b"\r\n\r\n")
    writer.write(f"{head}x-case: typed\r\nconnection: close\r\n\r\n".encode())
    second = await reader.read()
    assert first.startswith(b"HTTP/1.1 204 ")
    assert second.startswith(b"HTTP/1.1 403 ")
    writer.close()


@pytest.mark.parametrize(
    "case",
    [
        *("status-0", "status-299", "status-600", "status-text", "body-number"),
        *("no-allowed", "not-boolean", "list", "undefined"),
    ],
)
async def test_an_answer_of_another_shape_lets_nothing_pass(stack: Stack, case: str) -> None:
    """opa-envoy-plugin answers with an error, and Envoy with 403."""
    answered = await answer(stack, case)
    assert (answered.status_code, answered.json()["reason"]) == (403, "policy-error")
    assert stack.reached == []
