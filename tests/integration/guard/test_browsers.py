"""Clients that sign in, and clients in browsers: MCP through the guard, as they come."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
import pytest_asyncio
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.integration.guard.raw import request, speak
from tests.integration.guard.stack import DOCS, Stack, run_stack
from tests.integration.support.tokens import ISSUER
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

RESOURCE = f"https://{DOCS}/mcp"
METADATA = "/.well-known/oauth-protected-resource"
CHALLENGE = f'Bearer resource_metadata="https://{DOCS}{METADATA}/mcp"'
APP = "https://app.example.com"
BACKEND = "localhost:9000"
SEARCH = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {}}}


def guarded(upstream: str) -> dict[str, Any]:
    """A connection for clients that sign in."""
    return {
        "protocol": "mcp",
        "hosts": [DOCS],
        "tools": ["search", "publish"],
        "upstream": {"address": upstream, "host": BACKEND},
        "protected_resource": {
            "resource": RESOURCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["docs.read"],
        },
        "cors": {"origins": [APP, "https://other.example.com:8443"]},
    }


def strict_host(seen: ResponseFacts) -> Scripted:
    """An MCP server with protection against DNS rebinding."""
    if seen.header("host") != BACKEND:
        return Scripted(421, [("content-type", "text/plain")], [b"Invalid Host header"])
    return Scripted(200, [("content-type", "application/json")], [b'{"jsonrpc":"2.0","id":1,"result":{}}'])


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def running() -> AsyncIterator[Stack]:
    def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
        return {"docs": guarded(upstream)}

    async with run_stack(workers=1, answer=strict_host, connections=connections) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(running: Stack) -> AsyncIterator[Stack]:
    running.upstream.answer = strict_host
    running.fresh()
    yield running
    await running.settled()


async def test_a_backend_gets_the_host_that_it_answers_to(browsers: Stack) -> None:
    answer = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH)
    assert (answer.status_code, answer.json()["result"]) == (200, {})
    assert [each.header("host") for each in browsers.reached] == [BACKEND]
    assert (await browsers.ended())["connection"] == "docs"


async def test_envoys_account_names_the_connection_whose_host_was_replaced(browsers: Stack) -> None:
    """The backend breaks off before the guard saw its answer: Envoy reports the host that it forwarded."""
    json_type = ("content-type", "application/json")
    browsers.upstream.answer = Scripted(200, [json_type], [b"{"], framing="chunked", break_off=True)
    answer = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH)
    assert answer.json()["error"]["data"]["reason"] == "response-abandoned"
    entry = await browsers.reported()
    assert (entry["connection"], entry["path"]) == ("docs", "/mcp")


# Sign-in


async def anonymous(stack: Stack, method: str, path: str, **headers: str) -> httpx.Response:
    """Call without a token."""
    content = json.dumps(SEARCH) if method == "POST" else None
    given = {"host": DOCS, "content-type": "application/json", **headers}
    return await stack.client.request(method, stack.envoy.url + path, headers=given, content=content)


@pytest.mark.parametrize("token", [None, "x", "expired"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_who_has_no_token_learns_where_to_get_one_and_nothing_else(
    browsers: Stack, token: str | None, method: str
) -> None:
    expired = browsers.issuer.headers(exp=1)
    headers = {None: {}, "x": {"authorization": "Bearer x"}, "expired": expired}[token]
    answer = await anonymous(browsers, method, "/mcp?secret=1", **headers)
    assert (answer.status_code, answer.headers.get_list("www-authenticate")) == (401, [CHALLENGE])
    told = {"type": "urn:extproc:reason:unauthenticated", "title": "A valid token is required", "status": 401}
    entry = await browsers.ended()
    assert answer.json() == {**told, "reason": "unauthenticated", "call_id": entry["call_id"]}
    assert (entry["kind"], entry["reason"], browsers.reached) == ("call.denied", "unauthenticated", [])


@pytest.mark.parametrize("path", [METADATA, f"{METADATA}/mcp"])
async def test_everybody_may_read_where_to_sign_in(browsers: Stack, path: str) -> None:
    for headers in ({}, browsers.issuer.headers()):
        answer = await anonymous(browsers, "GET", path, **headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == {
            "resource": RESOURCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["docs.read"],
            "bearer_methods_supported": ["header"],
        }
        head = await anonymous(browsers, "HEAD", path, **headers)
        assert (head.status_code, head.content) == (200, b"")
    entry = await browsers.ended(calls=4)
    assert (entry["kind"], entry["reason"], entry["rule"]) == ("call.completed", "answered", "protected_resource")
    assert (entry["connection"], entry["path"], entry["status"]) == ("docs", path, 200)
    assert browsers.reached == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", METADATA),
        ("PUT", f"{METADATA}/mcp"),
        ("DELETE", METADATA),
        ("OPTIONS", METADATA),
        ("GET", f"{METADATA}?a=1"),
        ("GET", f"{METADATA}/mcp?"),
        ("GET", f"{METADATA}/"),
        ("GET", f"{METADATA}/other"),
        ("GET", f"{METADATA}/mcp/x"),
        ("GET", f"{METADATA}/mcp;x"),
        ("GET", f"{METADATA.upper()}/mcp"),
        ("GET", f"{METADATA}/../../mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/oauth-protected-resourcex"),
    ],
)
async def test_nothing_else_passes_without_a_token(browsers: Stack, method: str, path: str) -> None:
    answer = await anonymous(browsers, method, path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert ((await browsers.ended())["reason"], browsers.reached) == ("unauthenticated", [])


async def test_a_bad_token_is_refused_where_none_is_needed(browsers: Stack) -> None:
    answer = await anonymous(browsers, "GET", METADATA, **browsers.issuer.headers(exp=1))
    assert (answer.status_code, browsers.reached) == (401, [])
    assert (await browsers.ended())["reason"] == "unauthenticated"


async def test_a_connection_without_the_setting_tells_nothing(stack: Stack) -> None:
    answer = await anonymous(stack, "GET", METADATA)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


class Memory:
    """What a client remembers of its sign-in."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


