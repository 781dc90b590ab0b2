"""Tools are taken out of a listing; all else stays as it was, byte by byte."""

import json

import pytest

from extproc.codecs.unreadable import Unreadable
from extproc.protocols.mcp.listed_tools import listed_tools, tool_name, without_tools

SPACED = """ { "jsonrpc" : "2.0", "id": 1e0,
  "result" : { "x": {"tools": [{"name":"never"}]}, "tools" : [
    {"name": "a", "inputSchema": {"tools": [1, [2], {"name": "b"}]} } ,
    {"name": "b", "n": 1.50},
    {"name" : "c\\u0064", "description": "\\"}]" } ], "nextCursor": "q" } }
"""


def cut(text: str, *names: str) -> str:
    tools = listed_tools(text, max_depth=64)
    assert tools is not None
    return without_tools(text, tools, lambda name: name not in names)


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
    assert [tool_name(tool) for tool in listed_tools(text, max_depth=64)] == ["", "", "", "", "", "", "a"]
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
    assert listed_tools(text, max_depth=64) is None


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
        listed_tools(text, max_depth=64)
