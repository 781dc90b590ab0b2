"""Header fields that copy parts of an MCP message: what they may say, and what becomes of them under a mask."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.model.call import Headers
from extproc.protocols.mcp.header_copies import agree, as_sent, copies, unwrap, wrap

VERSION = "io.modelcontextprotocol/protocolVersion"


def wrapped(text):
    return b"=?base64?" + base64.b64encode(text.encode()) + b"?="


def call(arguments, **params):
    meta = {VERSION: "2026-07-28"}
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"_meta": meta, "name": "find", "arguments": arguments, **params},
    }


def ask(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def fields(*pairs):
    return Headers(tuple(pairs))


def param(value, name="x"):
    return fields((f"mcp-param-{name}", value))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("us-west1", b"us-west1"),
        ("us west\t1", b"us west\t1"),
        ("us-west1", wrapped("us-west1")),
        ("Hello, 世界", wrapped("Hello, 世界")),
        (" padded ", wrapped(" padded ")),
        ("line1\nline2", wrapped("line1\nline2")),
        ("=?base64?literal?=", wrapped("=?base64?literal?=")),
        ("=?base64?SGVsbG8=", b"=?base64?SGVsbG8="),
        ("SGVsbG8=", b"SGVsbG8="),
        ("", b""),
        ("", wrapped("")),
        ("a,b", b"a,b"),
        (42, b"42"),
        (42, b"42.0"),
        (42.0, b"42"),
        (42.0, b"42.0"),
        (-7, b"-7"),
        (9007199254740993, b"9007199254740993"),
        (1.5, b"1.5"),
        (True, b"true"),
        (False, b"false"),
    ],
)
def test_a_copy_of_an_argument_agrees(argument, value):
    assert agree(param(value), call({"nested": {"y": argument}}))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("us-west1", b"US-West1"),
        ("us-west1", b"us-west2"),
        (" padded ", b" padded "),
        ("padded", b"padded "),
        ("padded", b" padded"),
        ("Hello", b"=?base64?SGVsbG8?="),
        ("Hello", b"=?base64?SGVs!!!bG8=?="),
        ("Hello", b"=?base64?SGVsbG9=?="),
        ("Hello", b"=?BASE64?SGVsbG8=?="),
        ("=?BASE64?SGVsbG8=?=", b"=?BASE64?SGVsbG8=?="),
        ("=?utf-8?q?Hello?=", b"=?utf-8?q?Hello?="),
        ("=?base64?=", b"=?base64?="),
        ("=?base64?literal?=", b"=?base64?literal?="),
        ("\xff", b"\xff"),
        ("é", "é".encode()),
        ("\ufffd", b"=?base64?/w==?="),
        ("a\x00b", b"a\x00b"),
        ("a\nb", b"a\nb"),
        ("x", b""),
        (None, b"null"),
        (None, b""),
        ({}, b"{}"),
        (["x"], b"x"),
        ([{"y": "x"}], b"x"),
        ("42", b"42.0"),
        ("042", b"42"),
        (42, b"042"),
        (42, b"+42"),
        (42, b"42.5"),
        (42, b"4.2e1"),
        (42, b"0x2a"),
        (9007199254740993, b"9007199254740992"),
        (True, b"True"),
        (True, b"1"),
        (1, b"true"),
    ],
)
def test_a_field_that_says_anything_else_does_not(argument, value):
    assert not agree(param(value), call({"y": argument}))


def test_a_field_says_the_argument_of_its_own_name_where_there_is_one():
    """A server may believe the field. Policy has decided about the argument of this name."""
    arguments = {"us_region": "eu", "other": "us", "deep": {"Region": "de"}, "region": {"name": "fr"}}
    assert agree(param(b"eu", "us-region"), call(arguments))
    assert not agree(param(b"us", "us-region"), call(arguments))
    assert agree(param(b"de", "region"), call(arguments))
    assert agree(param(b"fr", "region"), call(arguments))
    assert not agree(param(b"us", "region"), call(arguments))
    assert not agree(param(b"us", "region"), call({"region": None, "other": "us"}))
    assert agree(param(b"us", "tenant"), call(arguments))


@pytest.mark.parametrize(
    "pairs",
    [
        [("mcp-param-x", b"a"), ("mcp-param-x", b"a")],
        [("mcp-param-x", b"a"), ("mcp-param-x", b"b")],
        [("mcp-param_x", b"a")],
        [("mcp_param_x", b"a")],
        [("mcp_name", b"find")],
        [("mcp_protocol_version", b"2026-07-28")],
        [("mcp-name", b"find"), ("mcp-name", b"find")],
        [("mcp-protocol-version", b"2026-07-28"), ("mcp-protocol-version", b"2026-07-28")],
    ],
)
def test_a_field_that_is_there_twice_or_spelled_in_a_second_way_does_not_agree(pairs):
    assert not agree(fields(*pairs), call({"x": "a", "y": "b", "z": "a,b", "v": "a,a"}))


def test_only_calls_of_tools_have_parameters_in_fields():
    assert not agree(param(b"a"), ask("prompts/get", name="p", arguments={"x": "a"}))
    assert not agree(param(b"a"), ask("tools/list", arguments={"x": "a"}))
    assert not agree(param(b"a"), {"jsonrpc": "2.0", "id": 1, "result": {"x": "a"}})


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (ask("tools/call", name="find"), b"find"),
        (ask("prompts/get", name="find"), wrapped("find")),
        (ask("resources/read", uri="file:///a"), b"file:///a"),
        (ask("resources/read", uri="file:///ä"), wrapped("file:///ä")),
        (ask("tasks/get", taskId="t-1"), b"t-1"),
    ],
)
def test_the_name_is_that_of_the_function(message, name):
    assert agree(fields(("mcp-name", name), ("mcp-method", message["method"].encode())), message)
    assert not agree(fields(("mcp-name", name + b"x")), message)


@pytest.mark.parametrize(
    "message",
    [
        ask("tools/list", name="find"),
        ask("tools/call", name=7),
        ask("resources/read", name="find"),
        ask([]),
        [],
        1,
    ],
)
def test_what_has_no_name_has_no_field_with_one(message):
    assert not agree(fields(("mcp-name", b"find")), message)
    assert not agree(fields(("mcp-name", b"7")), message)


def test_only_names_and_parameters_are_wrapped():
    assert not agree(fields(("mcp-method", wrapped("tools/call"))), call({}))
    assert not agree(fields(("mcp-protocol-version", wrapped("2026-07-28"))), call({}))


def test_a_version_that_the_message_does_not_say_is_no_copy():
    assert agree(fields(("mcp-protocol-version", b"2025-11-25")), ask("tools/list"))
    assert as_sent(fields(("mcp-protocol-version", b"2025-11-25")), ask("tools/list"), ask("tools/list")) == {}
    assert not agree(fields(("mcp-protocol-version", b"2025-11-25")), ask("tools/list", _meta={VERSION: None}))


def test_what_copies_the_message():
    assert copies(param(b"a"), call({}))
    assert copies(fields(("mcp-protocol-version", b"2026-07-28")), call({}))
    assert not copies(fields(("mcp-protocol-version", b"2025-11-25"), ("mcp-session-id", b"s")), ask("tools/list"))


def test_base64_wrapping_must_be_canonical():
    assert unwrap("=?base64?YQ==?=") == "a"
    assert unwrap("=?base64?YR==?=") is None
    assert unwrap("=?base64?/w==?=") is None
    assert unwrap("plain") == "plain"


def test_all_fields_go_with_a_message_that_is_sent_as_it_came():
    headers = fields(("mcp-param-x", b"42.0"), ("mcp-name", wrapped("find")), ("mcp-method", b"tools/call"))
    came = call({"x": 42})
    assert as_sent(headers, came, came) == dict(headers)


def test_a_field_is_masked_with_its_argument():
    sent = as_sent(param(b"219099999"), call({"a": 219099999, "b": "x"}), call({"a": "[US_SSN]", "b": "x"}))
    assert sent == {"mcp-param-x": b"[US_SSN]"}
    uri = fields(("mcp-name", b"db://219-09-9999"))
    came, masked = ask("resources/read", uri="db://219-09-9999"), ask("resources/read", uri="db://[US_SSN]")
    assert as_sent(uri, came, masked) == {"mcp-name": b"db://[US_SSN]"}


def test_a_mask_that_is_not_plain_is_wrapped():
    assert as_sent(param(b"a"), call({"a": "a"}), call({"a": "«a» "})) == {"mcp-param-x": wrapped("«a» ")}
    assert as_sent(param(b"a"), call({"a": "a"}), call({"a": ""})) == {"mcp-param-x": wrapped("")}


def test_a_field_is_masked_where_any_argument_with_its_value_is():
    """Nobody knows here which of the arguments it copies."""
    sent = as_sent(param(b"7"), call({"a": 7, "b": 7}), call({"a": 7, "b": "[ID]"}))
    assert sent == {"mcp-param-x": b"[ID]"}


@pytest.mark.parametrize("arguments", [{"a": "[X]", "b": "[Y]"}, {}, {"a": None, "b": None}, {"a": [], "b": []}])
def test_a_field_without_one_masked_value_does_not_go(arguments):
    assert as_sent(param(b"7"), call({"a": 7, "b": 7}), call(arguments)) == {"mcp-param-x": b""}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_can_be_wrapped_and_read_again(text):
    assert unwrap(wrap(text)) == text
    assert wrap(text).isascii()
    assert wrap(text).strip() == wrap(text) != ""


SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.integers(), st.booleans(), st.floats(-1e9, 1e9)
)


@given(st.dictionaries(st.text("abc"), SCALARS, min_size=1), st.data())
def test_whatever_agrees_is_an_argument_and_leaves_with_it(arguments, data):
    """A field that agrees says an argument; after a mask of all arguments nothing of the value is left in it."""
    value = data.draw(st.one_of(st.sampled_from([str(each) for each in arguments.values()]), st.text("0123.e-")))
    headers = param(wrap(value).encode())
    masked = call(dict.fromkeys(arguments, "[MASKED]"))
    if agree(headers, call(arguments)):
        assert as_sent(headers, call(arguments), masked) == {"mcp-param-x": b"[MASKED]"}
    else:
        assert value not in [
            json.dumps(each).strip('"') for each in arguments.values() if not isinstance(each, str)
        ]