class Internet(httpx2.AsyncBaseTransport):
    """Where the names of the test lead: the connection's to Envoy, the issuer's to a small authorization server."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.asked: list[tuple[str, str, int]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        if request.url.host == DOCS:
            sent = dict(request.headers) | {"host": DOCS}
            url = self.stack.envoy.url + request.url.raw_path.decode()
            got = await self.stack.client.request(request.method, url, headers=sent, content=body)
            answer = httpx2.Response(got.status_code, headers=list(got.headers.items()), content=got.content)
        else:
            answer = self.authorization_server(request, body)
        self.asked.append((request.method, request.url.path, answer.status_code))
        return answer

    def authorization_server(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        match request.url.path:
            case "/.well-known/oauth-authorization-server":
                ends = {name: f"{ISSUER}/{name}" for name in ("authorize", "token", "register")}
                return httpx2.Response(
                    200,
                    json={
                        "issuer": ISSUER,
                        "authorization_endpoint": ends["authorize"],
                        "token_endpoint": ends["token"],
                        "registration_endpoint": ends["register"],
                        "response_types_supported": ["code"],
                        "code_challenge_methods_supported": ["S256"],
                    },
                )
            case "/register":
                return httpx2.Response(201, json={**json.loads(body), "client_id": "desktop"})
            case "/token":
                asked = parse_qs(body.decode())
                assert asked["resource"] == [RESOURCE]
                token = self.stack.issuer.token()
                return httpx2.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 60})
        return httpx2.Response(404)


async def test_the_official_client_signs_in_by_itself(browsers: Stack) -> None:
    """It is told nothing but the URL of the connection."""
    shown: list[str] = []

    async def show(url: str) -> None:
        shown.append(url)

    async def come_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code="c", state=parse_qs(urlsplit(shown[0]).query)["state"][0], iss=ISSUER)

    metadata = OAuthClientMetadata.model_validate(
        {"redirect_uris": ["http://localhost:3000/back"], "client_name": "desktop"}
    )
    internet = Internet(browsers)
    auth = OAuthClientProvider(RESOURCE, metadata, Memory(), show, come_back)
    async with httpx2.AsyncClient(transport=internet, auth=auth) as client:
        answer = await client.post(RESOURCE, json=SEARCH)
    assert (answer.status_code, answer.json()["result"]) == (200, {})
    assert internet.asked == [
        ("POST", "/mcp", 401),
        ("GET", f"{METADATA}/mcp", 200),
        ("GET", "/.well-known/oauth-authorization-server", 200),
        ("POST", "/register", 201),
        ("POST", "/token", 200),
        ("POST", "/mcp", 200),
    ]
    assert parse_qs(urlsplit(shown[0]).query)["scope"] == ["docs.read"]
    assert (await browsers.ended(calls=3))["subject"] == "alice"


async def test_the_metadata_is_served_over_ext_authz_too() -> None:
    def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
        return {"docs": guarded(upstream)}

    async with run_stack(workers=1, door="ext_authz", connections=connections) as stack:
        answer = await anonymous(stack, "GET", METADATA)
        assert (answer.status_code, answer.json()["resource"]) == (200, RESOURCE)
        assert answer.headers["content-type"] == "application/json"
        assert (await anonymous(stack, "POST", "/mcp")).status_code == 401
        assert stack.reached == []
        entry = (await stack.until(lambda entries: [each for each in entries if each["reason"] == "answered"]))[0]
        assert (entry["kind"], entry["status"]) == ("call.completed", 200)


# Browsers

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


def cors_fields(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/mcp", METADATA])
async def test_a_preflight_of_an_application_needs_no_token_and_reaches_nobody(browsers: Stack, path: str) -> None:
    answer = await anonymous(browsers, "OPTIONS", path, origin=APP, **PREFLIGHT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert cors_fields(answer) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": "authorization, content-type, accept, last-event-id, mcp-session-id,"
        " mcp-protocol-version, mcp-method, mcp-name, *",
        "access-control-expose-headers": "mcp-session-id, www-authenticate",
        "access-control-max-age": "600",
    }
    entry = await browsers.ended()
    assert (entry["kind"], entry["reason"], entry["status"]) == ("call.completed", "answered", 200)
    assert (entry["connection"], entry["method"], browsers.reached) == ("docs", "OPTIONS", [])


BAD_ORIGINS = (
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com:443",
    "https://app.example.com.evil.example",
    "https://appxexample.com",
    "https://app.example.com/",
    "HTTPS://APP.EXAMPLE.COM",
    "https://app.example.com, https://other.example.com:8443",
    "null",
    "*",
    "",
)


@pytest.mark.parametrize("origin", BAD_ORIGINS)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "OPTIONS"])
async def test_a_page_of_another_origin_is_refused_before_anything_else(
    browsers: Stack, method: str, origin: str
) -> None:
    """With a good token, without one, and for what everybody may read."""
    preflight = PREFLIGHT if method == "OPTIONS" else {}
    for headers in ({}, browsers.issuer.headers(), browsers.issuer.headers(exp=1)):
        for path in ("/mcp", METADATA):
            answer = await anonymous(browsers, method, path, origin=origin, **preflight, **headers)
            assert (answer.status_code, answer.json()["reason"]) == (403, "origin-refused")
            assert cors_fields(answer) == {}
    entry = await browsers.ended(calls=6)
    assert (entry["kind"], entry["reason"], entry["connection"]) == ("call.denied", "origin-refused", "docs")
    assert browsers.reached == []


async def test_two_origins_are_none(browsers: Stack) -> None:
    fields = [("host", DOCS), ("origin", APP), ("origin", APP), *browsers.issuer.headers().items()]
    answer = await speak(await browsers.connect(), request("GET", "/mcp", *fields))
    assert (answer.status, (await browsers.ended())["reason"]) == (403, "origin-refused")


async def test_an_application_reads_answers_and_refusals(browsers: Stack) -> None:
    """A 401 too: it says where to sign in."""
    may_read = {
        "access-control-allow-origin": APP,
        "access-control-expose-headers": "mcp-session-id, www-authenticate",
    }
    called = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH, headers={"origin": APP})
    assert (called.status_code, called.json()["result"], cors_fields(called)) == (200, {}, may_read)
    nobody = await anonymous(browsers, "POST", "/mcp", origin=APP)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, CHALLENGE)
    assert cors_fields(nobody) == may_read
    metadata = await anonymous(browsers, "GET", METADATA, origin=APP)
    assert (metadata.status_code, cors_fields(metadata)) == (200, may_read)
    denied = {**SEARCH, "params": {"name": "search", "arguments": {"env": "forbidden"}}}
    refused = await browsers.call("POST", "/mcp", host=DOCS, json=denied, headers={"origin": APP})
    assert (refused.json()["error"]["data"]["reason"], cors_fields(refused)) == ("forbidden-argument", may_read)
    browsers.upstream.answer = Scripted(0)
    failed = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH, headers={"origin": APP})
    assert (failed.json()["error"]["data"]["reason"], cors_fields(failed)) == ("upstream-error", may_read)
    large = {**SEARCH, "params": {"name": "search", "arguments": {"q": "x" * 300_000}}}
    too_large = await browsers.call("POST", "/mcp", host=DOCS, json=large, headers={"origin": APP})
    assert (too_large.status_code, cors_fields(too_large)) == (413, may_read)
    await browsers.ended(calls=6)


async def test_a_stream_of_events_can_be_read_too(browsers: Stack) -> None:
    event = b'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
    stream, session = ("content-type", "text/event-stream"), ("mcp-session-id", "s-1")
    wild = [("access-control-allow-origin", "*"), ("access-control-expose-headers", "*")]
    browsers.upstream.answer = Scripted(200, [stream, session, *wild], [event], framing="chunked")
    answer = await browsers.call("POST", "/mcp", host=DOCS, json=SEARCH, headers={"origin": APP})
    assert (answer.status_code, answer.content) == (200, event)
    assert answer.headers["mcp-session-id"]
    assert cors_fields(answer)["access-control-allow-origin"] == APP
    assert answer.headers.get_list("access-control-expose-headers") == ["mcp-session-id, www-authenticate"]


async def test_an_mcp_connection_without_the_setting_refuses_every_page(stack: Stack) -> None:
    for headers in ({}, stack.issuer.headers()):
        answer = await anonymous(stack, "POST", "/mcp", origin=f"https://{DOCS}", **headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, "origin-refused")
    preflight = await anonymous(stack, "OPTIONS", "/mcp", origin=APP, **PREFLIGHT)
    assert (preflight.status_code, cors_fields(preflight), stack.reached) == (403, {}, [])


async def test_other_protocols_do_not_look_at_the_origin(stack: Stack) -> None:
    assert (await stack.call(headers={"origin": "https://evil.example.com"})).status_code == 200


async def test_a_mesh_without_our_filters_refuses_other_origins_too() -> None:
    """Neither our RBAC filter nor Envoy's CORS filter is there: the guard itself looks."""

    def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
        return {"docs": guarded(upstream)}

    def without(bootstrap: dict[str, Any]) -> None:
        listener = bootstrap["static_resources"]["listeners"][0]
        filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
        first, second, *others = [each["name"] for each in filters]
        assert (first, second) == ("envoy.filters.http.rbac.methods", "envoy.filters.http.cors")
        filters[:] = [each for each in filters if each["name"] in others]

    for door in ("ext_proc", "ext_authz"):
        async with run_stack(
            workers=1, door=door, connections=connections, change=without, answer=strict_host
        ) as mesh:
            refused = await mesh.call("POST", "/mcp", host=DOCS, json=SEARCH, headers={"origin": BAD_ORIGINS[0]})
            assert (refused.status_code, refused.json()["reason"]) == (403, "origin-refused")
            preflight = await mesh.call("OPTIONS", "/mcp", host=DOCS, headers={"origin": APP, **PREFLIGHT})
            assert (preflight.status_code, mesh.reached) == (
                404,
                [],
            )  # browsers take none but 200 to 299 for consent
            assert "access-control-allow-headers" not in cors_fields(preflight)
            assert (await mesh.ended(calls=2))["reason"] == "unknown-function"


async def test_over_ext_authz_envoy_answers_browsers_and_reports_it() -> None:
    def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
        return {"docs": guarded(upstream)}

    async with run_stack(workers=1, door="ext_authz", connections=connections) as stack:
        preflight = await anonymous(stack, "OPTIONS", "/mcp", origin=APP, **PREFLIGHT)
        assert (preflight.status_code, cors_fields(preflight)["access-control-allow-origin"]) == (200, APP)
        assert (await stack.reported())["reason"] == "answered"
        stack.fresh()
        evil = await anonymous(stack, "POST", "/mcp", origin=BAD_ORIGINS[0], **stack.issuer.headers())
        assert (evil.status_code, cors_fields(evil)) == (403, {})
        entry = await stack.reported()
        assert (entry["reason"], entry["connection"], stack.reached) == ("origin-refused", "docs", [])
