"""The request that goes upstream is the one that was inspected, masked."""

import gzip
import json

import pytest

from extproc.policy.contract.response_interest import ResponseInterest
from tests.integration.support import shop
from tests.integration.support.shop import SERVICE, Item, framed
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, sends

SSN = "219-09-9999"
JSON = {"content_type": "application/json"}


@pytest.mark.parametrize("rules", [[], [{"entity": "*"}]], ids=["nothing to mask", "masked"])
async def test_a_body_that_passes_unmasked_goes_as_it_was_decoded(tmp_path, rules):
    """Its content-encoding is removed: the encoded bytes would be other bytes to the backend."""
    changes = {"connections.crm.masking": {"request": rules, "undecodable": "pass-unmasked"}}
    services = make_services(tmp_path, changes=changes)
    request = asks("POST", "/customers", content_encoding="gzip", **JSON)
    peer = await play(services, request, sends(gzip.compress(b'{"broken')), answers(end=True))
    assert "content-encoding" in peer.upstream_removed
    assert peer.upstream_body == b'{"broken'


async def test_the_credential_takes_the_place_of_the_callers_field(tmp_path):
    """A field that is set must not be removed as well: Envoy would remove the credential."""
    (tmp_path / "secret").write_text("backend-secret-0123")
    changes = {"connections.crm.credential": {"file": str(tmp_path / "secret"), "header": "authorization"}}
    services = make_services(tmp_path, changes=changes)
    peer = await play(services, asks(authorization="Bearer callers"), answers(end=True))
    assert b"backend-secret-0123" in peer.upstream_headers["authorization"]
    assert "authorization" not in peer.upstream_removed
    assert {"proxy-authorization", "accept-encoding"} <= set(peer.upstream_removed)


async def test_a_binary_field_that_cannot_be_masked_does_not_go_upstream(tmp_path):
    """Its type is unknown, and it holds what is to be masked."""
    changes = {"connections.shop": {**shop.settings(tmp_path), "masking": {"request": [{"entity": "*"}]}}}
    services = make_services(tmp_path, changes=changes)
    request = asks(
        "POST", f"/{SERVICE}/GetItem", shop.HOST, content_type="application/grpc", x_note_bin="MjE5LTA5LTk5OTk"
    )
    peer = await play(services, request, sends(framed(Item())), answers(end=True, content_type="application/grpc"))
    assert peer.is_forwarded
    assert "x-note-bin" in peer.upstream_removed
    assert ("header.x-note-bin", "request") in {(each.path, each.side) for each in services.recorder.last.findings}


async def test_a_body_that_detectors_cannot_search_is_a_fact_that_policy_sees(tmp_path):
    """It was read, and its arguments are known; nobody knows what is in its bytes."""
    services = make_services(tmp_path, changes={"connections.shop": shop.settings(tmp_path)})
    request = asks("POST", f"/{SERVICE}/GetItem", shop.HOST, content_type="application/grpc")
    await play(services, request, sends(framed(Item(id="7", data=b"\xff\xfe"))), answers(end=True))
    [asked] = services.engine.asked
    assert asked["call"]["arguments"]["id"] == "7"
    assert asked["body"]["uninspectable"]
    assert services.recorder.last.uninspectable == asked["body"]["uninspectable"]


async def test_a_session_keeps_its_name_where_policy_changes_the_query(tmp_path):
    """An id that is sensitive by itself is shown to policy by its name, every time."""
    engine = ScriptedEngine(
        {"allowed": True, "query_parameters_to_set": {"a": "1"}}, responses=ResponseInterest.ALWAYS
    )
    services = make_services(tmp_path, engine=engine, changes={"connections.crm.session_header": "x-session"})
    await play(services, asks(x_session=SSN), answers(end=True))
    before, after = (asked["call"] for asked in engine.asked)
    assert after["arguments"] == {"id": "7", "a": "1"}
    assert after["session"] == before["session"] != SSN
    assert SSN not in json.dumps(after)


async def test_fields_that_do_not_go_as_the_caller_wrote_them_are_not_masked(tmp_path):
    """What the guard or policy writes over them is all that the backend gets."""
    (tmp_path / "secret").write_text("backend-secret-0123")
    changes = {
        "connections.crm.credential": {"file": str(tmp_path / "secret"), "header": "x-api-key"},
        "connections.crm.masking": {"request": [{"entity": "*"}]},
    }
    engine = ScriptedEngine({"allowed": True, "headers": {"x-set": "policys"}})
    services = make_services(tmp_path, engine=engine, changes=changes)
    peer = await play(services, asks(x_api_key=SSN, x_set=SSN, authorization=SSN), answers(end=True))
    assert peer.upstream_headers["x-api-key"].endswith(b"backend-secret-0123")
    assert peer.upstream_headers["x-set"] == b"policys"
    assert services.recorder.last.findings == ()


def called(arguments):
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search", "arguments": arguments},
    }


async def copied(tmp_path, message, *, rules=({"entity": "US_SSN"},), changes=None, **fields):
    """Let a call of MCP pass with header fields that copy its body, under these rules."""
    changes = changes or {"connections.docs.masking": {"request": list(rules)}}
    services = make_services(tmp_path, changes=changes)
    body = json.dumps(message).encode()
    peer = await play(
        services, asks("POST", "/mcp", "docs.internal", **JSON, **fields), sends(body), answers(end=True)
    )
    assert peer.is_forwarded
    return peer, services


async def test_a_header_field_is_masked_with_the_argument_that_it_copies(tmp_path):
    copies = {"mcp_name": "search", "mcp_method": "tools/call", "mcp_param_who": "=?base64?MjE5LTA5LTk5OTk=?="}
    peer, services = await copied(tmp_path, called({"a": SSN}), **copies)
    assert json.loads(peer.upstream_body)["params"]["arguments"] == {"a": "[US_SSN]"}
    assert peer.upstream_headers["mcp-param-who"] == b"[US_SSN]"
    assert not {"mcp-name", "mcp-method"} & peer.upstream_headers.keys()
    assert SSN not in repr(services.recorder.entries)


async def test_a_header_field_is_masked_by_a_rule_for_a_path(tmp_path):
    """No detector knows the value, and no rule for a path is for header fields."""
    rule = {"path": "$.note", "how": "redact"}
    copies = {"mcp_param_note": "tango", "mcp_param_other": "foxtrot"}
    peer, services = await copied(tmp_path, called({"note": "tango", "b": "foxtrot"}), rules=[rule], **copies)
    assert b"tango" not in peer.upstream_body
    assert peer.upstream_headers["mcp-param-note"] == b"[REDACTED]"
    assert "mcp-param-other" not in peer.upstream_headers
    assert "tango" not in repr(services.recorder.entries)


async def test_a_header_field_whose_argument_is_removed_is_removed(tmp_path):
    rule = {"path": "$.note", "how": "remove"}
    peer, _ = await copied(tmp_path, called({"note": "tango"}), rules=[rule], mcp_param_note="tango")
    assert "mcp-param-note" in peer.upstream_removed


async def test_a_header_field_that_copies_stays_where_the_body_stays(tmp_path):
    """Its value stands in the body, and the backend compares the two."""
    exemption = {"entity": "US_SSN", "path": "$.a", "reason": "these are test numbers"}
    changes = {
        "connections.docs.masking": {"request": [{"entity": "US_SSN"}], "exempt": [exemption]},
    }
    peer, _ = await copied(tmp_path, called({"a": SSN}), changes=changes, mcp_param_a=SSN)
    assert peer.upstream_headers.get("mcp-param-a") is None
    assert "mcp-param-a" not in peer.upstream_removed
