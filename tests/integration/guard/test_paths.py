"""Requests made to be read in two ways, tokens made to be believed: refused, recorded, and never forwarded."""

import json
import time

import jwt
import pytest

from tests.integration.guard.raw import Raw, request, speak
from tests.integration.guard.stack import CRM, DOCS, Stack, kinds, terminals
from tests.integration.support.tokens import ISSUER, Issuer

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

JSON = ("content-type", "application/json")


def bearer(stack: Stack) -> tuple[str, str]:
    return ("authorization", stack.issuer.headers()["authorization"])


async def get(stack: Stack, target: str, *fields: tuple[str, str], method: str = "GET", body: bytes = b"") -> Raw:
    host = [] if any(name == "host" for name, _ in fields) else [("host", CRM)]
    asked = request(method, target, *host, bearer(stack), *fields, body=body)
    return await speak(await stack.connect(), asked)


async def one_record(stack: Stack) -> dict:
    """The guard's own terminal entry, or Envoy's account where the guard was not asked."""
    found = await stack.until(lambda entries: terminals(entries) or "call.reported" in kinds(entries))
    ended = terminals(found)
    assert len(ended) == 1 or kinds(found) == ["call.reported"], kinds(found)
    return ended[0] if ended else found[0]


# Spelling


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/customers/1%2Fx", 400),
        ("/customers%5C1", 400),
        ("/customers/%00", 400),
        ("/customers/1#x", 400),
        ("/customers/1;admin=1", 404),
        ("/Customers/1", 404),
        ("/customers/1/x", 404),
        ("/customers/../admin", 404),
        ("/customers/%2e%2e/admin", 404),
        ("/customers/1/../../admin", 404),
        ("/..%2fadmin", 400),
        ("/customers", 404),
        ("/customers/1?a=1&a=2", 400),
        ("/customers/1?id=2", 400),
        ("/customers/1?a=%zz", 400),
        ("/lookup?a=1;b=2", 400),
        ("/lookup?a=%00", 400),
    ],
)
async def test_a_path_with_two_readings_is_refused(stack: Stack, target: str, status: int) -> None:
    answer = await get(stack, target)
    assert answer.status == status, answer.head
    assert stack.reached == []
    assert (await one_record(stack))["status"] == status


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        ("//customers///1", "/customers/1"),
        ("/./customers/./1", "/customers/1"),
        ("/x/../customers/1", "/customers/1"),
        ("/%63ustomers/1", "/customers/1"),
        ("/customers\\1", "/customers/1"),
        ("/customers/1/", "/customers/1/"),
        (f"http://{CRM}/customers/1", "/customers/1"),
        ("/customers/%2e", None),
    ],
)
async def test_the_path_that_was_decided_is_the_path_that_goes(
    stack: Stack, target: str, forwarded: str | None
) -> None:
    """One spelling, made plain before the decision."""
    answer = await get(stack, target)
    assert [seen.path for seen in stack.reached] == ([forwarded] if forwarded else [])
    assert answer.status == (200 if forwarded else 404), answer.head
    entry = await stack.ended()
    assert entry["path"] == (forwarded or "/customers/")


# Header fields


@pytest.mark.parametrize(
    ("fields", "statuses"),
    [
        ([("host", CRM), ("host", "plain.example.com")], {400, 404}),
        ([("host", f"{CRM},plain.example.com")], {400, 404}),
        ([("host", "unknown.example.com")], {404}),
        ([("host", f"{CRM}:81")], {404}),
        ([("host", "")], {400, 404}),
        ([("x-http-method-override", "DELETE")], {400}),
        ([("x-method-override", "DELETE")], {400}),
        ([("x_http_method_override", "DELETE")], {0, 400}),
        ([("upgrade", "websocket"), ("connection", "upgrade")], {403}),
        ([("upgrade", "h2c"), ("connection", "upgrade")], {200}),
        ([("transfer-encoding", "chunked"), ("content-length", "5")], {0, 400}),
        ([("content-length", "1"), ("content-length", "2")], {0, 400}),
        ([("content-length", "-1")], {0, 400}),
        ([("bad name", "1")], {0, 400}),
    ],
)
async def test_header_fields_that_mislead_are_refused(stack: Stack, fields: list, statuses: set[int]) -> None:
    answer = await get(stack, "/customers/1", *fields)
    assert answer.status in statuses, answer.head
    assert [seen for seen in stack.reached if answer.status != 200] == []
    await one_record(stack)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "TRACK", "PURGE", "OPTIONS", "PATCH", "get"])
