"""MCP sessions belong to the caller they were opened for."""

import pytest

from tests.unit.flow.dialogue import answers, asks, claims, make_services, play, returns, sends

OPEN = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'
CALL = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{}}}'
OWN = "server-session-0042"


async def opened(services, own=OWN):
    """The session id that alice is given."""
    peer = await play(
        services,
        asks("POST", "/mcp", "docs.internal", content_type="application/json"),
        sends(OPEN),
        answers(mcp_session_id=own),
        returns(b"{}"),
    )
    return peer.delivered_headers["mcp-session-id"].decode()


async def speak(services, session, metadata=None, host="docs.internal", own=OWN):
    return await play(
        services,
        asks("POST", "/mcp", host, metadata=metadata, content_type="application/json", mcp_session_id=session),
        sends(CALL),
        answers(mcp_session_id=own),
        returns(b"{}"),
    )


async def test_a_session_is_given_bound_and_taken_apart_again(tmp_path):
    """The server never sees the bound id, the caller never the server's alone; the record has neither."""
    services = make_services(tmp_path)
    bound = await opened(services)
    assert bound.startswith(OWN + ".")
    for _ in range(2):
        peer = await speak(services, bound)
        assert peer.upstream_headers["mcp-session-id"] == OWN.encode()
        assert peer.delivered_headers["mcp-session-id"] == bound.encode()
    names = {entry.session for entry in services.recorder.entries[-2:]}
    assert len(names) == 1
    assert OWN not in str(services.recorder.entries)
    assert services.engine.asked[-1]["call"]["session"] in names


async def test_a_session_id_that_looks_sensitive_is_not_masked_on_its_way(tmp_path):
    """The server and the caller need it as it is; it is bound, and kept nowhere."""
    rules = [{"entity": "*", "how": "remove"}]
    changes = {"connections.docs.masking": {"request": rules, "response": rules}}
    services = make_services(tmp_path, changes=changes)
    own = "219-09-9999"
    bound = await opened(services, own)
    peer = await speak(services, bound, own=own)
    assert peer.upstream_headers["mcp-session-id"] == own.encode()
    assert peer.delivered_values("mcp-session-id") == [bound.encode()]
    assert services.recorder.last.findings == ()
    assert own not in repr(services.recorder.entries)


@pytest.mark.parametrize("kind", ["raw", "of another caller", "forged", "cut", "twice"])
async def test_a_session_that_was_not_given_to_this_caller_is_refused(tmp_path, kind):
    services = make_services(tmp_path)
    bound = await opened(services)
    given = {"raw": OWN, "forged": OWN + "." + "A" * 22, "cut": bound[:-1], "twice": f"{bound},{bound}"}
    metadata = claims(sub="mallory") if kind == "of another caller" else None
    peer = await speak(services, given.get(kind, bound), metadata)
    assert peer.refusal.reason == "unknown-session"
    assert services.recorder.last.rule == "session"
    assert OWN not in str(services.recorder.entries)


async def test_a_session_of_another_connection_is_refused(tmp_path):
    changes = {
        "connections.more": {
            "protocol": "mcp",
            "hosts": ["more.internal"],
            "upstream": {"address": "127.0.0.1:9"},
            "tools": ["search"],
        }
    }
    services = make_services(tmp_path, changes=changes)
    peer = await speak(services, await opened(services), host="more.internal")
    assert peer.refusals


async def test_a_session_end_goes_to_the_servers_own_session(tmp_path):
    services = make_services(tmp_path)
    bound = await opened(services)
    peer = await play(
        services, asks("DELETE", "/mcp", "docs.internal", end=True, mcp_session_id=bound), answers(end=True)
    )
    assert peer.upstream_headers["mcp-session-id"] == OWN.encode()
