"""A listing shows the tools that its caller may call; all else of it stays as it was."""

import asyncio
import json
from itertools import pairwise

import pytest

from extproc.concurrency.background import background
from extproc.model.errors import PolicyError, ResponseBrokenOff
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    ScriptedPeer,
    answers,
    asks,
    make_services,
    play,
    returns,
    sends,
)

LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
TOOLS = [{"name": name, "inputSchema": {}} for name in ("search", "purge", "hidden", "unregistered")]
LISTING = b"""{"jsonrpc": "2.0", "id": 1, "result":{"tools": [
 {"name": "search", "n": 1.0}, {"name": "purge"},
 {"name": "hidden", "description": "canary"}, {"name": "unregistered"}, {"Name": "search"}], "nextCursor":null}}"""
SHOWN = b"""{"jsonrpc": "2.0", "id": 1, "result":{"tools": [
 {"name": "search", "n": 1.0}, {"name": "purge"}], "nextCursor":null}}"""
CHANGES = {
    "connections.docs.tools": ["search", "purge", "hidden"],
    "connections.docs.approvals": {"groups": ["sre"]},
}
EVENTS = "text/event-stream"


def by_tool(**answers_by_name):
    """Allows the listing; answers so for each tool."""

    def answer(document):
        if document["direction"] != "list":
            return {"action": "allow"}
        found = answers_by_name[document["call"]["name"]]
        if isinstance(found, Exception):
            raise found
        return found

    return ScriptedEngine(answer)


def engine():
    return by_tool(search={"action": "allow"}, purge={"action": "hold"}, hidden={"action": "deny"})


async def listed(tmp_path, policy, *events, changes=None, peer=None):
    services = make_services(tmp_path, engine=policy, changes=CHANGES | (changes or {}))
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    peer = await play(services, head, sends(LIST), *events, peer=peer)
    return services, peer


async def test_denied_and_unregistered_tools_are_taken_out_and_nothing_else_is_touched(tmp_path):
    policy = engine()
    services, peer = await listed(tmp_path, policy, answers(), returns(LISTING))
    assert peer.delivered == SHOWN
    assert "canary" not in peer.transcript
    entry = services.recorder.last
    assert (entry.kind.value, entry.detail) == ("call.completed", "2 of 5 listed tools shown")
    assert "canary" not in entry.response


async def test_each_registered_tool_is_asked_about_as_a_call_would_be_without_arguments(tmp_path):
    policy = engine()
    await listed(tmp_path, policy, answers(), returns(LISTING))
    first, *others = policy.asked
    assert (first["direction"], first["call"]["name"]) == ("request", "tools/list")
    assert [document["call"]["name"] for document in others] == ["search", "purge", "hidden"]
    for document in others:
        assert (document["direction"], document["call"]["method"]) == ("list", "tools/call")
        assert document["call"]["function"] == f"docs.{document['call']['name']}"
        assert document["call"]["arguments"] == {}
        assert document["identity"] == first["identity"]


async def test_event_streams_are_cut_alike(tmp_path):
    before = b": hi\n\ndata:\n\n"
    note = (
        b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"tools":[1]}}\r\n\r\n'
    )
    lines = b"".join(b"data: " + line + b"\n" for line in LISTING.split(b"\n")) + b"\n"
    shown = b"".join(b"data: " + line + b"\n" for line in SHOWN.split(b"\n")) + b"\n"
    services, peer = await listed(
        tmp_path, engine(), answers(content_type=EVENTS), returns(before + note + lines + b"data: unfinished")
    )
    assert peer.delivered == before + note + shown
    assert services.recorder.last.detail == "2 of 5 listed tools shown"


@pytest.mark.parametrize("key", [b"prompts", b"resources", b"ResourceTemplates", b"\\u0070rompts"])
async def test_a_list_that_nobody_asked_for_is_taken_out(tmp_path, key):
    listing = LISTING.replace(b'"nextCursor":null', b'"%s":[{"name":"canary"}]' % key)
    _, peer = await listed(tmp_path, engine(), answers(), returns(listing))
    assert json.loads(peer.delivered)["result"].keys() == {"tools"}


async def test_a_shown_listing_is_masked(tmp_path):
    listing = LISTING.replace(b"1.0", b'"4111111111111111"')
    _, peer = await listed(tmp_path, engine(), answers(), returns(listing))
    assert peer.delivered == SHOWN.replace(b"1.0", b'"[CREDIT_CARD]"')


