"""A real Chromium: pages of listed origins use all of MCP through the guard, and pages of others get nothing."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.browser.chromium import Pages, chromium_binary, machine_can_have_one, run_pages
from tests.integration.guard.stack import Stack, run_stack
from tests.integration.support.tokens import ISSUER
from tests.integration.support.upstream import ResponseFacts, Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

HOST = "docs.localhost"
METADATA = f"https://{HOST}/.well-known/oauth-protected-resource/mcp"
SESSION = "session-of-the-server"
HELPERS = """
const call = async (method, body, headers = {}, path = "/mcp") => {
  try {
    const given = { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers }
    const answer = await fetch(URL_OF_GUARD + path, { method, headers: given, body: body && JSON.stringify(body) })
    const read = ["mcp-session-id", "www-authenticate", "content-type"]
    const fields = Object.fromEntries(read.map((name) => [name, answer.headers.get(name)]))
    return { status: answer.status, ...fields, body: await answer.text() }
  } catch (error) {
    return { failed: error.name }
  }
}
const ask = (id, method, params = {}) => ({ jsonrpc: "2.0", id, method, params })
const search = (given = {}) => ask(1, "tools/call", { name: "search", arguments: given })
const signedIn = { authorization: "Bearer " + TOKEN }
"""
NOTHING = {"failed": "TypeError"}
"""All that a page learns of an answer that it may not read."""


@dataclass
class Browser:
    """The guard, and pages that call it."""

    stack: Stack
    pages: Pages

    async def run(self, url: str, script: str) -> Any:
        """Run a script that has ``call`` and its companions."""
        constants = {"URL_OF_GUARD": f"http://{HOST}:{self.stack.port}", "TOKEN": self.stack.issuer.token()}
        given = "".join(f"const {name} = {json.dumps(value)};" for name, value in constants.items())
        return await self.pages.run(url, given + HELPERS + script)

    def methods(self) -> list[str]:
        """What reached the server."""
        return [each.method for each in self.stack.reached]


def server(seen: ResponseFacts) -> Scripted:
    """An MCP server that answers lists in JSON and calls in a stream."""
    json_type, stream = ("content-type", "application/json"), ("content-type", "text/event-stream")
    if seen.method == "DELETE":
        return Scripted(204)
    if seen.method == "GET":
        event = b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
        return Scripted(200, [stream], [event], framing="chunked")
    asked = json.loads(seen.body)
    if asked["params"].get("arguments") == {"q": "gone"}:
        return Scripted(0)
    result = {
        "initialize": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "server", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "search", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "found"}]},
    }[asked["method"]]
    message = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
    if asked["method"] == "tools/call":
        return Scripted(200, [stream], [b"event: message\ndata: " + message + b"\n\n"], framing="chunked")
    return Scripted(200, [json_type, ("mcp-session-id", SESSION)], [message])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running() -> AsyncIterator[Browser]:
    if chromium_binary() is None and os.environ.get("CI") and machine_can_have_one():
        pytest.fail("no chromium: .ci/run installs it")
    if chromium_binary() is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    async with run_pages() as pages:

        def connections(_issuer: Any, upstream: str) -> dict[str, Any]:
            docs = {
                "protocol": "mcp",
                "hosts": [f"{HOST}:*"],
                "tools": ["search", "publish"],
                "upstream": {"address": upstream},
                "protected_resource": {"resource": f"https://{HOST}/mcp", "authorization_servers": [ISSUER]},
                "cors": {"origins": [pages.origin("app")]},
            }
            return {"docs": docs}

        async with run_stack(workers=1, answer=server, connections=connections) as stack:
            yield Browser(stack, pages)


@pytest_asyncio.fixture(loop_scope="module")
async def browser(running: Browser) -> Browser:
    running.stack.fresh()
    return running


async def test_a_page_of_a_listed_origin_uses_a_session_from_beginning_to_end(browser: Browser) -> None:
    script = """
      const version = "2025-11-25"
      const client = { protocolVersion: version, capabilities: {}, clientInfo: { name: "page", version: "1" } }
      const begun = await call("POST", ask(0, "initialize", client), signedIn)
      const known = { ...signedIn, "mcp-session-id": begun["mcp-session-id"], "mcp-protocol-version": version }
      return [
        begun,
        await call("POST", ask(1, "tools/list"), known),
        await call("POST", search(), known),
        await call("GET", undefined, { ...known, accept: "text/event-stream" }),
        await call("DELETE", undefined, known),
      ]
    """
    begun, listed, called, heard, ended = await browser.run(browser.pages.origin("app"), script)
    assert (begun["status"], bool(begun["mcp-session-id"])) == (200, True)
    assert [each["name"] for each in json.loads(listed["body"])["result"]["tools"]] == ["search"]
    assert (called["content-type"], "found" in called["body"]) == ("text/event-stream", True)
    assert (heard["content-type"], "list_changed" in heard["body"]) == ("text/event-stream", True)
    assert ended["status"] == 204
    assert browser.methods() == ["POST", "POST", "POST", "GET", "DELETE"]
    assert {each.header("mcp-session-id") for each in browser.stack.reached[1:]} == {SESSION}


async def test_a_page_can_use_the_header_fields_of_mcp_2026_07_28(browser: Browser) -> None:
    """The names of ``Mcp-Param-*`` come from the tools' definitions: no list can have them."""
    script = """
      const version = "2026-07-28"
      const copies = { "mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "search" }
      const meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { name: "page", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      }
      const asked = search({ region: "west" })
      asked.params._meta = meta
      return await call("POST", asked, { ...signedIn, ...copies, "Mcp-Param-Region": "west" })
    """
    called = await browser.run(browser.pages.origin("app"), script)
    assert (called.get("status"), "found" in called.get("body", "")) == (200, True), called
    assert [each.header("mcp-param-region") for each in browser.stack.reached] == ["west"]


