"""What a caller may not call is taken out of a listing; all else stays as it was, byte by byte."""

import json

import pytest

from extproc.codecs.json_children import children, without
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Headers, ResponseHead
from extproc.protocols.mcp.answers import AnswerReader
from extproc.protocols.mcp.listings import item_name, listed_items
from tests.unit.protocols.mcp.test_protocol import protocol

SPACED = """ { "jsonrpc" : "2.0", "id": 1e0,
  "result" : { "x": {"tools": [{"name":"never"}]}, "tools" : [
    {"name": "a", "inputSchema": {"tools": [1, [2], {"name": "b"}]} } ,
    {"name": "b", "n": 1.50},
    {"name" : "c\\u0064", "description": "\\"}]" } ], "nextCursor": "q" } }
"""

READER = AnswerReader(event_limit=1 << 16, max_depth=64)


def cut(text: str, *names: str) -> str:
    tools = listed(text)
    assert tools is not None
    kept = [item_name(tool, "name") not in names for tool in tools]
    return without(text, children(text, ("result", "tools")), kept)


def listed(text: str):
    return listed_items(READER.message(text), "tools")


def test_nothing_is_touched_where_all_may_be_seen():
    assert cut(SPACED) is SPACED


@pytest.mark.parametrize("gone", [["a"], ["b"], ["cd"], ["a", "b"], ["a", "cd"], ["b", "cd"], ["a", "b", "cd"]])
def test_the_rest_is_what_it_was(gone):
    expected = json.loads(SPACED)
    expected["result"]["tools"] = [tool for tool in expected["result"]["tools"] if tool["name"] not in gone]
    found = cut(SPACED, *gone)
    assert json.loads(found) == expected
    begin, end = SPACED.index("    {") - 1, SPACED.index(" ], ")
    assert (found[:begin], found[-len(SPACED[end:]) :]) == (SPACED[:begin], SPACED[end:])
    for line in SPACED[begin:end].split(",\n"):
        if not any(f'"{name}"' in line for name in gone) and "inputSchema" not in line and "cd" not in gone:
            assert line.strip() in found


def test_what_has_no_name_or_two_is_asked_about_as_nobody():
    text = '{"result":{"tools":[1,"a",[{"name":"a"}],{},{"name":1},{"Name":"a","name":"b"},{"name":"a"}]}}'
    assert [item_name(tool, "name") for tool in listed(text)] == ["", "", "", "", "", "", "a"]
    assert json.loads(cut(text, ""))["result"]["tools"] == [{"name": "a"}]
    assert cut('{"result":{"tools":[]}}', "") == '{"result":{"tools":[]}}'


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
        '{"result":{}}',
        '{"result":[{"tools":[]}]}',
        '{"method":"x"}',
    ],
)
def test_messages_that_list_nothing(text):
    assert listed(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "1", '"tools"', '[{"result":{"tools":[]}}]', '{"tools":[]}', '{"Result":{"tools":[]}}',
        '{"result":{"Tools":[]}}', '{"result":{"tools":[],"TOOLS":[]}}', '{"result":{"tools":{}}}',
        '{"result":{"tools":null}}', '{"result":{"tools":[]},"result":{}}', '{"result":{"tools":[]}',
        '{"result":{"tool\\u017f":[]}}',
    ],
)  # fmt: skip
def test_a_message_with_two_readings_is_none(text):
    with pytest.raises(Unreadable):
        listed(text)


HEAD = ResponseHead(200, Headers((("content-type", b"application/json"),)))
SETTINGS = {"tools": ["search"], "prompts": ["sum*"], "resources": ["file:///docs/**"]}


@pytest.mark.parametrize(
    ("method", "key", "items", "expected"),
    [
        ("prompts/list", "prompts", [{"name": "summarize"}, {"name": "other"}, {}], [("prompt:summarize", {}), None, None]),
        (
            "resources/list",
            "resources",
            [{"uri": "file:///docs/a", "name": "x"}, {"uri": "file:///docs/../b"}, {"name": "y"}],
            [("resource:file:///docs/**", {"uri": "file:///docs/a"}), None, None],
        ),
        (
            "resources/templates/list",
            "resourceTemplates",
            [{"uriTemplate": "file:///docs/{a}"}, {"uriTemplate": "file:///{a}"}],
            [("resource:file:///docs/**", {"uri": "file:///docs/{a}"}), None],
        ),
        ("tools/list", "tools", [{"name": "search"}, {"name": "prompt:summarize"}], [("search", {}), None]),
    ],
)  # fmt: skip
def test_every_kind_of_listing_asks_for_the_calls_of_what_it_lists(method, key, items, expected):
    call = Call("c1", "files", method, "mcp", {}, "", method, 1)
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "result": {key: items, "ttlMs": 1, "cacheScope": "public"}}
    ).encode()
    mcp = protocol(**SETTINGS)
    assert mcp.lists(call)
    listing = mcp.read_listing(call, HEAD, body)
    assert [each and (each.name, each.arguments) for each in listing.items] == expected
    assert {each.direction for each in listing.items if each} == {"list"}
    kept = json.loads(listing.keep([each is not None for each in listing.items]))
    assert kept["result"][key] == [item for item, each in zip(items, expected, strict=True) if each]
    assert kept["result"]["ttlMs"] == 1


@pytest.mark.parametrize("scope", ['"public"', '"PUBLIC"', "null", '{"a":1}', '"private"'])
@pytest.mark.parametrize("spelled", ["cacheScope", "cachescope"])
def test_a_listing_is_for_its_caller_alone(scope, spelled):
    call = Call("c1", "files", "tools/list", "mcp", {}, "", "tools/list", 1)
    body = f'{{"result":{{"tools":[{{"name":"search","cacheScope":"public"}}],"{spelled}": {scope} }}}}'.encode()
    kept = protocol(**SETTINGS).read_listing(call, HEAD, body).keep([True])
    assert kept == body.replace(scope.encode() + b" }", b'"private" }')


def test_a_resource_is_for_its_caller_alone():
    call = Call("c1", "files", "resource:file:///docs/**", "mcp", {}, "", "resources/read", 1)
    body = (
        b'{"result":{"contents":[{"uri":"a:b","text":"{\\"cacheScope\\":\\"public\\"}"}],"cacheScope":"public"}}'
    )
    listing = protocol(**SETTINGS).read_listing(call, HEAD, body)
    assert (listing.items, listing.noun) == ((), "")
    assert listing.keep(()) == body.replace(b'"cacheScope":"public"}}', b'"cacheScope":"private"}}')
