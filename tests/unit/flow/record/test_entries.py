"""Entries keep what is known of a call, however far it came, masked and within limits."""

import asyncio
import hashlib
import json

import pytest

from extproc.flow.record.call_record import PATH_MAX
from tests.support.maskers import FaultyMasker, make_masker
from tests.unit.flow.dialogue import (
    MemoryRecorder,
    ScriptedEngine,
    ScriptedPeer,
    answers,
    asks,
    deny,
    held,
    make_services,
    play,
    returns,
    sends,
)

SSN = "219-09-9999"
SECRET = "never-kept-9f8e7d6c"
JSON = {"content_type": "application/json"}
MCP = ("POST", "/mcp", "docs.internal")


def posts(body=b"{}", **fields):
    return asks("POST", "/customers", **JSON, **fields), sends(body)


def with_secret(tmp_path, connection):
    (tmp_path / "secret").write_text(SECRET)
    return {f"connections.{connection}.credential": {"file": str(tmp_path / "secret")}}


def calls_tool(name, **params):
    message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, **params}}
    return sends(json.dumps(message).encode())


async def test_a_denied_call_is_recorded_with_its_findings(tmp_path):
    """They may be why it was denied."""
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "deny"}))
    await play(services, *posts(json.dumps({"ssn": SSN}).encode()))
    assert [(each.entity, each.path, each.how) for each in services.recorder.last.findings] == [
        ("US_SSN", "$.ssn", "")
    ]


async def test_arguments_and_paths_are_cut_at_their_limits(tmp_path):
    services = make_services(tmp_path, changes={"connections.crm.recording": {"max_text": 16}})
    await play(services, *posts(json.dumps({"note": "x" * 100}).encode()), answers(end=True))
    assert services.recorder.last.arguments == '{"note":"xxxxxxx'
    await play(services, asks(path="/customers/" + "y" * 2 * PATH_MAX), answers(end=True))
    assert len(services.recorder.last.path) == PATH_MAX


async def test_a_body_that_could_not_be_decoded_is_named_where_the_host_is_unknown(tmp_path):
    """The call is never identified; the fact is known nevertheless."""
    services = make_services(tmp_path)
    await play(services, asks("POST", "/x", "unknown.internal", content_encoding="gzip"), sends(b"no gzip"))
    last = services.recorder.last
    assert (last.reason, last.uninspectable) == ("unknown-function", "content-encoding")


async def test_arguments_that_cannot_be_masked_are_not_kept_and_the_path_is(tmp_path):
    masker = make_masker(kind=FaultyMasker).fail("mask", part="broken")
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "deny"}), masker=masker)
    await play(services, *posts(json.dumps({"ssn": SSN, "note": "broken"}).encode()))
    last = services.recorder.last
    assert (last.path, last.arguments) == ("/customers", "")


async def test_the_credential_is_not_kept_in_the_name_of_an_unknown_tool(tmp_path):
    services = make_services(tmp_path, changes=with_secret(tmp_path, "docs"))
    await play(services, asks(*MCP, **JSON), calls_tool(f"no {SECRET}"))
    assert services.recorder.last.function == "docs.no [CREDENTIAL]"
    assert SECRET not in repr(services.recorder.entries)


async def test_no_path_of_a_finding_is_kept_where_the_body_holds_the_credential(tmp_path):
    """Also outside of the arguments, which are all that is kept of the body."""
    services = make_services(tmp_path, changes=with_secret(tmp_path, "docs"))
    await play(
        services, asks(*MCP, **JSON), calls_tool("search", _meta={"key": SECRET, "ssn": SSN}), answers(end=True)
    )
    assert {(each.entity, each.path) for each in services.recorder.last.findings} >= {("US_SSN", "$")}
    assert {each.path for each in services.recorder.last.findings} == {"$"}