async def test_a_page_reads_where_to_sign_in_and_every_refusal(browser: Browser) -> None:
    """Those of the guard, and those that Envoy makes by itself."""
    script = """
      return {
        anonymous: await call("POST", search()),
        rejected: await call("POST", search(), { authorization: "Bearer x" }),
        metadata: await call("GET", undefined, {}, "/.well-known/oauth-protected-resource/mcp"),
        forbidden: await call("POST", search({ env: "forbidden" }), signedIn),
        unknown: await call("POST", ask(1, "tools/call", { name: "other", arguments: {} }), signedIn),
        elsewhere: await call("GET", undefined, signedIn, "/elsewhere"),
        large: await call("POST", search({ q: "x".repeat(300000) }), signedIn),
        gone: await call("POST", search({ q: "gone" }), signedIn),
      }
    """
    told = await browser.run(browser.pages.origin("app"), script)
    assert not [name for name, answer in told.items() if "failed" in answer], told
    for name in ("anonymous", "rejected"):
        challenge = f'Bearer resource_metadata="{METADATA}"'
        assert (told[name]["status"], told[name]["www-authenticate"]) == (401, challenge)
    assert json.loads(told["metadata"]["body"])["authorization_servers"] == [ISSUER]
    for name, reason in {
        "forbidden": "forbidden-argument",
        "unknown": "unknown-function",
        "gone": "upstream-error",
    }.items():
        assert json.loads(told[name]["body"])["error"]["data"]["reason"] == reason, told[name]
    assert (told["large"]["status"], json.loads(told["large"]["body"])["reason"]) == (413, "body-too-large")
    assert told["elsewhere"]["status"] == 404


async def test_a_page_of_another_origin_gets_nothing(browser: Browser) -> None:
    """Nor does a sandboxed frame of a listed origin's page, or a page without an origin."""
    script = """
      const simple = await fetch(URL_OF_GUARD + "/mcp", { method: "POST", body: JSON.stringify(search()) })
        .catch((error) => ({ failed: error.name }))
      return [
        String(self.origin),
        simple.failed,
        await call("POST", search(), signedIn),
        await call("GET", undefined, signedIn),
        await call("DELETE", undefined, signedIn),
        await call("GET", undefined, {}, "/.well-known/oauth-protected-resource/mcp"),
      ]
    """
    evil, app = browser.pages.origin("evil"), browser.pages.origin("app")
    for url, origin in ((evil, evil), (f"{app}/framed", "null"), ("", "null")):
        seen = await browser.run(url, script)
        assert seen == [origin, NOTHING["failed"], NOTHING, NOTHING, NOTHING, NOTHING]
    assert browser.methods() == []
    assert {each["reason"] for each in browser.stack.entries()} <= {"origin-refused"}
