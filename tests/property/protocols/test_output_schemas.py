"""A relaxed schema accepts every masked value of what the schema accepts, and the value itself."""

import json

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from extproc.protocols.mcp.output_schemas import relaxed_schema

KEYS = st.sampled_from("abc")
SCALARS = st.one_of(
    st.tuples(st.just({"type": "integer", "minimum": 3, "multipleOf": 2}), st.sampled_from([4, 10])),
    st.tuples(st.just({"type": "boolean"}), st.booleans()),
    st.tuples(st.just({"type": ["number", "null"]}), st.sampled_from([1.5, None])),
    st.tuples(st.just({"type": "string", "maxLength": 3, "pattern": "^x"}), st.just("xyz")),
    st.tuples(st.just({"type": "string", "format": "date", "minLength": 10}), st.just("2026-01-01")),
    st.tuples(st.just({"enum": [1, "one"]}), st.sampled_from([1, "one"])),
    st.tuples(st.just({"const": "k", "type": "string"}), st.just("k")),
    st.tuples(st.just({"const": {"a": [1]}}), st.just({"a": [1]})),
    st.tuples(st.just({"$ref": "#/$defs/positive"}), st.just(7)),
    st.tuples(st.just({"not": {"type": "string"}}), st.just(7)),
    st.tuples(st.just({"if": {"type": "integer"}, "then": {"minimum": 5}, "else": False}), st.just(7)),
    st.tuples(st.just({"type": "array", "contains": {"const": 1}, "uniqueItems": True}), st.just([1, 2])),
    st.tuples(
        st.just(
            {
                "type": "object",
                "propertyNames": {"pattern": "^p"},
                "patternProperties": {"^p": {"type": "integer"}},
            }
        ),
        st.just({"p1": 1, "p2": 2}),
    ),
)
DEFINITIONS = {"positive": {"type": "integer", "minimum": 1, "format": "int64"}}


def objects(inner):
    return st.dictionaries(KEYS, inner, min_size=1).flatmap(
        lambda made: st.sampled_from([False, {"type": "integer"}, True]).map(
            lambda more: (
                {
                    "type": "object",
                    "properties": {key: schema for key, (schema, _) in made.items()},
                    "required": sorted(made),
                    "additionalProperties": more,
                },
                {key: value for key, (_, value) in made.items()} | ({} if more is False else {"more": 1}),
            )
        )
    )


def nested(inner):
    return st.one_of(
        objects(inner),
        inner.map(lambda made: ({"type": "array", "items": made[0], "minItems": 1}, [made[1]])),
        inner.map(lambda made: ({"anyOf": [{"type": "boolean"}, made[0]]}, made[1])),
        inner.map(lambda made: ({"allOf": [made[0], {}]}, made[1])),
        inner.map(
            lambda made: (
                {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"kind": {"const": kind}, "v": made[0]},
                            "required": ["kind"],
                        }
                        for kind in ("x", "y")
                    ]
                },
                {"kind": "x", "v": made[1]},
            )
        ),
        inner.map(lambda made: ({"prefixItems": [made[0]], "items": False}, [made[1]])),
    )


PAIRS = objects(st.recursive(SCALARS, nested, max_leaves=6))


def masks(draw, value, *, is_root=False):
    """Put labels and nulls in place of some values, and labels in place of some keys that no schema names."""
    if not is_root and draw(st.booleans()):
        return draw(st.sampled_from(["[CREDIT_CARD]", "", None]))
    if isinstance(value, dict):
        named = {"more": "[EMAIL_ADDRESS]", "p1": "[US_SSN]"} if draw(st.booleans()) else {}
        return {named.get(key, key): masks(draw, each) for key, each in value.items()}
    return [masks(draw, each) for each in value] if isinstance(value, list) else value


@given(PAIRS, st.data())
def test_masked_values_fit(pair, data):
    schema, value = {**pair[0], "$defs": DEFINITIONS}, pair[1]
    Draft202012Validator(schema).validate(value)
    relaxed = relaxed_schema(schema)
    Draft202012Validator.check_schema(relaxed)
    Draft202012Validator(relaxed).validate(value)
    Draft202012Validator(relaxed).validate(masks(data.draw, value, is_root=True))
    assert relaxed["type"] == "object"


@given(PAIRS)
def test_relaxing_leaves_the_schema_as_it_was(pair):
    before = json.dumps(pair[0])
    relaxed_schema(pair[0])
    assert json.dumps(pair[0]) == before
