"""An event stream ends when its caller's token does, and not before."""

import asyncio
import json
from dataclasses import replace

import pytest

from extproc.flow.response import token_end
from extproc.model.call import Attributes
from extproc.model.errors import ResponseBrokenOff
from tests.unit.flow.dialogue import NOW, answers, asks, claims, make_services, play, returns, sends
from tests.unit.flow.scripted_peer import ScriptedPeer

SSE = "text/event-stream"
CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{}}}'
NOTE = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'
SECOND = 1_000_000_000


class Clock:
    """A wall clock that somebody sets."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def opening(kind, lasts=10):
    metadata = claims(exp=NOW / SECOND + lasts) if lasts is not None else {}
    if kind == "POST":
        head = asks("POST", "/mcp", "docs.internal", metadata=metadata, content_type="application/json")
        return [head, sends(CALL)]
    path, host = ("/mcp", "docs.internal") if kind == "GET" else ("/customers/7", "crm.internal")
    return [asks("GET", path, host, metadata=metadata)]


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def under_way(services, peer, kind, **opened):
    """A stream whose first event has passed."""
    task = asyncio.create_task(
        play(services, *opening(kind, **opened), answers(content_type=SSE), returns(NOTE, end=False), peer=peer)
    )
    await until(lambda: NOTE in peer.delivered or task.done())
    return task


@pytest.mark.parametrize("kind", ["POST", "GET", "http"])
async def test_nothing_passes_from_the_moment_on_at_which_the_token_expires(tmp_path, kind):
    clock, peer = Clock(), ScriptedPeer()
    services = make_services(tmp_path, clock=clock)
    task = await under_way(services, peer, kind)
    clock.now = NOW + 10 * SECOND - 1
    peer.say(returns(NOTE, end=False))
    await until(lambda: peer.delivered == NOTE * 2)
    clock.now = NOW + 10 * SECOND
    peer.say(returns(NOTE, end=False))
    with pytest.raises(ResponseBrokenOff):
        await task
    rest = peer.delivered.removeprefix(NOTE * 2)
    if kind == "POST":
        error = json.loads(rest.rpartition(b"data: ")[2])
        assert (error["id"], error["error"]["data"]["reason"]) == (7, "unauthenticated")
    else:
        assert rest == b""
    last = services.recorder.last
    assert (last.kind.value, last.reason, last.rule) == ("call.failed", "unauthenticated", "jwt.exp")
    assert services.recorder.kinds.count("call.failed") == 1


@pytest.mark.parametrize(("kind", "told"), [("GET", 0.0), ("POST", 0.05)])
async def test_a_silent_stream_is_broken_off(tmp_path, monkeypatch, kind, told):
    monkeypatch.setattr(token_end, "WAITS_TO_TELL_S", 0.05)
    services, peer = make_services(tmp_path, clock=Clock()), ScriptedPeer()
    loop = asyncio.get_running_loop()
    task = await under_way(services, peer, kind, lasts=0.1)
    began = loop.time()
    with pytest.raises(ResponseBrokenOff):
        await task
    assert loop.time() - began >= told
    assert peer.delivered == NOTE
    assert services.recorder.last.reason == "unauthenticated"


async def test_a_clock_that_is_set_back_makes_no_stream_longer(tmp_path):
    clock, peer = Clock(), ScriptedPeer()
    services = make_services(tmp_path, clock=clock)
    task = await under_way(services, peer, "GET", lasts=0.1)
    clock.now = NOW - 3600 * SECOND
    with pytest.raises(ResponseBrokenOff):
        await task


async def test_a_call_that_was_accepted_after_its_token_expired_has_as_long_as_clocks_differ(tmp_path):
    clock, peer = Clock(), ScriptedPeer()
    task = await under_way(make_services(tmp_path, clock=clock), peer, "POST", lasts=-5)
    assert peer.delivered == NOTE
    clock.now = NOW + 25 * SECOND
    peer.say(returns(NOTE, end=False))
    with pytest.raises(ResponseBrokenOff):
        await task


@pytest.mark.parametrize("case", ["setting", "certificate", "ends"])
async def test_other_streams_go_on(tmp_path, case):
    """The setting is off; the caller has a certificate and no token; all that is left is the end."""
    clock, peer = Clock(), ScriptedPeer()
    changes = {"identity.end_streams": case != "setting"}
    if case == "certificate":
        changes |= {"identity.mtls": {"trust_domains": ["corp"]}}
    services = make_services(tmp_path, clock=clock, changes=changes)
    opened = opening("GET", None if case == "certificate" else 10)
    if case == "certificate":
        head = replace(opened[0].head, attributes=Attributes(source_principal="spiffe://corp/a"))
        opened = [replace(opened[0], head=head)]
    task = asyncio.create_task(
        play(services, *opened, answers(content_type=SSE), returns(NOTE, end=False), peer=peer)
    )
    await until(lambda: peer.delivered == NOTE)
    clock.now = NOW + 3600 * SECOND
    peer.say(returns(b"" if case == "ends" else NOTE))
    await task
    assert services.recorder.last.kind.value == "call.completed"
