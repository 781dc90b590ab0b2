"""The guard's answers to MCP messages: each in a form that clients survive."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.model.call import Call, Headers, ResponseHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.model.reply import Reply
from extproc.protocols.mcp.eras import VERSION_IN_META
from extproc.protocols.mcp.refusals import (
    REFUSED_CODE,
    Envelope,
    in_policys_words,
    is_id,
    last_event,
    read_envelope,
)
from tests.unit.protocols.mcp.test_protocol import post, protocol, send, tool

DEEP = b"[" * 100_000
NOTHING = Envelope(None, awaits_reply=False)
UNKNOWN = Envelope()
MESSAGES = [
    (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1,"a":2}}', Envelope(7)),
    (b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":[1e999,NaN]}', Envelope("x")),
    (b'\xef\xbb\xbf{"id":7,"method":"ping","method":"tools/call"}', Envelope(7)),
    (b'{"id":7,"method":"a","note":"\xff"}', Envelope(7)),
    (b'{"id":7,"method":"a","task":{}}', Envelope(7)),
    (b'{"id":7,"id":8,"method":"a"}', UNKNOWN),
    (b'{"id":null,"method":"a"}', UNKNOWN),
    (b'{"id":true,"method":"a"}', UNKNOWN),
    (b'{"id":1.5,"method":"a"}', UNKNOWN),
    (b'{"id":' + b"9" * 5000 + b',"method":"a"}', UNKNOWN),
    (b'{"method":"notifications/x","params":3}', NOTHING),
    (b'{"id":7,"result":{"a":1,"A":2}}', NOTHING),
    (b'{"id":7,"error":{},"x":1}', NOTHING),
    (b'{"id":7}', UNKNOWN),
    (b'{"id":7,"method":"a"', UNKNOWN),
    (b'[{"id":7,"method":"a"}]', UNKNOWN),
    (b'{"id":7,"method":"a","params":' + DEEP, UNKNOWN),
    (b"", UNKNOWN),
]


@pytest.mark.parametrize(("body", "expected"), MESSAGES, ids=lambda each: repr(each)[:40])
def test_whom_to_answer_is_read_where_the_rest_cannot_be_read(body, expected):
    assert read_envelope(Headers(), body) == expected


@given(
    st.binary()
    | st.recursive(st.none() | st.floats() | st.text() | st.integers(), st.lists).map(repr).map(str.encode)
)
def test_reading_never_raises(body):
    read = read_envelope(Headers(), body)
    assert read.rpc_id is None or is_id(read.rpc_id)


@pytest.mark.parametrize(
    "more",
    [
        {"task": {"x": 1}},
        {"inputResponses": []},
        {"requestState": 1},
        {"arguments": []},
        {"name": 3},
        {"arguments": {"a": 1, "A": 2}},
    ],
)
def test_a_request_that_cannot_be_read_gets_an_error_to_its_id(more):
    message = tool()
    message["params"].update(more)
    found = post(message)
    reply = protocol().refusal(found, Reason.UNINSPECTABLE, "c1")
    assert (found.name, found.arguments, reply.status) == ("unreadable", None, 200)
    assert json.loads(reply.body)["id"] == 1
    assert json.loads(reply.body)["error"]["data"]["reason"] == "uninspectable"


UNHEARD = [
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": 3},
    {"jsonrpc": "2.0", "id": 5, "result": {"action": "accept"}},
    {"jsonrpc": "2.0", "id": 5, "error": {"code": 1, "message": "no"}},
    {"jsonrpc": "2.0", "id": 5, "result": {}, "more": 1},
]
FAILURES = sorted(reason for reason in Reason if reason.answer.status >= 500)


@pytest.mark.parametrize("message", UNHEARD, ids=lambda each: json.dumps(each)[18:60])
@pytest.mark.parametrize("reason", sorted({*Reason} - {*FAILURES, Reason.UNAUTHENTICATED, Reason.UNKNOWN_SESSION}))
def test_a_message_that_awaits_no_reply_gets_none(message, reason):
    """Clients of the Python SDK 1.x end their session on every other status."""
    assert protocol().refusal(post(message), reason, "c1") == Reply(202, (("x-extproc-call-id", "c1"),), b"")


@pytest.mark.parametrize("reason", FAILURES)
def test_a_failure_of_the_guard_is_told_even_there(reason):
    """A cancellation that did not count must not look as if it had."""
    reply = protocol().refusal(post(UNHEARD[1]), reason, "c1")
    assert reply.status == reason.answer.status
    assert json.loads(reply.body)["error"]["data"]["reason"] == reason.value


@pytest.mark.parametrize("message", UNHEARD[:4:3])
def test_a_missing_token_is_told_even_there(message):
    assert protocol().refusal(post(message), Reason.UNAUTHENTICATED, "c1").status == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id":null,"method":"a"}', b'{"id":1}'])
def test_what_may_be_a_request_never_gets_a_202(body):
    """Its client would wait for the result."""
    reply = protocol().refusal(post(body), Reason.UNINSPECTABLE, "c1")
    assert (reply.status, json.loads(reply.body)["id"]) == (400, None)


def modern(**more):
    message = tool(**more)
    message["params"]["_meta"] = {VERSION_IN_META: "2026-07-28"}
    return message


def answered(message, reason, *fields):
    reply = protocol().refusal(post(message, JSON, *fields), reason, "c1")
    error = json.loads(reply.body)
    return reply.status, error["error"]["code"], error["id"]


JSON = ("content-type", b"application/json")
HEADER = ("mcp-protocol-version", b"2026-07-28")
OTHER = ("mcp-method", b"tools/list")


@pytest.mark.parametrize(
    ("reason", "fields", "session_era", "modern_era"),
    [
        (Reason.POLICY_DENIED, [], (200, -32010), (200, -32010)),
        (Reason.APPROVAL_EXPIRED, [], (200, -32010), (200, -32010)),
        (Reason.GUARD_ERROR, [], (200, -32010), (200, -32010)),
        (Reason.UNINSPECTABLE, [("content-encoding", b"x")], (200, -32010), (200, -32010)),
        (Reason.UNINSPECTABLE, [OTHER], (200, -32010), (400, -32020)),
        (Reason.POLICY_DENIED, [OTHER], (200, -32010), (200, -32010)),
        (Reason.UNKNOWN_FUNCTION, [], (200, -32601), (404, -32601)),
        (Reason.UNKNOWN_SESSION, [], (404, -32001), (404, -32010)),
    ],
)
def test_each_era_has_its_own_statuses(reason, fields, session_era, modern_era):
    """TypeScript clients read an error of the newer era on the statuses 200 and 400 alone; any status is a failure."""
    assert answered(tool(), reason, *fields) == (*session_era, 1)
    assert answered(modern(), reason, *fields) == (*modern_era, 1)


def test_a_message_that_says_no_version_is_of_the_era_of_its_header():
    assert answered(tool(), Reason.UNKNOWN_FUNCTION, HEADER) == (404, -32601, 1)
    assert answered(tool(), Reason.UNKNOWN_FUNCTION, ("mcp-protocol-version", b"2025-11-25"))[0] == 200
    assert answered(tool(), Reason.UNKNOWN_FUNCTION, ("mcp-protocol-version", b""))[0] == 200


@pytest.mark.parametrize("method", ["resources/subscribe", "resources/unsubscribe"])
def test_a_method_that_an_era_has_no_more_is_unknown_in_it(method):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"uri": "file:///a"}}
    assert post(message, resources=["file:///a"]).name == "resource:file:///a"
    message["params"] = {"_meta": {VERSION_IN_META: "2026-07-28"}}
    with pytest.raises(Refused) as caught:
        post(message, resources=["file:///a"])
    assert caught.value.reason is Reason.UNKNOWN_FUNCTION
    assert caught.value.call.modern


def test_the_era_is_read_where_the_rest_cannot_be_read():
    broken = json.dumps(modern()).replace('"url"', '"url": 1, "url"').encode()
    assert post(broken).modern
    assert read_envelope(Headers(), broken) == Envelope(1, modern=True)
    assert not post(broken.replace(VERSION_IN_META.encode(), b"x")).modern
    assert post(b"{", JSON, HEADER).modern


def test_a_session_that_is_over_is_told_to_every_message():
    """Clients then begin a new one (MCP 2025-11-25, transports, session management)."""
    for message in UNHEARD:
        assert answered(message, Reason.UNKNOWN_SESSION) == (404, -32001, None)


@pytest.mark.parametrize("rpc_id", [1, 'q"\\\n', 10**40])
def test_a_broken_stream_ends_with_an_error_to_the_id(rpc_id):
    call = post(tool(id=rpc_id))
    told = protocol().last_piece(call, event_stream("text/event-stream"), Reason.RESPONSE_ABANDONED)
    before, name, data, *end = told.split(b"\n")[1:]
    assert (before, name, end) == (b"", b"event: message", [b"", b""])
    document = json.loads(data.removeprefix(b"data: "))
    assert document == {
        "jsonrpc": "2.0",
        "id": rpc_id,
        "error": {
            "code": REFUSED_CODE,
            "message": "The backend's answer was cut off",
            "data": {"reason": "response-abandoned", "call_id": "c1", "status": 502},
        },
    }


@pytest.mark.parametrize("rpc_id", [1, 'q"\\\n%REQ(:PATH)%é\0', 10**40])
def test_envoy_answers_a_call_that_it_ends_with_an_error_to_the_id(rpc_id):
    told = protocol().if_cut_off(post(tool(id=rpc_id)))
    assert told.isascii()
    assert "\n" not in told
    document = json.loads(told)
    assert document["id"] == rpc_id
    assert document["error"]["data"] == {"reason": "response-abandoned", "call_id": "c1", "status": 502}


def test_envoy_answers_in_its_own_words_where_nobody_looks_for_an_id():
    for message in (
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        tool(id="x" * 1000),
        tool(id="é" * 300),
    ):
        assert protocol().if_cut_off(post(message)) == ""
    assert protocol().if_cut_off(send("GET", "/mcp", b"")) == ""
    assert protocol().if_cut_off(replace(post(tool()), resumes="tools/call")) == ""


def test_streams_of_other_kinds_and_of_no_request_end_without_a_word():
    lines = protocol().last_piece(post(tool()), event_stream("application/x-ndjson"), Reason.RESPONSE_ABANDONED)
    assert lines == b""
    assert last_event(send("GET", "/mcp", b""), Reason.RESPONSE_ABANDONED) == b""


def event_stream(content_type):
    return ResponseHead(200, Headers((("content-type", content_type.encode()),)))


CALL = Call("c1", "m", "t", "mcp", rpc_id=7)
WORDS = Reply(429, (("Content-Type", "text/plain"), ("retry-after", "7")), b"slower")


def test_what_policy_says_for_http_is_the_detail_of_an_error():
    reply = in_policys_words(CALL, WORDS, Reason.POLICY_DENIED, "c1")
    assert reply.status == 200
    assert dict(reply.headers) == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "retry-after": "7",
    }
    assert json.loads(reply.body)["error"] == {
        "code": REFUSED_CODE,
        "message": "Denied by policy",
        "data": {"reason": "policy-denied", "call_id": "c1", "status": 429, "detail": "slower"},
    }


def test_a_message_that_awaits_no_reply_gets_policys_fields_at_most():
    heard = Call("c1", "m", "response", "mcp", awaits_reply=False)
    reply = in_policys_words(heard, WORDS, Reason.POLICY_DENIED, "c1")
    assert reply == Reply(202, (("x-extproc-call-id", "c1"), ("retry-after", "7")), b"")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (CALL, Reply(401, (), b"sign in")),
        (CALL, Reply(403, (("WWW-Authenticate", 'Bearer error="insufficient_scope"'),), b"")),
        (CALL, Reply(302, (("location", "/login"),), b"")),
        (CALL, Reply(200, (), b'{"jsonrpc":"2.0"}')),
        (Call("c1", "m", "stream", "mcp"), Reply(403, (), b"no")),
    ],
)
def test_other_words_of_policy_stay(call, words):
    assert in_policys_words(call, words, Reason.POLICY_DENIED, "c1") is words


def test_before_the_call_is_read_there_is_a_problem_document():
    reply = protocol().refusal(None, Reason.POLICY_DENIED, "c1")
    assert (reply.status, dict(reply.headers)["content-type"]) == (403, "application/problem+json")