async def test_other_methods_are_refused(stack: Stack, method: str) -> None:
    target = f"{CRM}:80" if method == "CONNECT" else "/customers/1"
    answer = await get(stack, target, method=method)
    assert answer.status in {0, 400, 403, 404, 502}, answer.head
    assert stack.reached == []
    await one_record(stack)


async def test_a_head_request_is_not_taken_for_a_get(stack: Stack) -> None:
    """Each method is registered by itself: there is a HEAD for customers and none for events."""
    assert (await stack.call("HEAD", "/customers/1")).status_code == 200
    assert (await stack.call("HEAD", "/events")).status_code == 404
    assert [seen.method for seen in stack.reached] == ["HEAD"]


async def test_a_body_where_none_belongs_is_refused(stack: Stack) -> None:
    """A GET with a body may be read as a POST by some."""
    answer = await stack.call("GET", "/customers/1", content=b'{"id":"2"}')
    assert (answer.status_code, stack.reached) == (400, [])


async def test_two_content_types_are_refused(stack: Stack) -> None:
    """JSON to us, a form to the backend."""
    fields = [JSON, ("content-type", "application/x-www-form-urlencoded"), ("content-length", "7")]
    answer = await get(stack, "/customers", *fields, method="POST", body=b'{"a":1}')
    assert (answer.status, stack.reached) == (400, [])


async def test_fields_that_the_caller_forges_in_the_guards_name_are_ignored(stack: Stack) -> None:
    """Our headers and Envoy's are replaced or removed, and give nothing."""
    fields = {
        "x-extproc-call-id": "forged",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-max-retries": "5",
        "x-envoy-retry-on": "5xx",
        "x-envoy-internal": "true",
        "x-envoy-original-path": "/admin",
        "x-envoy-decorator-operation": "x",
        "x-forwarded-client-cert": "By=spiffe://admin",
        "guard": "done",
        "req": "done",
        "proxy-authorization": "Basic eA==",
        "range": "bytes=0-1",
        "accept-encoding": "gzip",
    }
    answer = await stack.call(headers=fields)
    assert answer.status_code == 200
    (seen,) = stack.reached
    entry = await stack.ended()
    assert seen.header("x-extproc-call-id") == answer.headers["x-extproc-call-id"] == entry["call_id"]
    for name in ("x-envoy-internal", "x-envoy-max-retries", "x-envoy-original-path", "x-forwarded-client-cert"):
        assert seen.header(name) is None, name
    for name in ("proxy-authorization", "range", "accept-encoding"):
        assert seen.header(name) is None, name
    assert entry["source"].startswith("127.0.0.1:")


async def test_a_forged_source_is_not_recorded(stack: Stack) -> None:
    """X-Forwarded-For is the caller's word."""
    await stack.call(headers={"x-forwarded-for": "10.9.8.7"})
    assert (await stack.ended())["source"].startswith("127.0.0.1:")


# MCP


