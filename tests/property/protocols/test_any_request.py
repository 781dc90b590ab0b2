"""Whatever comes in, the answer is a call or a documented refusal."""

import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from extproc.model.call import Call, Headers, RequestHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.protocols.grpc.protocol import GrpcProtocol
from extproc.protocols.grpc.settings import GrpcConnection
from extproc.protocols.http_json.path_templates import decode_segment
from extproc.protocols.http_json.protocol import HttpJsonProtocol
from extproc.protocols.http_json.settings import HttpJsonConnection
from extproc.protocols.mcp.protocol import McpProtocol
from extproc.protocols.mcp.settings import McpConnection
from extproc.settings.limits import LimitSettings
from tests.integration.support.shop import ALL_METHODS, SERVICE, Item, framed

BASE = {"hosts": ["a.test"], "upstream": {"address": "127.0.0.1:1"}}
FUNCTIONS = {"get": {"method": "GET", "path": "/a/{id}"}, "post": {"method": "POST", "path": "/a/{id}"}}
HTTP = HttpJsonProtocol(
    "crm",
    HttpJsonConnection.model_validate({**BASE, "protocol": "http-json", "functions": FUNCTIONS}),
    max_depth=8,
)
MCP = McpProtocol(
    "m", McpConnection.model_validate({**BASE, "protocol": "mcp", "tools": ["t"]}), max_depth=8, event_limit=64
)

METHODS_OF_SHOP = {f"{SERVICE}/{name}": ALL_METHODS[f"/{SERVICE}/{name}"] for name in ("GetItem", "AddItems")}
GRPC = GrpcProtocol(
    "g",
    GrpcConnection.model_validate(
        {**BASE, "protocol": "grpc", "descriptors": "x", "methods": list(METHODS_OF_SHOP)}
    ),
    METHODS_OF_SHOP,
    limits=LimitSettings(json_depth=8),
)

NAMES = st.sampled_from(
    ["content-type", "content-length", "content-encoding", "mcp-name", "mcp-method", "mcp-session-id",
     "mcp-protocol-version", "mcp-param-x", "x-http-method"]
)  # fmt: skip
VALUES = st.sampled_from([b"application/json", b"tools/call", b"t", b"2", b"=?base64?dA==?="]) | st.binary(
    max_size=20
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(lambda fields: Headers(tuple(fields)))
METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT"])
LATIN = st.characters(max_codepoint=255)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "x"]), inner
        )
    ),
    max_leaves=10,
)
PARAMS = st.fixed_dictionaries({}, optional={"name": st.just("t") | JSON, "arguments": JSON, "_meta": JSON})
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": st.integers() | JSON,
        "method": st.sampled_from(["tools/call", "tools/list", "ping", "notifications/initialized"]) | JSON,
        "params": PARAMS | JSON,
        "result": JSON,
    },
)
BODIES = st.binary(max_size=60) | (JSON | MESSAGES).map(lambda value: json.dumps(value).encode())


def call_or_refusal(protocol, head, body):
    try:
        call = protocol.identify(head, body, call_id="c", unreadable=None)
    except Refused as refused:
        return None if refused.reason is Reason.UNKNOWN_FUNCTION else pytest.fail(refused.reason)
    assert isinstance(call, Call)
    assert call.uninspectable is None or (call.arguments is None and call.document is None)
    assert protocol.refusal(call, Reason.POLICY_DENIED, "c").status in (200, 202, 403)
    return call


@given(METHODS, st.just("/a/") | st.just("/"), st.text(LATIN, max_size=20), HEADERS, BODIES)
def test_http_json_reads_or_refuses(method, base, rest, headers, body):
    head = RequestHead(method, "https", "a.test", base + rest, headers)
    call = call_or_refusal(HTTP, head, body)
    assert call is None or call.name == method.lower()


@given(METHODS, HEADERS, BODIES)
def test_mcp_reads_or_refuses(method, headers, body):
    head = RequestHead(method, "https", "a.test", "/mcp", headers)
    call_or_refusal(MCP, head, body)


FRAMED = st.lists(st.binary(max_size=20), max_size=3).map(lambda messages: framed(*messages))
GRPC_NAMES = st.sampled_from(["content-type", "te", "grpc-encoding", "content-length", "x-http-method"])
GRPC_VALUES = st.sampled_from([b"application/grpc", b"application/grpc+proto", b"gzip", b"trailers"]) | st.binary(
    max_size=9
)
GRPC_HEADERS = st.lists(st.tuples(GRPC_NAMES, GRPC_VALUES), max_size=3)


@given(
    METHODS,
    st.sampled_from(["GetItem", "AddItems", "Hidden", "getItem", "GetItem?", "GetItem/"]),
    GRPC_HEADERS,
    FRAMED | st.binary(max_size=60) | st.builds(Item, id=st.text(max_size=5)).map(framed),
)
def test_grpc_reads_or_refuses(method, name, fields, body):
    """What is read is what a parser reads."""
    headers = Headers((("content-type", b"application/grpc"), *fields))
    call = call_or_refusal(GRPC, RequestHead(method, "https", "a.test", f"/{SERVICE}/{name}", headers), body)
    if call and call.uninspectable is None and call.document is not None:
        assert call.document == json_format.MessageToDict(Item.FromString(body[5:]))


@given(MESSAGES)
def test_an_inspectable_tool_call_is_exactly_what_its_body_says(message):
    """No reading of a message may differ from the plain one."""
    head = RequestHead("POST", "https", "a.test", "/mcp", Headers((("content-type", b"application/json"),)))
    call = call_or_refusal(MCP, head, json.dumps(message).encode())
    if call and call.method == "tools/call" and call.uninspectable is None:
        assert call.name == message["params"]["name"] == "t"
        assert call.arguments == (message["params"].get("arguments") or {})
        assert call.rpc_id == message["id"]


@given(
    st.text(LATIN, max_size=20)
    | st.lists(st.sampled_from(["%2", "F", "f", "%", "5c", "2e", ".", "a"])).map("".join)
)
def test_a_decoded_segment_splits_nowhere(segment):
    text = decode_segment(segment)
    assert text is None or (text not in ("", ".", "..") and not set(text) & set("/\\;%\0\r\n"))
