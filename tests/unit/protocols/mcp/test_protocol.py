"""MCP calls: one message, read in one way only."""

import base64
import json

import pytest

from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.masking import MaskOperator, MaskRule
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.withdrawal import Withdrawal, WithdrawnBy
from extproc.protocols.mcp.methods import CANCELLED, MESSAGES, NOTIFICATIONS
from extproc.protocols.mcp.protocol import McpProtocol
from extproc.protocols.mcp.refusals import REFUSED_CODE
from extproc.protocols.mcp.settings import McpConnection

JSON = ("content-type", b"application/json")


def protocol(**more):
    settings = McpConnection.model_validate(
        {
            "protocol": "mcp",
            "hosts": ["files.test"],
            "upstream": {"address": "127.0.0.1:9000"},
            "tools": ["read_page", "deploy"],
            **more,
        }
    )
    return McpProtocol("files", settings, max_depth=16, event_limit=1 << 16)


def send(method, path, body, *headers, unreadable=None, **more):
    head = RequestHead(method, "https", "files.test", path, Headers(headers))
    return protocol(**more).identify(head, body, call_id="c1", unreadable=unreadable)


def post(document, *headers, **more):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return send("POST", "/mcp", body, *(headers or (JSON,)), **more)


def tool(name="read_page", arguments=None, **more):
    params = {"name": name, "arguments": {"url": "x"} if arguments is None else arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params, **more}


def refused(*args, **more):
    with pytest.raises(Refused) as caught:
        post(*args, **more)
    return caught.value.reason


def why(*args, **more):
    found = post(*args, **more)
    assert found.arguments is None
    assert found.document is None
    return found.uninspectable


def test_a_tool_call_is_a_function_with_its_arguments():
    found = post(tool())
    assert (found.function, found.method, found.rpc_id, found.direction) == (
        "files.read_page",
        "tools/call",
        1,
        "request",
    )
    assert found.arguments == {"url": "x"}
    assert found.document == tool()
    assert found.uninspectable is None


def test_a_tool_call_may_leave_arguments_out():
    assert (
        post({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "deploy"}}).arguments == {}
    )


@pytest.mark.parametrize("name", ["delete_all", "Deploy", "deploy ", "", "tools/list"])
def test_a_tool_that_is_not_registered_is_refused(name):
    assert refused(tool(name)) is Reason.UNKNOWN_FUNCTION


@pytest.mark.parametrize(
    "method", sorted(MESSAGES - {"prompts/list", "resources/list", "resources/templates/list"})
)
def test_a_method_on_the_list_is_a_function_of_its_own(method):
    found = post({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"x": 1}})
    assert (found.name, found.method, found.arguments, found.uninspectable) == (method, method, {"x": 1}, None)
    assert found.direction == "request"


@pytest.mark.parametrize("method", sorted(NOTIFICATIONS))
def test_a_notification_has_no_id(method):
    found = post({"jsonrpc": "2.0", "method": method})
    assert (found.name, found.rpc_id, found.arguments) == (method, None, {})
    assert why({"jsonrpc": "2.0", "id": 1, "method": method}) is Uninspectable.NOT_JSONRPC


@pytest.mark.parametrize(
    "method",
    ["tasks/result", "sampling/createMessage", "Tools/Call", "tools/call ", "unreadable", "response", "stream", "",
     "prompts/list", "resources/list", "resources/templates/list"],
)  # fmt: skip
def test_every_other_method_is_refused(method):
    assert refused({"jsonrpc": "2.0", "id": 1, "method": method}) is Reason.UNKNOWN_FUNCTION


def test_an_answer_of_the_client_is_a_function_of_its_own():
    found = post({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}})
    assert (found.name, found.rpc_id, found.arguments) == ("response", None, {"action": "accept"})
    assert post({"jsonrpc": "2.0", "id": 1, "error": {"code": 1}}).arguments == {"code": 1}