async def test_undecided_tools_are_taken_out(tmp_path):
    policy = by_tool(search=PolicyError("undefined"), purge=None, hidden={"action": "allow", "x": 1})
    services, peer = await listed(tmp_path, policy, answers(), returns(LISTING))
    assert json.loads(peer.delivered)["result"] == {"tools": [], "nextCursor": None}
    assert services.recorder.last.detail == "0 of 5 listed tools shown"


async def test_a_tool_that_nobody_could_release_is_not_shown(tmp_path):
    changes = {"connections.docs.approvals": {}}
    _, peer = await listed(tmp_path, engine(), answers(), returns(LISTING), changes=changes)
    assert [tool["name"] for tool in json.loads(peer.delivered)["result"]["tools"]] == ["search"]


async def test_a_long_listing_does_not_keep_other_calls_waiting(tmp_path):
    """The embedded engine waits for nothing."""
    policy, seen = ScriptedEngine({"action": "allow"}), []

    async def evaluate(document, caller):
        policy.asked.append(document)
        return {"action": "allow"}

    async def another_call():
        while True:
            seen.append(len(policy.asked))
            await asyncio.sleep(0)

    policy.evaluate = evaluate
    tools = [{"name": f"t{number}"} for number in range(200)]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).encode()
    async with background(another_call()):
        await listed(tmp_path, policy, answers(), returns(body), changes={"connections.docs.tools": ["*"]})
    assert len(policy.asked) == 201
    assert max(after - before for before, after in pairwise(seen)) < 20


@pytest.mark.slow
async def test_tools_that_are_not_decided_in_time_are_taken_out(tmp_path):
    policy = engine()
    decided = policy.evaluate

    async def evaluate(document, caller):
        await asyncio.sleep(30 if b'"name":"purge"' in document else 0)
        return await decided(document)

    policy.evaluate = evaluate
    _, peer = await listed(tmp_path, policy, answers(), returns(LISTING), changes={"limits.decision_timeout": 1.0})
    assert [tool["name"] for tool in json.loads(peer.delivered)["result"]["tools"]] == ["search"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" + LISTING + b"]",
        LISTING.replace(b'"result"', b'"Result"'),
        LISTING.replace(b'"tools"', b'"Tools"'),
        LISTING.replace(b'"id": 1', b'"id": 1, "tools": []'),
        LISTING.replace(b'"nextCursor"', b'"TOOLS"'),
        LISTING.replace(b'"jsonrpc"', b'"result": {}, "jsonrpc"'),
        LISTING[:-1],
        LISTING.decode().encode("utf-16"),
        b"data: " + LISTING.replace(b"\n", b""),
    ],
)
async def test_a_listing_that_two_readers_could_take_differently_is_withheld(tmp_path, body):
    services, peer = await listed(tmp_path, engine(), answers(), returns(body))
    assert len(peer.refusals) == 1
    assert services.recorder.last.reason == "response-uninspectable"


