"""What masking makes of a call is still that call, and the record masks as much of it as the backend's copy."""

import json

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

SSN = "536-22-1847"
REMOVE = {"action": "allow", "mask": {"request": [{"entity": "*", "how": "remove"}]}}
CHANGES = {
    "connections.docs.tools": ["*"],
    "connections.docs.prompts": ["*"],
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
