"""Messages of MCP with a value planted in every string, made from the published schema of each version."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "mcp_schemas"
VERSIONS = tuple(sorted(file.stem for file in FOLDER.glob("*.json")))
NESTED = 5
"""Definitions within definitions, at most: content holds content."""
SCHEMAS = ("inputSchema", "outputSchema", "requestedSchema")
KEY = "KEY"
RESULTS = {
    "CallToolResult": ("tools/call",),
    "CancelTaskResult": ("tasks/cancel",),
    "CompleteResult": ("completion/complete",),
    "CreateTaskResult": ("tools/call",),
    "DiscoverResult": ("server/discover",),
    "GetPromptResult": ("prompts/get",),
    "GetTaskPayloadResult": ("tasks/result",),
    "GetTaskResult": ("tasks/get",),
    "InitializeResult": ("initialize",),
    "InputRequiredResult": ("tools/call", "prompts/get", "resources/read"),
    "ListPromptsResult": ("prompts/list",),
    "ListResourceTemplatesResult": ("resources/templates/list",),
    "ListResourcesResult": ("resources/list",),
    "ListTasksResult": ("tasks/list",),
    "ListToolsResult": ("tools/list",),
    "ReadResourceResult": ("resources/read",),
    "Result": ("ping", "tools/call"),
    "SubscriptionsListenResult": ("subscriptions/listen",),
}
"""The methods that a server's result answers."""


@dataclass(frozen=True)
class Plant:
    """A value to plant, and forms of it for formats."""

    value: str

    @property
    def text(self):
        """A sentence with the value."""
        return f"it is {self.value}"

    def of_format(self, name):
        """A string of a format that JSON Schema names."""
        if name == "byte":
            return base64.b64encode(b"\xff\xfe" + f"ä {self.text}".encode("utf-16-le")).decode()
        return f"crm:///{self.value.replace(' ', '%20')}/x" if name in {"uri", "uri-template"} else self.text

    @property
    def schema(self):
        """A JSON Schema with the value in texts and in keywords."""
        member = {"type": "string", "description": self.text, "default": self.text, "examples": [self.text]}
        return {
            "type": "object",
            "title": self.text,
            "properties": {self.text: member, "b": {"enum": [self.text], "enumNames": [self.text]}},
            "required": [self.text],
            "x-note": self.text,
        }


class Messages:
    """The messages of one version."""

    def __init__(self, version: str, plant: Plant) -> None:
        self.version = version
        self._plant = plant
        self._definitions = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))

    def of(self, group: str) -> Iterator[tuple[str, object]]:
        """Yield the messages of a group such as ``ClientRequest``, each with the name of its definition."""
        for name in self.names(group):
            for value in self._values({"$ref": name}, 0):
                yield name, value

    def names(self, group: str) -> list[str]:
        """Return the names of a group's definitions; none where a version does not have the group."""
        found = self._definitions.get(group, {})
        if "properties" in found:
            return [group]
        return [each["$ref"].rpartition("/")[2] for each in found.get("anyOf", [found] if found else [])]

    def _values(self, schema, level, key=""):
        """Yield values of a schema: one with all members, and one more for each alternative of a member."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if level < NESTED:
                yield from self._values(self._definitions[name], level + 1, key)
        elif key in SCHEMAS and "properties" in schema:
            yield self._plant.schema
        elif "allOf" in schema:
            joined = {}
            for part in schema["allOf"]:
                joined = merged(joined, self._resolved(part))
            yield from self._values(joined, level, key)
        elif "anyOf" in schema or "oneOf" in schema:
            for each in schema.get("anyOf", schema.get("oneOf")):
                yield from self._values(each, level, key)
        elif isinstance(schema.get("type"), list):
            for each in schema["type"]:
                yield from self._values(schema | {"type": each}, level, key)
        else:
            yield from self._plain(schema, level)

    def _resolved(self, schema):
        return self._definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _plain(self, schema, level):
        if "const" in schema or "enum" in schema:
            yield schema.get("const", (schema.get("enum") or [None])[0])
            return
        match schema.get("type"):
            case "string":
                yield self._plant.of_format(schema.get("format"))
            case "integer" | "number":
                yield 7
            case "boolean":
                yield True
            case "null":
                yield None
            case "array":
                items = list(self._values(schema.get("items", {}), level))
                yield items
            case "object":
                yield from self._objects(schema, level)
            case _:
                yield {"any": self._plant.text, "list": [self._plant.text]}

    def _objects(self, schema, level):
        members = {key: list(self._values(each, level, key)) for key, each in schema.get("properties", {}).items()}
        members = {key: values for key, values in members.items() if values}
        more = schema.get("additionalProperties", not members)
        if more:
            others = list(self._values(more if isinstance(more, dict) else {}, level))
            members |= {f"{self._plant.text} ({number})": [each] for number, each in enumerate(others)}
        whole = {key: values[0] for key, values in members.items()}
        yield whole
        for key, values in members.items():
            for value in values[1:]:
                yield {**whole, key: value}


def merged(one, other):
    """Join two schemas of objects."""
    members = {**one.get("properties", {}), **other.get("properties", {})}
    return {**one, **other, "properties": members}


def places(value, is_planted, path="$"):
    """Yield each string in a value, and each key, with its path.

    Indexes are left out of paths, and keys with a planted value are ``KEY``.
    """
    if isinstance(value, dict):
        for key, each in value.items():
            below = f"{path}.{KEY if is_planted(key) else key}"
            yield f"{below}#", key
            yield from places(each, is_planted, below)
    elif isinstance(value, list):
        for each in value:
            yield from places(each, is_planted, f"{path}[]")
    elif isinstance(value, str):
        yield path, value
