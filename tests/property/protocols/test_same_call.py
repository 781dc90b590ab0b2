"""Two MCP messages are the same call exactly where they differ in nothing but their attempt."""

import json
from copy import deepcopy

from hypothesis import assume, given
from hypothesis import strategies as st

from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Headers, RequestHead
from extproc.protocols.mcp.protocol import McpProtocol
from extproc.protocols.mcp.repeats import OF_AN_ATTEMPT, QUESTION
from extproc.protocols.mcp.settings import McpConnection

MCP = McpProtocol(
    "m",
    McpConnection.model_validate(
        {"protocol": "mcp", "hosts": ["a.test"], "upstream": {"address": "127.0.0.1:1"}, "tools": ["t", "u"]}
    ),
    max_depth=16,
    event_limit=64,
)
HEAD = RequestHead("POST", "https", "a.test", "/mcp", Headers((("content-type", b"application/json"),)))
PREFIX = "extproc-approval-abcdefgh."
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(TEXT, VALUE, max_size=4)
META = st.dictionaries(st.sampled_from([*sorted(OF_AN_ATTEMPT), "a", "b"]), TEXT | st.integers(0, 9), max_size=4)
IDS = st.integers(0, 99) | TEXT
PARAMS = st.fixed_dictionaries(
    {"name": st.sampled_from("tu")},
    optional={"arguments": ARGUMENTS, "_meta": META, "requestState": TEXT, "task": st.just({"ttl": 1})},
)
MESSAGES = st.builds(
    lambda rpc_id, params: {"jsonrpc": "2.0", "id": rpc_id, "method": "tools/call", "params": params}, IDS, PARAMS
)


def same(body):
    try:
        call = MCP.identify(HEAD, body, call_id="c", unreadable=None)
    except Unreadable:
        assume(condition=False)
    assume(call.document is not None)
    return MCP.same_call(call, body)


def meaning(message):
    """What the backend may act on, in Python's own terms: numbers as they are written."""
    left = deepcopy(message)
    del left["id"]
    meta = {k: v for k, v in left["params"].pop("_meta", {}).items() if k not in OF_AN_ATTEMPT}
    read = json.loads(json.dumps(left), parse_int=lambda n: ("n", n), parse_float=lambda n: ("n", n))
    return read, json.loads(json.dumps(meta), parse_int=lambda n: ("n", n))


@given(MESSAGES, MESSAGES)
def test_two_messages_are_the_same_call_where_they_mean_the_same(one, other):
    alike = meaning(one) == meaning(other)
    assert (same(json.dumps(one).encode()) == same(json.dumps(other).encode())) is alike


@given(MESSAGES, META, IDS, st.sampled_from([None, 2]), st.booleans())
def test_another_attempt_is_the_same_call(message, meta, rpc_id, indent, ascii_only):
    again = deepcopy(message)
    again["id"] = rpc_id
    kept = {k: v for k, v in message["params"].get("_meta", {}).items() if k not in OF_AN_ATTEMPT}
    again["params"]["_meta"] = {**{k: v for k, v in meta.items() if k in OF_AN_ATTEMPT}, **kept}
    again = dict(reversed(again.items()))
    body = json.dumps(again, indent=indent, ensure_ascii=ascii_only).encode()
    assert same(body) == same(json.dumps(message).encode())


@given(MESSAGES, st.data())
def test_one_change_makes_it_another_call(message, data):
    """Any value, at any depth, but for the attempt's."""
    changed = deepcopy(message)
    target = changed["params"]
    key = data.draw(st.sampled_from(["name", "arguments", "requestState", "task", "extra-argument"]))
    match key:
        case "name":
            target["name"] = "u" if target["name"] == "t" else "t"
        case "extra-argument":
            target.setdefault("arguments", {})["extra argument"] = data.draw(VALUE)
        case "arguments" if target.get("arguments"):
            name = data.draw(st.sampled_from(sorted(target["arguments"])))
            new = data.draw(VALUE)
            assume(json.dumps(new) != json.dumps(target["arguments"][name]))
            assume(
                meaning(message)
                != meaning({**changed, "params": {**target, "arguments": {**target["arguments"], name: new}}})
            )
            target["arguments"][name] = new
        case _ if key in target:
            del target[key]
        case _:
            assume(condition=False)
    assert same(json.dumps(changed).encode()) != same(json.dumps(message).encode())


NUMBERS = st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9)


@given(MESSAGES, st.lists(TEXT, max_size=3), NUMBERS, NUMBERS)
def test_another_number_at_any_depth_makes_it_another_call(message, path, one, other):
    assume(json.dumps(one) != json.dumps(other))

    def made(number):
        value = number
        for key in path:
            value = {key: [value]}
        return json.dumps({**message, "params": {**message["params"], "arguments": {"n": value}}}).encode()

    assert same(made(one)) != same(made(other))


@given(MESSAGES, TEXT.map(lambda text: PREFIX + text), st.booleans(), st.booleans())
def test_the_guards_state_makes_no_difference(message, state, with_answer, escapes):
    """What is left of a repeated call is the bytes of the first one."""
    assume("requestState" not in message["params"])
    body = json.dumps(message, ensure_ascii=escapes)
    again = deepcopy(message)
    again["params"]["requestState"] = state
    if with_answer:
        again["params"]["inputResponses"] = {QUESTION: {"action": "accept"}}
    found = MCP.repeated(HEAD, json.dumps(again, ensure_ascii=escapes).encode(), PREFIX)
    assume(found is not None or same(body.encode()) is None)
    assert (found.body, found.state) == (body.encode(), state)


@given(st.binary(max_size=60) | MESSAGES.map(lambda message: json.dumps(message).encode()))
def test_a_message_without_it_is_left_alone(body):
    assert MCP.repeated(HEAD, body, PREFIX) is None
