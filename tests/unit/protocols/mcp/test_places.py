"""A path leads to its value from the function's own data, and from the message that findings show."""

import json

import pytest

from extproc.model.call import Headers, ResponseHead
from extproc.model.masking import Exemption, Listed, MaskOperator, MaskRule
from tests.unit.flow.dialogue import answers, asks, make_services, play, returns, sends
from tests.unit.protocols.mcp.test_protocol import post, protocol, tool

HEAD = ResponseHead(200, Headers())
NOTE = "internal-7788"
RESULT = {"content": [{"type": "text", "text": json.dumps({"note": NOTE})}], "structuredContent": {"note": NOTE}}
CALL = {"name": "search", "arguments": {"note": NOTE}}


def message(**more):
    return json.dumps({"jsonrpc": "2.0", "id": 1, **more}).encode()


async def called(tmp_path, **masking):
    services = make_services(tmp_path, changes={"connections.docs.masking": masking})
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    request = message(method="tools/call", params=CALL)
    peer = await play(services, head, sends(request), answers(), returns(message(result=RESULT)))
    return services, peer


@pytest.mark.parametrize(
    "path",
    ["$.note", "$.structuredContent.note", "$['structuredContent'].note", "$.result.structuredContent.note"],
)
async def test_a_result_is_masked_however_its_path_begins(tmp_path, path):
    _, peer = await called(tmp_path, response=[{"path": path}])
    assert json.loads(peer.delivered)["result"]["structuredContent"]["note"] == "[REDACTED]"


@pytest.mark.parametrize("path", ["$.note", "$.arguments.note", "$.params.arguments.note"])
async def test_arguments_are_masked_however_their_path_begins(tmp_path, path):
    services, peer = await called(tmp_path, request=[{"path": path}])
    assert json.loads(peer.upstream_body)["params"]["arguments"]["note"] == "[REDACTED]"
    assert NOTE not in services.recorder.last.arguments


@pytest.mark.parametrize("more", [{"exempt": Exemption("ours")}, {"listed": Listed.DECLARED}])
def test_what_lets_a_value_pass_begins_at_the_functions_data(more):
    for path in ("$.structuredContent.note", "$.result.structuredContent.note", "$.params.arguments.note"):
        rule = MaskRule(MaskOperator.REDACT, path=path, entity="US_SSN" if "exempt" in more else "", **more)
        for found in (
            protocol().response_rules((rule,), post(tool())),
            protocol().request_rules((rule,), post(tool())),
        ):
            assert {"$.result.structuredContent.note", "$.params.arguments.note"}.isdisjoint(
                each.path for each in found
            )


def test_no_whole_message_is_masked_by_a_field_of_the_same_name():
    """A tool may have a result that is called ``result`` or ``content``."""
    for path in ("$.result", "$.content", "$.params", "$.error", "$.messages"):
        rule = MaskRule(MaskOperator.REDACT, path=path)
        found = protocol().response_rules((rule,), post(tool()))
        assert {"$.result", "$.result.content", "$.params", "$.error", "$.result.messages"}.isdisjoint(
            each.path for each in found
        )
