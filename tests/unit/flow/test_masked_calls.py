"""What masking makes of a call is still that call, and record and approvers see it masked as the backend does."""

import asyncio
import json

import pytest

from tests.unit.flow.dialogue import (
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

SSN = "536-22-1847"
REMOVE = {"action": "allow", "mask": {"request": [{"entity": "*", "how": "remove"}]}}
CHANGES = {
    "connections.docs.tools": ["*"],
    "connections.docs.prompts": ["*"],
    "connections.docs.methods": ["tasks/*"],
    "connections.docs.resources": ["file:///public/**", "file:///public/private/**"],
}


async def sent(tmp_path, message, policy=REMOVE, changes=None):
    services = make_services(tmp_path, engine=ScriptedEngine(policy), changes=CHANGES | (changes or {}))
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    body = json.dumps({"jsonrpc": "2.0", "id": 7, **message}).encode()
    peer = await play(services, head, sends(body), answers(200), returns(b'{"jsonrpc":"2.0","id":7,"result":{}}'))
    return peer, services.recorder.last


@pytest.mark.parametrize("uri", [f"file:///public/.{SSN}./secret", f"file:///public/{SSN}/private/x"])
async def test_a_uri_that_masking_makes_another_is_not_read(tmp_path, uri):
    peer, entry = await sent(tmp_path, {"method": "resources/read", "params": {"uri": uri}})
    assert not peer.is_forwarded
    assert (entry.reason, entry.detail) == ("masking-failed", "masking would make it a call of another function")


async def test_a_uri_that_still_is_of_its_pattern_goes_masked(tmp_path):
    peer, _ = await sent(tmp_path, {"method": "resources/read", "params": {"uri": f"file:///public/{SSN}/x"}})
    assert json.loads(peer.upstream_body)["params"]["uri"] == "file:///public//x"


INPUTS = {"k": {"action": "accept", "content": {"ssn": "canary", "n": 1}}}
SPOKEN = {"type": "text", "text": '{"ssn": "canary"}'}
SAMPLED = {"role": "assistant", "model": "m", "content": SPOKEN}
LISTED = {"content": [SPOKEN]}
OF_PROMPT = {"type": "ref/prompt", "name": "summarize"}
CANARIES = [
    {
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"ssn": "canary"}, "inputResponses": INPUTS},
    },
    {"method": "prompts/get", "params": {"name": "a", "arguments": {"ssn": "canary"}, "inputResponses": INPUTS}},
    {"method": "resources/read", "params": {"uri": "file:///public/a", "inputResponses": INPUTS}},
    {
        "method": "completion/complete",
        "params": {
            "ref": OF_PROMPT,
            "argument": {"name": "ssn", "value": "canary"},
            "context": {"arguments": {"ssn": "canary", "other": "kept"}},
        },
    },
    {"method": "tasks/update", "params": {"taskId": "1", "inputResponses": INPUTS}},
    {"method": "tools/call", "params": {"name": "search", "inputResponses": {"k": SAMPLED}}},
    {"method": "tools/call", "params": {"name": "search", "inputResponses": {"k": SAMPLED | LISTED}}},
    {"result": {"action": "accept", "content": {"ssn": "canary"}}},
    {"result": SAMPLED},
    {"result": SAMPLED | LISTED},
    {"error": {"code": 1, "message": "no", "data": {"ssn": "canary"}}},
]


@pytest.mark.parametrize("path", ["$.ssn", "$['ssn']", "$..ssn"])
@pytest.mark.parametrize("message", CANARIES)
async def test_a_path_reaches_an_argument_wherever_it_is_also_in_the_record(tmp_path, message, path):
    policy = {"action": "allow", "mask": {"request": [{"path": path, "how": "redact"}]}}
    peer, entry = await sent(tmp_path, message, policy)
    assert peer.is_forwarded
    assert b"canary" not in peer.upstream_body
    assert b"[REDACTED]" in peer.upstream_body
    assert "canary" not in entry.arguments
    assert "[REDACTED]" in entry.arguments


@pytest.mark.parametrize("path", ["$.inputResponses.k.content.ssn", """$["inputResponses"].k..ssn"""])
async def test_a_path_into_the_answers_reaches_them(tmp_path, path):
    policy = {"action": "allow", "mask": {"request": [{"path": path, "how": "redact"}]}}
    params = {"name": "search", "inputResponses": INPUTS}
    peer, entry = await sent(tmp_path, {"method": "tools/call", "params": params}, policy)
    assert b"canary" not in peer.upstream_body
    assert "canary" not in entry.arguments


async def test_a_completion_shows_what_the_allow_list_mode_declares_of_its_arguments(tmp_path):
    changes = {"connections.docs.masking": {"declared": {"request": ["$.ssn"]}}}
    completion = {"ref": OF_PROMPT, "argument": {"name": "ssn", "value": "shown"}}
    context = {"arguments": {"ssn": "shown", "other": "canary"}}
    message = {"method": "completion/complete", "params": completion | {"context": context}}
    peer, entry = await sent(tmp_path, message, {"action": "allow"}, changes)
    context["arguments"]["other"] = "[REDACTED]"
    assert json.loads(peer.upstream_body)["params"] == completion | {"context": context}
    assert "canary" not in entry.arguments
    completion["argument"]["name"] = "other"
    peer, entry = await sent(tmp_path, message, {"action": "allow"}, changes)
    assert json.loads(peer.upstream_body)["params"]["argument"] == {"name": "other", "value": "[REDACTED]"}
    assert entry.arguments.count("shown") == 1


HOLD = {
    "action": "hold", "reason": "high-risk", "rule": "r", "approval": {"groups": ["sre"], "min": 1},
    "mask": {"request": [{"path": "$.ssn", "how": "redact"}]},
}  # fmt: skip
URI = {"uri": "file:///public/a"}


@pytest.mark.parametrize(
    ("message", "function"),
    [
        ({"method": "resources/read", "params": URI}, "docs.resource:file:///public/** (resources/read)"),
        (
            {"method": "resources/subscribe", "params": URI},
            "docs.resource:file:///public/** (resources/subscribe)",
        ),
        ({"method": "prompts/get", "params": {"name": "a"}}, "docs.prompt:a (prompts/get)"),
        (CANARIES[0], "docs.search"),
        (CANARIES[3], "docs.prompt:summarize (completion/complete)"),
    ],
)
async def test_approvers_see_which_call_of_a_function_it_is(tmp_path, message, function):
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), changes=CHANGES)
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    peer = ScriptedPeer().say(head, sends(json.dumps({"jsonrpc": "2.0", "id": 7, **message}).encode()))
    task = asyncio.create_task(play(services, peer=peer))
    request = await held(services)
    deny(services, request)
    await task
    assert request.function == function
    assert "canary" not in request.preview