async def test_the_session_of_an_unknown_tool_is_named_and_its_id_not_kept(tmp_path):
    """Who reads the evidence must not be able to speak in the session."""
    services = make_services(tmp_path)
    await play(services, asks(*MCP, mcp_session_id="server-1.tag", **JSON), calls_tool("nosuch"))
    last = services.recorder.last
    assert (last.reason, last.session) == ("unknown-function", services.sessions.name("server-1.tag", "docs"))
    assert "server-1" not in repr(services.recorder.entries)


class DurableRecorder(MemoryRecorder):
    """Remembers which entries were durable before the call went on."""

    def __init__(self):
        super().__init__()
        self.durable = []

    async def record(self, entry):
        await super().record(entry)
        self.durable.append(entry.kind.value)


@pytest.mark.parametrize(("durability", "durable"), [("strict", ["call.decided"]), ("relaxed", [])])
async def test_an_intent_is_durable_where_the_connection_is_strict(tmp_path, durability, durable):
    changes = {"connections.crm.recording": {"durability": durability}}
    services = make_services(tmp_path, recorder=DurableRecorder(), changes=changes)
    await play(services, asks(), answers(end=True))
    assert services.recorder.durable == durable


async def test_a_held_call_is_durable_before_people_are_asked_whatever_its_connection_says(tmp_path):
    hold = {"action": "hold", "approval": {"groups": ["sre"]}}
    changes = {"connections.crm.recording": {"durability": "relaxed"}}
    services = make_services(tmp_path, engine=ScriptedEngine(hold), recorder=DurableRecorder(), changes=changes)
    task = asyncio.create_task(play(services, asks()))
    deny(services, await held(services))
    await task
    assert services.recorder.durable == ["call.held"]


class LeavingPeer(ScriptedPeer):
    """Envoy that ends the stream as soon as it has the last message."""

    async def send(self, message):
        await super().send(message)
        if ("resp", "done") in self.marks():
            raise asyncio.CancelledError


async def test_a_call_that_envoy_ends_with_its_last_message_is_complete(tmp_path):
    """The cancellation may come before the message is known to be sent."""
    services = make_services(tmp_path)
    with pytest.raises(asyncio.CancelledError):
        await play(services, asks(), answers(), returns(b"{}"), peer=LeavingPeer())
    assert services.recorder.last.kind == "call.completed"


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_size_and_digest_of_the_response_are_those_of_what_the_caller_gets(tmp_path, streams):
    services = make_services(tmp_path)
    content_type = "application/x-ndjson" if streams else "application/json"
    body = json.dumps({"ssn": SSN}).encode() + b"\n"
    peer = await play(services, asks(), answers(content_type=content_type), returns(body))
    assert SSN.encode() not in peer.delivered
    last = services.recorder.last
    assert last.response_bytes == len(peer.delivered)
    assert last.response_sha256 == hashlib.sha256(peer.delivered).hexdigest()


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_response_is_kept_masked_though_it_goes_unmasked_and_only_where_that_is_asked_for(
    tmp_path, keeps, streams
):
    changes = {"connections.crm.recording": {"response": keeps}, "connections.crm.masking": {"response": []}}
    services = make_services(tmp_path, changes=changes)
    content_type = "application/x-ndjson" if streams else "application/json"
    body = json.dumps({"ssn": SSN}).encode() + b"\n"
    peer = await play(services, asks(), answers(content_type=content_type), returns(body))
    assert peer.delivered == body
    assert services.recorder.last.response == ('{"ssn": "[US_SSN]"}\n' if keeps else "")


async def test_findings_in_fields_of_both_sides_are_kept(tmp_path):
    changes = {"connections.crm.masking": {"request": [{"entity": "*"}], "response": [{"entity": "*"}]}}
    services = make_services(tmp_path, changes=changes)
    await play(services, asks(x_note=SSN), answers(end=True, x_back=SSN))
    assert {(each.side, each.path) for each in services.recorder.last.findings} == {
        ("request", "header.x-note"),
        ("response", "header.x-back"),
    }
