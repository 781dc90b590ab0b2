"""Output schemas in a listing are relaxed in place; every other byte of the listing stays."""

import json

import pytest

from extproc.protocols.mcp.output_schemas import relaxed_schema, with_relaxed_schemas

ANY_MASK = ["string", "null"]


def relaxed_property(schema):
    return relaxed_schema({"type": "object", "properties": {"a": schema}})["properties"]["a"]


@pytest.mark.parametrize(
    ("schema", "relaxed"),
    [
        ({"type": "integer", "minimum": 1}, {"type": ["integer", "string", "null"], "minimum": 1}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "object", "title": "x"}, {"type": ["object", "string", "null"], "title": "x"}),
        (
            {"type": "string", "format": "date", "description": "d"},
            {
                "type": ["string", "null"],
                "description": "d",
                "allOf": [{"anyOf": [{"format": "date"}, {"type": ANY_MASK}]}],
            },
        ),
        (
            {"enum": ["a"], "allOf": [{"type": "string"}]},
            {
                "allOf": [
                    {"type": ["string", "null"]},
                    {"anyOf": [{"enum": ["a"]}, {"type": ANY_MASK}]},
                ]
            },
        ),
        ({"enum": [{"a": 1}]}, {}),
        ({"const": [1]}, {}),
        ({"not": {"const": 1}, "if": {}, "then": {}, "else": {}, "uniqueItems": True}, {}),
        ({"oneOf": [{"const": 1}, True]}, {"allOf": [{"anyOf": [relaxed_property({"const": 1}), True]}]}),
        ({"$ref": "#"}, {"allOf": [{"anyOf": [{"$ref": "#"}, {"type": ANY_MASK}]}]}),
        (True, True),
        ({"additionalProperties": False}, {}),
        (
            {"additionalProperties": {"type": "integer"}},
            {"additionalProperties": {"type": ["integer", *ANY_MASK]}},
        ),
    ],
)
def test_a_schema_of_a_part_accepts_masks(schema, relaxed):
    assert relaxed_property(schema) == relaxed


def test_an_object_at_the_root_stays_one_and_another_root_does_not():
    assert relaxed_schema({"type": "object", "required": ["a"]}) == {"type": "object", "required": ["a"]}
    assert relaxed_schema({"type": "integer"}) == {"type": ["integer", *ANY_MASK]}


def test_references_that_lead_nowhere_any_more_leave_any_object():
    kept = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": {"type": "string"}}}
    assert relaxed_schema(kept)["properties"] == {"a": {"$ref": "#/$defs/a~1b"}}
    lost = {"type": "object", "properties": {"a": {"$ref": "#/properties/b/oneOf/0"}, "b": {"oneOf": [{}]}}}
    assert relaxed_schema(lost) == {"type": "object"}


LISTING = (
    '{"jsonrpc": "2.0",  "id": 1, "result": {"tools": [{"name": "a"}, {"name": "b", "outputSchema" : '
    '{"type":"object","properties":{"n":{"type":"integer"}}}, "inputSchema": {"properties": {"outputSchema": '
    '{"type": "integer"}}}}], "outputSchema": {"type": "integer"}}}'
)
RELAXED = LISTING.replace('{"n":{"type":"integer"}}', '{"n":{"type":["integer","string","null"]}}')


def test_only_the_tools_schemas_change():
    assert with_relaxed_schemas(LISTING) == RELAXED
    spelled = LISTING.replace("outputSchema", "output\\u0053chema")
    assert with_relaxed_schemas(spelled) == RELAXED.replace("outputSchema", "output\\u0053chema")


def test_a_schema_that_accepts_masks_already_keeps_its_bytes():
    text = json.dumps({"result": {"tools": [{"outputSchema": {"type": "object", "properties": {}}}]}}, indent=3)
    assert with_relaxed_schemas(text) == text
