"""What policy says beyond yes and no, on the real Envoy: responses, listings, the query, metadata for its access log."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from extproc.envoy_config.render import access_logger
from tests.integration.guard.stack import DOCS, PLAIN, Stack, run_stack, terminals
from tests.integration.support.upstream import Scripted

HERE = Path(__file__).parent
JSON, EVENTS = [("content-type", "application/json")], [("content-type", "text/event-stream")]
CARD, SSN = "4111 1111 1111 1111", "536-22-1847"
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
LISTING = b'{"jsonrpc":"2.0","id":1, "result": {"tools":[ {"name":"publish"} , {"name": "search"},{"name":"x"}]}}'
SHOWN = b'{"jsonrpc":"2.0","id":1, "result": {"tools":[ {"name": "search"}]}}'

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with run_stack(workers=1, policy={"paths": [str(HERE / "on_envoy.rego")]}) as running:
        yield running


@contextlib.asynccontextmanager
async def plugin(door: str) -> AsyncIterator[Stack]:
    """A stack whose policy was written for opa-envoy-plugin, and whose access log shows what it tells Envoy."""
    policy = {"paths": [str(HERE / "plugin.rego")], "query": "data.envoy.authz.allow"}
    before = dict(access_logger.LINE)
    where = "guard:policy" if door == "ext_proc" else "envoy.filters.http.ext_authz"
    access_logger.LINE["policy"] = f"%DYNAMIC_METADATA({where})%"
    try:
        async with run_stack(workers=1, door=door, policy=policy) as running:
            yield running
    finally:
        access_logger.LINE.clear()
        access_logger.LINE.update(before)


async def returning(stack: Stack, answer: Scripted, path: str = "/customers/1", **options):
    stack.fresh()
    stack.upstream.answer = answer
    answered = await stack.call("GET", path, **options)
    return answered, await stack.ended()


async def test_a_response_is_withheld_by_what_it_holds(stack: Stack) -> None:
    body = json.dumps({"card": CARD, "ssn": SSN}).encode()
    answer, entry = await returning(stack, Scripted(200, JSON, [body]), host=PLAIN)
    assert (answer.status_code, answer.json()["reason"]) == (403, "sensitive-data")
    assert len(stack.reached) == 1
    assert (entry["kind"], entry["rule"], entry["action"]) == ("call.failed", "too_many", "deny")
    assert CARD not in answer.text + json.dumps(stack.entries())


async def test_a_response_is_masked_as_policy_says(stack: Stack) -> None:
    answer, entry = await returning(stack, Scripted(200, JSON, [b'{"id": 1.0, "note": "n"}']))
    assert answer.content == b'{"id": 1.0, "note": null}'
    assert entry["kind"] == "call.completed"


async def test_a_stream_is_withheld_by_its_head(stack: Stack) -> None:
    answer, entry = await returning(stack, Scripted(200, EVENTS, [b"data: {}\n\n"], "chunked"), "/events")
    assert (answer.status_code, answer.json()["reason"]) == (403, "sensitive-data")
    assert (entry["kind"], entry["rule"]) == ("call.failed", "unseen")


async def test_a_response_without_a_body_is_decided_too(stack: Stack) -> None:
    answer, entry = await returning(stack, Scripted(204))
    assert (answer.status_code, entry["kind"]) == (204, "call.completed")


@pytest.mark.parametrize(
    ("scripted", "expected"),
    [
        (Scripted(200, JSON, [LISTING]), SHOWN),
        (
            Scripted(200, EVENTS, [b": x\n\ndata: ", LISTING, b"\n\n"], "chunked"),
            b": x\n\ndata: " + SHOWN + b"\n\n",
        ),
    ],
)
async def test_a_listing_shows_what_its_caller_may_call(stack: Stack, scripted: Scripted, expected: bytes) -> None:
    stack.fresh()
    stack.upstream.answer = scripted
    answer = await stack.call("POST", "/mcp", host=DOCS, content=LIST)
    assert answer.content == expected
    assert (await stack.ended())["detail"] == "1 of 3 listed tools shown"


async def test_of_an_error_in_place_of_a_listing_the_status_passes(stack: Stack) -> None:
    stack.fresh()
    stack.upstream.answer = Scripted(404, JSON, [b'{"tools":[{"name":"x"}]}'])
    answer = await stack.call("POST", "/mcp", host=DOCS, content=LIST)
    assert (answer.status_code, answer.content) == (404, b"")
    assert (await stack.ended())["status"] == 404


@pytest.mark.parametrize("door", ["ext_proc", "ext_authz"])
async def test_a_policy_written_for_the_plugin(door: str) -> None:
    async with plugin(door) as stack:
        answer = await stack.call("GET", "/lookup?a=%7E&%64ebug=1&tenant=other", host=PLAIN)
        assert answer.status_code == 200
        assert stack.reached[0].path == "/lookup?a=%7E&tenant=a%26b"
        assert stack.reached[0].header("x-team") == "blue"
        denied = await stack.call("GET", "/customers/1", host=PLAIN)
        assert denied.status_code == 403
        assert len(stack.reached) == 1
        async with asyncio.timeout(30):
            while len(lines := stack.envoy.access_log()) < 2:
                await asyncio.sleep(0.05)
        told = [line["policy"] for line in lines]
        ids = [each["call_id"] for each in terminals(await stack.until(lambda found: len(terminals(found)) == 2))]
        if door == "ext_proc":
            assert told == [{"team": "blue"}, {"team": "nobody"}]
        else:
            assert [line["team"] for line in told] == ["blue", "nobody"]
            assert [line["decision_id"] for line in told] == ids
