"""Render ``docs/reference/configuration.md`` from the JSON Schema. A test compares the page with the schema."""

import json
from collections.abc import Iterator
from typing import Any

from extproc.config.schema import Settings

INTRODUCTION = """# Configuration

The configuration is one YAML file. Unknown keys, duplicate keys, aliases and values of the wrong type are errors
with a line and a hint: `"no"` is not read as false, `1` not as true, and `"5"` not as a number. Relative paths
start at the file's folder; those "under state" start at `state`.

`extproc config check FILE` checks a file, `extproc config show FILE` prints all settings with their defaults, and
`extproc config schema` prints the JSON Schema from which this page is made.
"""


def render_reference() -> str:
    """Return the whole page, as Markdown."""
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    sections = [INTRODUCTION, *_section("The file", schema, definitions)]
    for name, definition in sorted(definitions.items()):
        if "properties" in definition:
            sections += _section(name, definition, definitions)
    return "\n".join(sections)


def _section(name: str, definition: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    required = definition.get("required", ())
    yield f"## {name}\n"
    yield f"{_line(definition.get('description', '').splitlines()[0])}\n"
    yield "| key | type | default | meaning |\n| --- | --- | --- | --- |"
    for key, value in definition["properties"].items():
        default = "**required**" if key in required else _default(value)
        meaning = value.get("description") or definitions[value["$ref"].rpartition("/")[2]]["description"]
        yield f"| `{key}` | {_type(value)} | {default} | {_line(meaning)} |"
    yield ""


def _line(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def _default(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return "see there"
    default = value.get("default")
    return "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def _type(value: dict[str, Any]) -> str:
    """Describe a type and its limits for a reader."""
    match value:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            operators = "`redact`, `partial`, `pseudonym`, `remove`"
            return operators if name == "MaskOperator" else f"[{name}](#{name.lower()})"
        case {"anyOf": list(members)} | {"oneOf": list(members)}:
            return " or ".join(_type(member) for member in members if member.get("type") != "null")
        case {"enum": list(choices)} | {"const": choices}:
            choices = choices if isinstance(choices, list) else [choices]
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"patternProperties": members}:
            return f"name → {_type(next(iter(members.values())))}"
        case _:
            return _scalar(value)


def _scalar(value: dict[str, Any]) -> str:
    names = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    kind = "path" if value.get("format") == "path" else names.get(value["type"], value["type"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤"}
    limits = [f"{sign} {value[key]:,}" for key, sign in signs.items() if key in value]
    return " ".join([kind, ", ".join(limits)]).strip()