def rpc(method: str = "tools/call", **params: object) -> dict:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def test_a_tool_call_passes(stack: Stack) -> None:
    """And a held one, an unknown one and a mismatched one do not."""
    good = rpc(name="search", arguments={"q": "x"})
    answer = await stack.call("POST", "/mcp", host=DOCS, json=good, headers={"mcp-name": "search"})
    assert answer.status_code == 200
    assert len(stack.reached) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (rpc(name="drop", arguments={}), {}),
        (rpc(name="search", arguments={}), {"mcp-name": "publish"}),
        (rpc(name="search", arguments={}), {"mcp-method": "tools/list"}),
        ([rpc(name="search", arguments={})], {}),
        ({**rpc(name="search", arguments={}), "Method": "tools/list"}, {}),
        (rpc("admin/shutdown"), {}),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"publish"}}', {}),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n{"jsonrpc":"2.0","id":2,"method":"tools/list"}', {}),
        (b"not json", {}),
    ],
)
async def test_a_message_with_two_readings_is_refused(stack: Stack, body: object, headers: dict) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await stack.call("POST", "/mcp", host=DOCS, content=content, headers=headers)
    refused = answer.status_code in (400, 404) or "error" in answer.json()
    assert refused, answer.text
    assert stack.reached == []
    assert (await stack.ended())["kind"] == "call.denied"


# Tokens


def signed_none(claims: dict) -> str:
    return jwt.encode(claims, None, algorithm="none")


async def as_caller(stack: Stack, token: str | None, path: str = "/customers/1") -> int:
    headers = {"host": CRM} if token is None else {"host": CRM, "authorization": f"Bearer {token}"}
    answer = await stack.client.get(stack.envoy.url + path, headers=headers)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["reason"] in ("unauthenticated", "token-rejected")
    return answer.status_code


async def test_bad_tokens_are_refused_before_the_guard(stack: Stack) -> None:
    """Each refused before the guard is asked, in our terms, and recorded."""
    now = int(time.time())
    issuer, other = stack.issuer, Issuer(stack.folder, "https://evil.example.com")
    good = {"iss": ISSUER, "aud": "https://tools.example.com", "sub": "alice", "exp": now + 300}
    forged = Issuer(stack.folder, ISSUER + "/")
    forged.name = ISSUER
    tokens = [
        (None, 401),
        ("garbage", 401),
        (issuer.token(exp=now - 3600), 401),
        (issuer.token(exp=None), 401),
        (issuer.token(nbf=now + 3600), 401),
        (issuer.token(aud="https://other.example.com"), 403),
        (issuer.token(aud=None), 403),
        (other.token(), 401),
        (forged.token(), 401),
        (signed_none(good), 401),
        (issuer.token()[:-4] + "AAAA", 401),
        (issuer.token(sub=None), 403),
        (issuer.token(sub=""), 403),
    ]
    for number, (token, status) in enumerate(tokens):
        assert await as_caller(stack, token) == status, number
    assert stack.reached == []
    found = await stack.until(lambda entries: len(terminals(entries)) >= len(tokens))
    assert {entry["kind"] for entry in found} == {"call.denied"}
    assert {entry["reason"] for entry in found} <= {"unauthenticated", "token-rejected"}
    assert all(entry["path"] == "/customers/1" for entry in found)


async def test_a_token_in_the_query_does_not_count(stack: Stack) -> None:
    """A query is logged by everybody."""
    token = stack.issuer.token()
    assert await as_caller(stack, None, f"/customers/1?access_token={token}") == 401
    assert stack.reached == []
    await stack.ended()
    assert token not in json.dumps(stack.entries()) + stack.logs() + stack.envoy.log() + str(
        stack.envoy.access_log()
    )


async def test_the_token_goes_no_further(stack: Stack) -> None:
    """Neither to the backend nor into the record."""
    await stack.call()
    token = stack.issuer.token()
    assert all(token.split(".")[0] not in value for seen in stack.reached for _, value in seen.headers)


async def test_envoy_does_not_report_answers_of_the_guard(stack: Stack) -> None:
    """Envoy does not report a call that the guard ended itself, in any way."""
    await stack.call()
    await stack.call("POST", "/customers", json={"env": "forbidden"})
    await stack.call("HEAD")
    await stack.call("GET", "/nowhere")
    await stack.call(host="unknown.example.com")
    await stack.client.get(stack.envoy.url + "/customers/1", headers={"host": CRM})
    await stack.call("POST", "/deploys", json={"env": "quick"})
    await stack.call("POST", "/customers", content=b"x" * (300 << 10))
    await stack.ended(8)
    await stack.assert_unreported()
