"""However an MCP stream is cut, the caller gets the same bytes, and nothing that policy denied."""

import asyncio
import json
import re
import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.model.errors import ResponseBrokenOff
from extproc.policy.contract.response_interest import ResponseInterest
from tests.support.maskers import make_masker
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends
from tests.unit.flow.scripted_peer import ScriptedPeer

CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{}}}'
MASKER = make_masker()


def data(message):
    return b"data: " + json.dumps(message).encode()


EVENTS = st.sampled_from(
    [
        data({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "ssn 219-09-9999"}}),
        data({"jsonrpc": "2.0", "id": 1, "method": "denied/canary", "params": {}}),
        data({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}),
        data({"jsonrpc": "2.0", "id": 7, "result": {"content": [], "kind": "open"}}),
        data({"jsonrpc": "2.0", "id": 7, "result": {"content": [], "kind": "canary"}}),
        data({"jsonrpc": "2.0", "id": 8, "result": {"content": [], "kind": "canary"}}),
        data({"jsonrpc": "2.0", "id": 7, "result": {"inputRequests": {"a": {"method": "denied/canary"}}}}),
        b"event: ping\ndata: 3",
        b": keep-alive",
        b"id: 12\ndata:",
        b"id: 4111111111111111\nretry: 5",
        b"id\ndata: x",
        b"data: {'canary'",
    ]
)
ENDS = st.sampled_from([b"\n\n", b"\r\r", b"\r\n\r\n", b"\n"])


def policy(asked):
    if asked["direction"] == "server" and asked["call"]["name"].startswith("denied/"):
        return {"action": "deny"}
    if asked["direction"] == "response" and asked["response"]["body"]["result"].get("kind") == "canary":
        return {"action": "deny"}
    return {"action": "allow"}


def lines(answer):
    """An answer without empty lines: the LF behind the CR of an event that was left out is one, or none."""
    delivered, reason = answer
    return [line for line in re.split(rb"[\r\n]+", delivered) if line], reason


async def got(services, pieces, method):
    peer = ScriptedPeer()
    opening = [asks(method, "/mcp", "docs.internal", content_type="application/json")]
    opening += [sends(CALL)] if method == "POST" else []
    said = [returns(piece, end=False) for piece in pieces] + [returns(b"")]
    try:
        await play(services, *opening, answers(content_type="text/event-stream"), *said, peer=peer)
    except ResponseBrokenOff as broken:
        return re.sub(rb'"call_id":"[^"]+"', b"", peer.delivered), broken.reason
    return peer.delivered, None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(EVENTS, ENDS), max_size=6),
    st.lists(st.integers(0, 1000), max_size=12) | st.just(range(1000)),
    st.sampled_from(["POST", "GET"]),
)
def test_cuts_make_no_difference_and_nothing_denied_passes(events, cuts, method):
    raw = b"".join(event + end for event, end in events)
    marks = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[start:end] for start, end in pairwise(marks)]

    async def both():
        with tempfile.TemporaryDirectory() as folder:
            engine = ScriptedEngine(policy, responses=ResponseInterest.ALWAYS, decides_server_requests=True)
            services = make_services(Path(folder), engine=engine, masker=MASKER)
            return await got(services, [raw], method), await got(services, pieces, method)

    whole, cut = asyncio.run(both())
    assert lines(whole) == lines(cut)
    assert b"canary" not in whole[0]
    assert b"219-09-9999" not in whole[0]
    assert b"4111" not in whole[0]
