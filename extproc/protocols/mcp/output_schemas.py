"""Output schemas of listed tools, relaxed so far that they describe masked results as well.

A client checks a result against the tool's ``outputSchema``, and drops the whole result if it does not fit.
Masking puts a label, which is a string, or null in place of any value. So a relaxed schema accepts every value
that masking can make of one that the schema accepts. ADR 30 says why the schema gives way, and not the value.

Sources: MCP 2025-06-18 to 2026-07-28, tools, output schema; JSON Schema 2020-12, core sections 10 and 11, and
validation section 6. Schemas of earlier drafts are covered by their keywords.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote as percent_decoded

from extproc.codecs.json_children import children
from extproc.model.call import Json

RESULT, TOOLS = "result", "tools"
OUTPUT_SCHEMA = "outputSchema"
MASKS: Final = ("string", "null")
"""The JSON types of what masking leaves."""
DROPPED = frozenset(
    {
        *("not", "if", "then", "else"),  # what accepts more inside a condition may refuse more outside it
        *("contains", "minContains", "maxContains", "uniqueItems"),  # several items may get the same label
        *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),  # a key may get a label
    }
)
"""Keywords that masking can break in a way that a schema cannot say."""
OF_VALUES = (
    *("const", "enum", "format", "maxLength", "minLength", "pattern"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
)
"""Keywords that a label need not fulfil."""
SUBSCHEMAS = frozenset({"additionalItems", "additionalProperties", "items"})
LISTS = frozenset({"allOf", "anyOf", "prefixItems"})
MAPS = frozenset({"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"})
OBJECT: Final = "object"
ANY_OBJECT: Final[dict[str, Json]] = {"type": OBJECT}
"""The schema of which no more can be said."""
REFERENCES = frozenset({"$ref", "$dynamicRef"})
WHOLE: Final = "#"
"""A reference to the root, which is not relaxed as a whole."""


def with_relaxed_schemas(text: str) -> str:
    """Return a message that lists tools with relaxed output schemas. All other bytes stay as they are.

    Args:
        text: the message, which was read strictly.
    """
    pieces: list[str] = []
    at = 0
    for start, end in _schemas(text) if OUTPUT_SCHEMA in text or "\\" in text else ():
        schema = json.loads(text[start:end])
        relaxed = relaxed_schema(schema)
        if relaxed != schema:
            pieces += (text[at:start], json.dumps(relaxed, ensure_ascii=False, separators=(",", ":")))
            at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _schemas(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of ``$.result.tools[*].outputSchema``."""
    for tool in children(text, (RESULT, TOOLS)):
        for member in children(text[tool.value : tool.end], ()):
            if member.key == OUTPUT_SCHEMA:
                yield tool.value + member.value, tool.value + member.end


def relaxed_schema(schema: Json) -> Json:
    """Return a schema that accepts every masked value of what this schema accepts.

    An object at the root stays one, since clients before 2026-07-28 want it. A schema with references that lead
    nowhere after that becomes the schema of any object.
    """
    if not isinstance(schema, dict):
        return schema
    relaxed = _relaxed(schema, is_root=schema.get("type") == OBJECT)
    return relaxed if _references_hold(relaxed) else ANY_OBJECT


def _relaxed(schema: Json, *, is_root: bool = False) -> Json:
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Json] = {key: _member(key, value) for key, value in schema.items() if _stays(key, value)}
    if "oneOf" in schema:  # two alternatives may accept the same masked value
        _also(made, {"anyOf": _each(schema["oneOf"])})
        made.pop("oneOf", None)
    if is_root:
        return made
    if "type" in made:
        made["type"] = _widened(made["type"])
    moved = (*OF_VALUES, "$ref") if made.get("$ref") == WHOLE else OF_VALUES
    values = {key: made.pop(key) for key in moved if key in made}
    if values:
        _also(made, {"anyOf": [values, {"type": list(MASKS)}]})
    return made


def _stays(key: str, value: Json) -> bool:
    """Return whether a keyword stays. Masking may rename a key, so that objects may have other ones."""
    is_closed = key == "additionalProperties" and value is False
    return key not in DROPPED and not is_closed and not _lists_containers(key, value)


def _lists_containers(key: str, value: Json) -> bool:
    """Return whether a keyword allows certain arrays or objects only: masking changes a part of them."""
    listed = [value] if key == "const" else value if key == "enum" and isinstance(value, list) else []
    return any(isinstance(each, dict | list) for each in listed)


def _member(key: str, value: Json) -> Json:
    """Return the value of a keyword, with the schemas in it relaxed."""
    if key in SUBSCHEMAS:
        return _each(value) if isinstance(value, list) else _relaxed(value)
    if key in LISTS:
        return _each(value)
    if key in MAPS and isinstance(value, dict):
        return {name: _relaxed(each) for name, each in value.items()}
    return value


def _each(schemas: Json) -> Json:
    return [_relaxed(each) for each in schemas] if isinstance(schemas, list) else schemas


def _also(schema: dict[str, Json], condition: dict[str, Json]) -> None:
    """Add a condition behind those that a schema has."""
    others = schema.get("allOf")
    schema["allOf"] = [*(others if isinstance(others, list) else []), condition]


def _widened(types: Json) -> Json:
    """Return the JSON types with those of masks."""
    listed = types if isinstance(types, list) else [types]
    return [*listed, *(each for each in MASKS if each not in listed)]


def _references_hold(schema: Json) -> bool:
    """Return whether each reference within the schema leads to a part of it."""
    return all(_leads(schema, each) for each in _references(schema) if each.startswith("#/"))


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key in REFERENCES and isinstance(each, str):
                yield each
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _leads(schema: Json, reference: str) -> bool:
    """Follow a JSON Pointer in a fragment (RFC 6901 section 6)."""
    at: Json = schema
    for escaped in reference[2:].split("/"):
        name = percent_decoded(escaped).replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(at):
            at = at[int(name)]
        else:
            return False
    return True