@pytest.mark.parametrize(
    "head",
    [
        {"content_encoding": "zip"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": "image/png"},
    ],
)
async def test_a_connection_that_lets_bodies_pass_shows_no_more_of_a_listing(tmp_path, head):
    changes = {"connections.docs.masking": {"undecodable": "pass-unmasked"}}
    _, peer = await listed(tmp_path, engine(), answers(**head), returns(LISTING), changes=changes)
    assert "canary" not in peer.transcript
    assert peer.refusals or peer.delivered == SHOWN


@pytest.mark.parametrize("more", [b"x", b"{}"])
async def test_an_event_that_is_not_a_message_is_withheld(tmp_path, more):
    """The call ends with an error: headers have gone."""
    events = b"data: " + LISTING.replace(b"\n", b"") + more + b"\n\n"
    peer = ScriptedPeer()
    with pytest.raises(ResponseBrokenOff):
        await listed(tmp_path, engine(), answers(content_type=EVENTS), returns(events), peer=peer)
    assert b"canary" not in peer.delivered
    assert b'"reason":"response-abandoned"' in peer.delivered


async def test_errors_in_answer_to_a_listing_pass(tmp_path):
    error = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'
    _, peer = await listed(tmp_path, engine(), answers(), returns(error))
    assert peer.response_body_is_untouched
    _, peer = await listed(tmp_path, engine(), answers(404), returns(error))
    assert peer.response_body_is_untouched


@pytest.mark.parametrize("status", [401, 404, 405])
async def test_errors_without_a_body_pass(tmp_path, status):
    services, peer = await listed(tmp_path, engine(), answers(status), returns(b""))
    assert peer.response_body_is_untouched
    services, peer = await listed(tmp_path, engine(), answers(status, end=True))
    assert not peer.refusals
    assert services.recorder.last.status == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"tools":[{"name":"canary"}]}'),
        ("application/json", b'[{"result":{"tools":[{"name":"canary"}]}}]'),
        ("application/json", LISTING + b"x"),
        ("application/json", LISTING.replace(b'"tools"', b'"tools":[],"tools"')),
        ("text/plain", b"canary"),
        (EVENTS, b"data: canary\n\n"),
        ("text/html", b"\xff\xfe canary"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_only_the_status_of_an_unreadable_error_passes(tmp_path, status, content_type, body):
    """MCP's clients go by the status; what nobody can read could be a listing in an odd shape."""
    services, peer = await listed(tmp_path, engine(), answers(status, content_type=content_type), returns(body))
    assert not peer.refusals
    assert "canary" not in peer.transcript
    assert not peer.response_body_is_untouched
    assert peer.delivered == b""
    entry = services.recorder.last
    assert (entry.kind.value, entry.status, entry.response_bytes) == ("call.completed", status, 0)
    assert entry.detail.startswith("an unreadable answer to a listing was left out")


async def test_a_listing_with_the_status_of_an_error_is_cut_too(tmp_path):
    _, peer = await listed(tmp_path, engine(), answers(500), returns(LISTING))
    assert peer.delivered == SHOWN


async def test_a_stream_that_answers_no_call_has_no_listing(tmp_path):
    services = make_services(tmp_path, engine=engine(), changes=CHANGES)
    note = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
    listing = b"data: " + LISTING.replace(b"\n", b"") + b"\n\n"
    peer = await play(
        services, asks("GET", "/mcp", "docs.internal", accept=EVENTS), answers(content_type=EVENTS),
        returns(note + listing[:50], end=False), returns(listing[50:] + note),
    )  # fmt: skip
    assert peer.delivered == note + note
    entry = services.recorder.last
    assert (entry.kind.value, entry.detail) == ("call.completed", "left out an answer to another call")


PING = b"event: ping\ndata: 2026-11-29 19:48:28.123456+00:00\n\n"
HIDDEN = LISTING.replace(b"\n", b"")


async def resumed(tmp_path, *pieces):
    services, peer = make_services(tmp_path, engine=engine(), changes=CHANGES), ScriptedPeer()
    await play(
        services, asks("GET", "/mcp", "docs.internal", accept=EVENTS), answers(content_type=EVENTS),
        *(returns(piece, end=piece is pieces[-1]) for piece in pieces), peer=peer,
    )  # fmt: skip
    return peer


async def test_an_event_that_is_no_message_passes(tmp_path):
    """Servers name it otherwise, and its data is a time."""
    assert (await resumed(tmp_path, PING)).delivered == PING
    listing = b"data: " + HIDDEN + b"\n\n"
    _, peer = await listed(tmp_path, engine(), answers(content_type=EVENTS), returns(PING + listing))
    assert peer.delivered.startswith(PING)
    assert b"canary" not in peer.delivered


@pytest.mark.parametrize(
    "event",
    [
        b"event: ping\ndata: x " + HIDDEN + b"\n\n",
        b"event: ping\ndata: {'result'\n\n",
        b'data: {"a": 1, "a": 2}\n\n',
        b'data: [{"method": "x", "id": 1}]\n\n',
    ],
)
async def test_an_event_that_could_hold_a_message_must_be_one(tmp_path, event):
    """Whatever its name is."""
    with pytest.raises(ResponseBrokenOff):
        await resumed(tmp_path, event)


@pytest.mark.parametrize("event", [b"event: message\ndata: nothing\n\n", b"event\ndata: [1]\n\n", b"data: 3\n\n"])
async def test_an_event_without_an_object_is_no_message(tmp_path, event):
    assert (await resumed(tmp_path, event)).delivered == event