@pytest.mark.parametrize(
    "document",
    [
        {"id": 1, "method": "ping"},
        {"jsonrpc": 2.0, "id": 1, "method": "ping"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "deploy"}},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": [1], "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": 1},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": None},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "Method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {}},
        {"jsonrpc": "2.0", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "result": "x"},
        {"jsonrpc": "2.0", "id": 1, "result": [{"content": "x"}]},
        {"jsonrpc": "2.0", "id": 1, "result": None},
        {"jsonrpc": "2.0", "id": 1, "result": {"Content": {"ssn": "x"}}},
        {"jsonrpc": "2.0", "id": 1, "result": {"content\0": {"ssn": "x"}}},
        {"jsonrpc": "2.0", "id": 1, "error": "x"},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m", "Data": {"ssn": "x"}}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "deploy", "Arguments": {}}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "deploy", "task": {"x": 1}}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "deploy", "inputResponses": []}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["deploy"]}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"arguments": {}}},
        tool(arguments=[]),
        tool(arguments="{}"),
        "ping",
        1,
        None,
    ],
)
def test_what_is_only_nearly_a_message_is_uninspectable(document):
    assert why(document) is Uninspectable.NOT_JSONRPC


@pytest.mark.parametrize(
    "document",
    [
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "Method": "tools/call"},
        tool(Params={"name": "deploy"}),
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "deploy", "Name": "x"}},
    ],
)
def test_keys_that_differ_only_in_case_are_duplicates(document):
    """A lenient backend would read the other one."""
    assert why(document) is Uninspectable.DUPLICATE_KEYS


@pytest.mark.parametrize("batch", [[], [tool()], [tool(), tool("deploy")]])
def test_a_batch_is_uninspectable(batch):
    assert why(batch) is Uninspectable.BATCH


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", Uninspectable.NOT_JSON),
        (b"{}{}", Uninspectable.NOT_JSON),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/call"}', Uninspectable.DUPLICATE_KEYS),
        (json.dumps(tool()).replace('"url"', '"url": 1, "url"').encode(), Uninspectable.DUPLICATE_KEYS),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", Uninspectable.NOT_JSON),
    ],
)
def test_a_body_that_is_not_clean_json_is_uninspectable(body, expected):
    found = post(body)
    assert (found.name, found.uninspectable, found.arguments) == ("unreadable", expected, None)


@pytest.mark.parametrize(
    "content_type", [b"text/plain", b"application/x+json", b"application/json; charset=latin1", b""]
)
def test_the_content_type_must_be_json(content_type):
    assert why(tool(), ("content-type", content_type)) is Uninspectable.CONTENT_TYPE


def test_a_body_that_could_not_be_decoded_keeps_its_reason():
    assert why(b"", unreadable=Uninspectable.CONTENT_ENCODING) is Uninspectable.CONTENT_ENCODING


@pytest.mark.parametrize("path", ["/", "/mcp/", "/mcp?x=1", "/mcp?", "/MCP", "//mcp", "/mcp/../mcp", ""])
def test_only_the_endpoint_itself_is_known(path):
    with pytest.raises(Refused) as caught:
        send("POST", path, json.dumps(tool()).encode(), JSON)
    assert caught.value.reason is Reason.UNKNOWN_FUNCTION


def test_get_opens_the_stream_and_delete_ends_the_session():
    assert send("GET", "/mcp", b"").name == "stream"
    assert send("DELETE", "/mcp", b"").name == "session/end"
    assert send("DELETE", "/mcp", b"x").uninspectable is Uninspectable.UNEXPECTED_BODY
    assert send("GET", "/mcp", b"", unreadable=Uninspectable.CONTENT_ENCODING).uninspectable
    assert send("GET", "/mcp", b"", ("x-http-method-override", b"POST")).uninspectable


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "post", ""])
def test_every_other_http_method_is_refused(method):
    with pytest.raises(Refused):
        send(method, "/mcp", json.dumps(tool()).encode(), JSON)


def wrapped(text):
    return b"=?base64?" + base64.b64encode(text.encode()) + b"?="


@pytest.mark.parametrize(
    "headers",
    [
        [("mcp-method", b"tools/call"), ("mcp-name", b"read_page")],
        [("mcp-name", wrapped("read_page"))],
        [("mcp-protocol-version", b"2025-11-25")],
        [],
    ],
)
def test_headers_that_agree_with_the_body_pass(headers):
    assert post(tool(), JSON, *headers).uninspectable is None


