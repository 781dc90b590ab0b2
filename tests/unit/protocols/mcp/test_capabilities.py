"""A client is told of no capability of which nothing is registered."""

import json

import pytest

from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Headers, ResponseHead
from tests.unit.protocols.mcp.test_protocol import protocol

HEAD = ResponseHead(200, Headers((("content-type", b"application/json"),)))
EVENTS = ResponseHead(200, Headers((("content-type", b"text/event-stream"),)))
CAPABILITIES = {
    "tools": {"listChanged": True}, "prompts": {}, "resources": {"subscribe": True}, "completions": {}, "logging": {},
    "tasks": {"list": {}}, "experimental": {"prompts": {}},
    "extensions": {"io.modelcontextprotocol/tasks": {}, "io.modelcontextprotocol/ui": {"tasks": 1}},
}  # fmt: skip


def announced(capabilities, method="initialize", head=HEAD, before=b"", **settings):
    result = {"capabilities": capabilities, "serverInfo": {"name": "s", "version": "1"}, "cacheScope": "public"}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
    if before:
        body = before + b"data: " + body + b"\n\n"
    call = Call("c1", "files", method, "mcp", {}, "", method, 1)
    mcp = protocol(**settings)
    assert mcp.lists(call)
    listing = mcp.read_listing(call, head, body)
    assert (listing.items, listing.noun) == ((), "")
    kept = listing.keep(())
    found = json.loads(kept[len(before) :].removeprefix(b"data: "))["result"]
    assert found == result | {"capabilities": found["capabilities"]}
    return found["capabilities"]


@pytest.mark.parametrize("method", ["initialize", "server/discover"])
def test_only_what_is_registered_is_announced(method):
    assert announced(CAPABILITIES, method) == {
        "tools": {"listChanged": True},
        "logging": {},
        "experimental": {"prompts": {}},
        "extensions": {"io.modelcontextprotocol/ui": {"tasks": 1}},
    }
    everything = {"prompts": ["*"], "resources": ["a:b"], "methods": ["tasks/*"]}
    assert announced(CAPABILITIES, method, **everything) == CAPABILITIES
    assert "completions" in announced(CAPABILITIES, method, prompts=["a"])
    assert "tools" not in announced(CAPABILITIES, method, tools=[], prompts=["a"])


def test_events_are_cut_alike():
    assert announced({"prompts": {}}, head=EVENTS, before=b"id: 1\ndata:\n\nevent: ping\ndata: 12:00\n\n") == {}


@pytest.mark.parametrize("capabilities", [{}, {"prompts": {}}, {"prompts": {}, "tasks": {}}])
def test_nothing_may_be_left(capabilities):
    assert announced(capabilities) == {}


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"jsonrpc":"2.0","id":1,"result":{},"x":1}'])
def test_what_has_two_readings_is_refused(body):
    call = Call("c1", "files", "initialize", "mcp", {}, "", "initialize", 1)
    with pytest.raises(Unreadable):
        protocol().read_listing(call, HEAD, body)


@pytest.mark.parametrize(
    "body", [b"", b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}', b'{"result":1}']
)
def test_what_announces_nothing_stays(body):
    call = Call("c1", "files", "initialize", "mcp", {}, "", "initialize", 1)
    assert protocol().read_listing(call, HEAD, body).keep(()) == body


def test_an_announcement_lists_nothing():
    """Nobody would decide which of these tools its caller may see."""
    body = b'{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"logging":{}},"tools":[{"name":"hidden"}],"x":1}}'
    call = Call("c1", "files", "initialize", "mcp", {}, "", "initialize", 1)
    kept = protocol().read_listing(call, HEAD, body).keep(())
    assert json.loads(kept)["result"] == {"capabilities": {"logging": {}}, "x": 1}
