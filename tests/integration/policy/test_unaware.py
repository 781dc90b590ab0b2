"""A policy that was written for opa-envoy-plugin does not open on a body that cannot be read: on the real Envoy."""

import contextlib
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.guard.stack import PLAIN, Stack, run_stack
from tests.integration.policy.test_bad_answers import opa
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.upstream import Scripted

POLICY = Path(__file__).parent / "unaware.rego"
QUERY = "data.unaware.allow"
ADMIN = b'{"admin":true}'
FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=XyZ"}
PART = b'--XyZ\r\ncontent-disposition: form-data; name="admin"\r\n\r\ntrue\r\n--XyZ--\r\n'
UNREADABLE = {
    "a repeated parameter": ({}, "?a=1&a=2", ADMIN),
    "a parameter of the same name": ({}, "?admin=0", ADMIN),
    "a key twice": ({}, "", b'{"admin":true,"admin":false}'),
    "a trailing comma": ({}, "", b'{"admin":true,}'),
    "single quotes": ({}, "", b"{'admin':true}"),
    "NaN": ({}, "", b'{"admin":true,"n":NaN}'),
    "1e400": ({}, "", b'{"admin":true,"n":1e400}'),
    "depth 70": ({}, "", b'{"admin":true,"n":' + b"[" * 70 + b"]" * 70 + b"}"),
    "a lone surrogate": ({}, "", b'{"admin":true,"n":"\\ud800"}'),
    "Latin-1": ({}, "", b'{"admin":true,"n":"\xe9"}'),
    "UTF-16": ({}, "", ADMIN.decode().encode("utf-16")),
    "two documents": ({}, "", ADMIN + b"\n" + ADMIN),
    "cut JSON": ({}, "", ADMIN[:-1]),
    "no content-type": ({"content-type": ""}, "", ADMIN),
    "an unknown content-type": ({"content-type": "text/json"}, "", ADMIN),
    "gzip": ({"content-encoding": "gzip"}, "", gzip.compress(ADMIN)[:-9]),
    "an unknown encoding": ({"content-encoding": "snappy"}, "", ADMIN),
    "another method": ({"x-http-method-override": "PUT"}, "", ADMIN),
    "a form without a boundary": ({"content-type": "multipart/form-data"}, "", PART),
    "mixed line ends": (MULTIPART, "", PART.replace(b"\r\n", b"\n", 1)),
    "a preamble": (MULTIPART, "", b"x\r\n" + PART),
    "a bad escape": (FORM, "", b"%61dmin=true&b=%zz"),
}
FORMS = [
    (FORM, b"a=1&%61dmin=true"),
    (MULTIPART, PART),
    (MULTIPART, PART.replace(b"\r\n", b"\n")),
    ({}, b"\xef\xbb\xbf" + ADMIN),
]

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["ext_proc", "ext_authz"])
async def stack(request) -> AsyncIterator[Stack]:
    """The embedded engine, without masks that would refuse some of these calls for a reason of their own."""
    async with run_stack(
        workers=1, door=request.param, policy={"paths": [str(POLICY)], "query": QUERY}
    ) as running:
        yield running


async def post(stack: Stack, query: str = "", content: bytes = ADMIN, **headers: str):
    stack.fresh()
    answer = await stack.call("POST", f"/customers{query}", host=PLAIN, content=content, headers=headers)
    return answer, await stack.ended()


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_deny_rule_does_not_open_on_a_body_that_cannot_be_read(stack: Stack, what: str) -> None:
    headers, query, body = UNREADABLE[what]
    answer, entry = await post(stack, query, body, **headers)
    assert (answer.status_code, answer.json()["reason"]) == (400, "uninspectable")
    assert (entry["kind"], entry["action"]) == ("call.denied", "")
    assert stack.reached == []


async def test_what_can_be_read_is_decided(stack: Stack) -> None:
    answer, entry = await post(stack)
    assert (answer.status_code, entry["reason"]) == (403, "policy-denied")
    answer, _ = await post(stack, content=b'{"name":"Ann"}')
    assert (answer.status_code, len(stack.reached)) == (200, 1)


@pytest.mark.parametrize(("headers", "body"), FORMS)
async def test_a_form_is_decided_by_its_fields(stack: Stack, headers: dict, body: bytes) -> None:
    answer, entry = await post(stack, "", body, **headers)
    assert (answer.status_code, entry["reason"], stack.reached) == (403, "policy-denied", [])
    answer, _ = await post(stack, "", body.replace(b"dmin", b"nswer"), **headers)
    assert (answer.status_code, len(stack.reached)) == (200, 1)


@contextlib.asynccontextmanager
async def asking_opa(binary: Path, door: str) -> AsyncIterator[Stack]:
    with short_folder() as folder, opa(binary, folder / "o", POLICY) as (_, address):
        asked = {"address": address, "timeout": 8.0}
        limits = {"decision_timeout": 10.0, "message_timeout": 20.0}
        policy = {"paths": [], "engine": "opa", "query": QUERY, "opa": asked}
        async with run_stack(workers=1, door=door, policy=policy, limits=limits) as stack:
            yield stack


@pytest.mark.parametrize("door", ["ext_proc", "ext_authz"])
async def test_nor_does_one_in_an_opa_server(opa_binary: Path, door: str) -> None:
    async with asking_opa(opa_binary, door) as stack:
        for what, (headers, query, body) in UNREADABLE.items():
            answer, _ = await post(stack, query, body, **headers)
            assert (answer.status_code, answer.json()["reason"], stack.reached) == (400, "uninspectable", []), what
        assert (await post(stack))[1]["reason"] == "policy-denied"
        stack.upstream.answer = Scripted(200, [("content-type", "text/html")], [b"<p>not JSON</p>"])
        answer, entry = await post(stack, content=b'{"name":"Ann"}')
        assert (answer.status_code, answer.content, entry["kind"]) == (200, b"<p>not JSON</p>", "call.completed")