@pytest.mark.parametrize(
    "headers",
    [
        [("mcp-method", b"tools/list")],
        [("mcp-method", b"Tools/Call")],
        [("mcp-method", b"")],
        [("mcp-name", b"deploy")],
        [("mcp-name", wrapped("deploy"))],
        [("mcp-name", b"=?base64?!!?=")],
        [("mcp-name", b"read_page"), ("mcp-name", b"read_page")],
        [("mcp-method", b"tools/call"), ("mcp-method", b"tools/list")],
        [("mcp-protocol-version", b"2026-07-28"), ("mcp-protocol-version", b"2026-07-28")],
        [("mcp-param-url", b"y")],
        [("x-http-method-override", b"DELETE")],
        [("x-original-url", b"/admin")],
        [("x-rewrite-url", b"/admin")],
    ],
)
def test_headers_that_contradict_the_body_make_it_uninspectable(headers):
    assert why(tool(), JSON, *headers) is Uninspectable.HEADER_BODY_MISMATCH


def test_a_mismatch_is_still_answered_to_its_id():
    found = post(tool(), JSON, ("mcp-name", b"deploy"))
    assert (found.name, found.rpc_id) == ("read_page", 1)


def test_a_name_belongs_to_a_tool_call_only():
    assert why({"jsonrpc": "2.0", "id": 1, "method": "ping"}, JSON, ("mcp-name", b"ping"))


def test_the_protocol_version_must_be_the_envelopes():
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    document = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    assert post(document, JSON, ("mcp-protocol-version", b"2026-07-28")).uninspectable is None
    assert why(document, JSON, ("mcp-protocol-version", b"2025-11-25")) is Uninspectable.HEADER_BODY_MISMATCH


def test_the_session_is_mcps_own_or_the_configured_headers():
    assert post(tool(), JSON, ("mcp-session-id", b"s-1")).session == "s-1"
    assert post(tool(), JSON, ("x-conversation", b"c-1"), session_header="x-conversation").session == "c-1"
    assert post(tool()).session == ""


@pytest.mark.parametrize("value", [b"a b", b"\x01", b"\xff", b"a" * 1025])
def test_an_unclear_session_is_uninspectable(value):
    assert why(tool(), JSON, ("mcp-session-id", value)) is Uninspectable.HEADERS


def test_path_rules_are_rebased_and_entity_rules_stay():
    entity, path = MaskRule(MaskOperator.PARTIAL, entity="US_SSN"), MaskRule(MaskOperator.REMOVE, path="$..ssn")
    places = (
        "$.params.arguments", "$.params.inputResponses.*.content", "$.params.inputResponses.*.content.text",
        "$.params.inputResponses.*.content[*].text", "$.result.content", "$.result.content.text",
        "$.result.content[*].text", "$.error.data",
    )  # fmt: skip
    found = protocol().request_rules((entity, path), post(tool()))
    assert found == (entity, *(MaskRule(MaskOperator.REMOVE, path=f"{each}..ssn") for each in places))
    rebased = protocol().response_rules((entity, MaskRule(MaskOperator.REMOVE, path="$.a[*].b")), post(tool()))
    assert rebased[0] == entity
    assert [rule.path for rule in rebased[1:]] == [
        "$.result.structuredContent.a[*].b",
        "$.result.content[*].text.a[*].b",
        "$.result.content[*].resource.text.a[*].b",
        "$.result.content[*].resource.blob.a[*].b",
        "$.error.data.a[*].b",
        "$.params.data.a[*].b",
    ]
    assert {rule.how for rule in rebased[1:]} == {MaskOperator.REMOVE}


def test_event_streams_are_masked_event_by_event():
    head = ResponseHead(200, Headers((("content-type", b"text/event-stream"),)))
    assert protocol().streams(head)


def test_text_is_no_message_and_so_masked_whole():
    head = ResponseHead(200, Headers((("content-type", b"text/plain"),)))
    assert not protocol().streams_text(head, whole=0)


@pytest.mark.parametrize("rpc_id", [1, 0, -3, 10**40, "a", 'q"\\', ""])
def test_a_refused_request_gets_a_json_rpc_error_to_its_id(rpc_id):
    call = post(tool(id=rpc_id))
    reply = protocol().refusal(call, Reason.HIGH_RISK, "c1")
    assert (reply.status, dict(reply.headers)["content-type"]) == (200, "application/json")
    assert json.loads(reply.body) == {
        "jsonrpc": "2.0",
        "id": rpc_id,
        "error": {
            "code": REFUSED_CODE,
            "message": "The call's risk is too high",
            "data": {"reason": "high-risk", "call_id": "c1", "status": 403},
        },
    }


