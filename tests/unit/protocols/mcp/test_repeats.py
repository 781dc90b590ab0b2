"""A call that is made again: what is taken out of it, and what makes it the same."""

import json

import pytest

from extproc.model.call import Headers, RequestHead
from extproc.protocols.mcp.repeats import QUESTION
from tests.unit.protocols.mcp.test_protocol import JSON, post, protocol, tool

PREFIX = "extproc-approval-abcdefgh."
STATE = PREFIX + "payload.tag"
ACCEPTED = {"action": "accept"}


def repeated(body, *headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = RequestHead("POST", "https", "files.test", "/mcp", Headers(headers or (JSON,)))
    return protocol().repeated(head, body, PREFIX)


def call(**params):
    return tool(params={"name": "read_page", "arguments": {"url": "x"}, **params})


def test_the_state_is_taken_out_and_nothing_else_changes():
    """Order, blanks, escapes and a byte order mark stay as they came."""
    begin, end = (
        b'\xef\xbb\xbf{ "jsonrpc":"2.0","id" : 1,\t"method":"tools/call", "params" :{"name":"read_page"',
        b"}}\n",
    )
    arguments = b' ,  "arguments":{"url":"\\u0078", "n":1.50, "requestState":"mine"}'
    state = b', "requestState" : "%s"' % STATE.encode()
    answers = b',"inputResponses":{"%s":{"action":"accept"}}' % QUESTION.encode()
    expected = begin + arguments + end
    for body in (
        begin + arguments + state + answers + end,
        begin + answers + arguments + state + end,
        begin + state + answers + arguments + end,
        begin + arguments + state + end,
    ):
        found = repeated(body)
        assert (found.body, found.state, found.is_declined) == (expected, STATE, False)


def test_the_first_member_may_be_the_state():
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"requestState":"%s", "name":"deploy"}}'
    assert repeated(body % STATE.encode()).body.endswith(b'"params":{"name":"deploy"}}')


def test_a_name_or_state_in_escapes_is_found():
    """No client writes them so; a backend would read them all the same."""
    body = json.dumps(call(requestState=STATE)).replace("requestState", "request\\u0053tate").encode()
    assert repeated(body).state == STATE
    body = json.dumps(call(requestState=STATE)).replace("extproc", "\\u0065xtproc").encode()
    assert repeated(body).state == STATE


def test_answers_to_a_servers_questions_stay():
    found = repeated(call(requestState=STATE, inputResponses={"name": ACCEPTED, QUESTION: ACCEPTED}))
    assert json.loads(found.body)["params"]["inputResponses"] == {"name": ACCEPTED}


@pytest.mark.parametrize(
    ("answer", "declined", "dismissed"),
    [
        (ACCEPTED, False, False),
        ({"action": "decline"}, True, False),
        ({"action": "cancel"}, False, True),
        ({"action": ["decline"]}, False, True),
        ({}, False, True),
        ("accept", False, True),
    ],
)
def test_what_the_person_at_the_client_did_is_known(answer, declined, dismissed):
    found = repeated(call(requestState=STATE, inputResponses={QUESTION: answer}))
    assert (found.is_declined, found.is_dismissed) == (declined, dismissed)
    assert json.loads(found.body) == call()


@pytest.mark.parametrize(
    "body",
    [
        call(),
        call(requestState="of the server"),
        call(requestState=STATE.replace("abcdefgh", "othrguar")),
        call(requestState=[STATE]),
        call(inputResponses={QUESTION: ACCEPTED}),
        call(arguments={"requestState": STATE}),
        {**call(), "requestState": STATE},
        [call(requestState=STATE)],
        b'{"requestState":',
        b'{"jsonrpc":"2.0","params":{"requestState":"%s","requeststate":"b"}}' % STATE.encode(),
        b'{"jsonrpc":"2.0","params":"requestState"}',
        b"",
    ],
    ids=lambda each: str(each)[-60:],
)  # fmt: skip
def test_everything_else_passes_as_it_came(body):
    assert repeated(body) is None


def test_the_length_is_that_of_the_message_that_is_left():
    body = json.dumps(call(requestState=STATE)).encode()
    found = repeated(body, JSON, ("content-length", b"%d" % len(body)), ("x", b"1"))
    assert found.head.headers.get("content-length") == str(len(found.body))
    assert found.head.headers.get("x") == "1"
    assert post(found.body, *found.head.headers).uninspectable is None
    assert repeated(body, JSON, ("content-length", b"7")) is None


SAME = json.dumps(call()).encode()


def same(document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    found = post(body)
    return protocol().same_call(found, body)


@pytest.mark.parametrize(
    "again",
    [
        {**call(), "id": 2},
        {**call(), "id": "2"},
        call(_meta={}),
        call(_meta={"progressToken": 7}),
        call(_meta={"progressToken": "x", "traceparent": "00-1", "tracestate": "a=1", "baggage": "b=1"}),
        call(_meta={"claudecode/toolUseId": "toolu_1", "vscode.requestId": "r"}),
        dict(reversed(call().items())),
        json.dumps(call(), indent=2).encode(),
        SAME.replace(b"read_page", b"read\\u005fpage"),
    ],
    ids=str,
)
def test_the_same_call_is_recognised(again):
    assert same(again) == same(SAME)


@pytest.mark.parametrize(
    "other",
    [
        call(arguments={"url": "y"}),
        call(arguments={"url": "x", "n": None}),
        call(arguments={"url": "x", "n": 0}),
        call(arguments={"url": "x", "n": 0.0}),
        SAME.replace(b'"x"', b'"x","n":0.00'),
        SAME.replace(b'"x"', b'"x","n":9007199254740993'),
        SAME.replace(b'"x"', b'"x","n":9007199254740992'),
        call(name="deploy"),
        call(_meta={"traceparent": {"a": 1}}),
        call(_meta={"vscode.conversationId": "c"}),
        call(requestState="of the server"),
        call(inputResponses={"a": ACCEPTED}),
        {**call(), "method": "prompts/get", "params": {"name": "greet"}},
    ],
    ids=str,
)
def test_no_other_call_is_the_same(other):
    assert protocol().same_call(
        post(SAME), other if isinstance(other, bytes) else json.dumps(other).encode()
    ) != same(SAME)


def test_numbers_are_told_apart_as_they_are_written():
    """Servers read them with other precision than the guard does."""
    spelled = (
        *(b"null", b"0", b"-0", b"0.0", b"0e0", b"1", b"1.0", b"1.00000000000000000001", b'"1"', b"true"),
        *(b"9007199254740992", b"9007199254740993", b"[1]", b"[1.0]", b'{"a":1}', b'{"a":2}', b'{"b":1}'),
    )
    bodies = [SAME.replace(b'"x"', b'"x","n":' + each) for each in spelled]
    assert len({same(each) for each in bodies}) == len(spelled)


def test_what_cannot_be_read_is_the_same_byte_for_byte():
    unread = post(b"{")
    assert unread.document is None
    assert protocol().same_call(unread, b"{") == b"body:{"


def test_a_call_that_has_no_canonical_form_is_the_same_byte_for_byte():
    deep = json.dumps(call()).encode().replace(b'"x"', b"[" * 5_000 + b"]" * 5_000)
    assert protocol().same_call(post(SAME), deep) == b"body:" + deep