def test_where_there_is_no_id_the_status_tells_of_the_refusal():
    """Clients that get an error without an id on status 200 wait on."""
    reply = protocol().refusal(send("GET", "/mcp", b""), Reason.POLICY_DENIED, "c1")
    assert (reply.status, dict(reply.headers)["content-type"]) == (403, "application/json")
    assert json.loads(reply.body)["id"] is None


def test_a_missing_token_is_a_401_even_to_a_request():
    reply = protocol().refusal(post(tool()), Reason.UNAUTHENTICATED, "c1")
    assert (reply.status, dict(reply.headers)["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("rpc_id", [{}, {"id": 1}])
def test_a_method_named_like_our_own_name_for_responses_is_still_no_method(rpc_id):
    """``response`` is our word for a client's answer; as a method it is on no list."""
    with pytest.raises(Refused) as caught:
        post({"jsonrpc": "2.0", "method": "response", **rpc_id})
    assert caught.value.reason is Reason.UNKNOWN_FUNCTION
    assert caught.value.call.method == "response"


@pytest.mark.parametrize("rpc_id", [7, "7", 0, "", -1, 2**60])
def test_a_cancellation_withdraws_the_call_of_its_id(rpc_id):
    """A number is not the text that it is written with."""
    withdrawal = withdrawn({"requestId": rpc_id, "reason": "x"})
    assert (withdrawal.by, withdrawal.rpc_id) == (WithdrawnBy.CANCELLATION, rpc_id)
    assert type(withdrawal.rpc_id) is type(rpc_id)


@pytest.mark.parametrize("params", [{}, *({"requestId": odd} for odd in (None, True, 7.0, [7], {}))])
def test_a_cancellation_without_an_id_withdraws_nothing(params):
    """It must never be taken for the end of the session."""
    assert withdrawn(params) is None


def withdrawn(params):
    return protocol().withdraws(post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))


def test_the_end_of_a_session_withdraws_all_of_it():
    call = send("DELETE", "/mcp", b"", ("mcp-session-id", b"s1"))
    assert protocol().withdraws(call) == Withdrawal(WithdrawnBy.SESSION_END)


def test_no_other_message_withdraws_anything():
    """Nor does one that cannot be read."""
    cancellation = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    others = [post(tool(arguments={"requestId": 7})), send("GET", "/mcp", b"")]
    others += [post({**cancellation, "method": method}) for method in NOTIFICATIONS - {CANCELLED}]
    others += [post(cancellation, JSON, ("mcp-method", b"tools/call")), send("DELETE", "/mcp", b"{}")]
    assert [protocol().withdraws(each) for each in others] == [None] * len(others)


SIGN_IN = {"resource": "https://files.test/mcp", "authorization_servers": ["https://i.test"]}


@pytest.mark.parametrize(
    ("method", "path", "answered"),
    [
        ("GET", "/.well-known/oauth-protected-resource", True),
        ("HEAD", "/.well-known/oauth-protected-resource/mcp", True),
        ("POST", "/.well-known/oauth-protected-resource", False),
        ("GET", "/.well-known/oauth-protected-resource?", False),
        ("GET", "/.well-known/oauth-protected-resource/", False),
        ("GET", "/mcp", False),
    ],
)
def test_the_metadata_alone_is_for_everybody(method, path, answered):
    head = RequestHead(method, "https", "files.test", path, Headers())
    assert bool(protocol(protected_resource=SIGN_IN).public_document(head)) == answered
    assert protocol().public_document(head) is None


def test_a_401_says_where_to_sign_in():
    reply = protocol(protected_resource=SIGN_IN).refusal(None, Reason.UNAUTHENTICATED, "c1")
    metadata = "https://files.test/.well-known/oauth-protected-resource/mcp"
    assert dict(reply.headers)["www-authenticate"] == f'Bearer resource_metadata="{metadata}"'
    assert "i.test" not in reply.body.decode()
