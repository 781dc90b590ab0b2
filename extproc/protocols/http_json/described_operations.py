"""What an OpenAPI 3 document says about the arguments and results of its operations.

Arguments are as ``extproc.protocols.http_json.protocol`` makes them: path variables, query parameters and members
of the JSON body under their own names. Read are names alone, for the check of names in policies. Whatever is not
understood (a ``$ref`` into another file, ``if``, ``discriminator``) counts as "anything may be there".
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from extproc.model.json_shape import ANYTHING, CallShape, Described, JsonShape

MAY_ADD_MEMBERS = frozenset(
    {"if", "then", "else", "dependentSchemas", "$dynamicRef", "$recursiveRef", "patternProperties"}
)
"""JSON Schema's keywords that can bring members which this reader does not see."""
COMPOSED = ("allOf", "oneOf", "anyOf")
SHAPING = MAY_ADD_MEMBERS | {
    *COMPOSED,
    "$ref",
    "additionalProperties",
    "const",
    "discriminator",
    "enum",
    "items",
    "prefixItems",
    "properties",
    "type",
}
"""Keywords about a value's shape."""
LEAVES = frozenset({"$ref", "const", "enum", "items", "prefixItems"})
"""Keywords of schemas that have no members of their own."""
SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})
MAX_REFERENCES = 32
"""References that lead to references, one after the other."""


class DescribedCalls:
    """The shapes of one document's calls."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._shapes: dict[int, JsonShape] = {}

    def call(self, item: Mapping[str, Any], operation: Mapping[str, Any], variables: tuple[str, ...]) -> CallShape:
        """Return the shape of one operation's calls. Never raises for a strange document.

        Args:
            item: the path's object, with parameters for all its operations.
            operation: the method's object.
            variables: names of the path template's variables.
        """
        return CallShape(self._arguments(item, operation, variables), self._result(operation))

    def _arguments(
        self, item: Mapping[str, Any], operation: Mapping[str, Any], variables: tuple[str, ...]
    ) -> JsonShape:
        shape = JsonShape(Described.SOME, members=dict.fromkeys(variables, JsonShape()))
        for parameter in (*self._parameters(item), *self._parameters(operation)):
            self._add_parameter(shape, parameter)
        body = self._resolved(operation.get("requestBody"))
        if isinstance(body, dict):
            content = self._content(body)
            shape.alternatives.append(content)
            shape.members.setdefault("body", content)
        return shape

    def _parameters(self, owner: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        given = owner.get("parameters")
        for each in given if isinstance(given, list) else ():
            found = self._resolved(each)
            if isinstance(found, dict) and found.get("in") == "query" and isinstance(found.get("name"), str):
                yield found

    def _add_parameter(self, shape: JsonShape, parameter: Mapping[str, Any]) -> None:
        """Add a query parameter. One of style ``form`` has the members of an object as parameters of their own."""
        schema = self._shape(parameter["schema"]) if "schema" in parameter else JsonShape()
        if parameter.get("style") == "deepObject":
            shape.described = Described.NOTHING
        elif schema.members or schema.alternatives or schema.described is Described.NOTHING:
            shape.alternatives.append(schema)
        shape.members[parameter["name"]] = JsonShape()

    def _result(self, operation: Mapping[str, Any]) -> JsonShape:
        responses = operation.get("responses")
        shape = JsonShape(Described.SOME)
        for each in responses.values() if isinstance(responses, dict) else ():
            response = self._resolved(each)
            if not isinstance(response, dict):
                return ANYTHING
            if response.get("content"):
                shape.alternatives.append(self._content(response))
        return shape if shape.alternatives else ANYTHING

    def _content(self, owner: Mapping[str, Any]) -> JsonShape:
        """The shape of a body: those of all its media types that may be JSON."""
        content = owner.get("content")
        media = content.items() if isinstance(content, dict) else ()
        schemas = [each for name, each in media if "json" in str(name).lower() or "*" in str(name)]
        if not schemas:
            return ANYTHING
        shapes = [self._shape(each.get("schema", {})) if isinstance(each, dict) else ANYTHING for each in schemas]
        return JsonShape(Described.SOME, alternatives=shapes)

    def _resolved(self, value: Any) -> Any:
        """The object that a reference leads to, within this document; None if it leads nowhere."""
        for _ in range(MAX_REFERENCES):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            value = self._at(value["$ref"])
        return None

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        value: Any = self._document
        for part in reference[1:].split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, dict) and name in value:
                value = value[name]
            else:
                return None
        return value

    def _shape(self, schema: Any) -> JsonShape:
        """The shape of a schema. A schema that refers to itself gets one shape that refers to itself."""
        if schema is False:
            return JsonShape()
        siblings = [key for key in schema if key != "$ref"] if isinstance(schema, dict) else []
        if isinstance(schema, dict) and "$ref" in schema and not _says_something(siblings):
            schema = self._resolved(schema)
        if not isinstance(schema, dict):
            return ANYTHING
        known = self._shapes.get(id(schema))
        if known is None:
            known = self._shapes[id(schema)] = JsonShape()
            self._fill(known, schema)
        return known

    def _fill(self, shape: JsonShape, schema: Mapping[str, Any]) -> None:
        shape.described = _described(schema)
        properties = schema.get("properties")
        for name, each in properties.items() if isinstance(properties, dict) else ():
            shape.members[str(name)] = self._shape(each)
        if "$ref" in schema:
            shape.alternatives.append(self._shape({"$ref": schema["$ref"]}))
        for key in COMPOSED:
            self._add_composed(shape, key, schema.get(key))
        self._add_elements(shape, schema)

    def _add_elements(self, shape: JsonShape, schema: Mapping[str, Any]) -> None:
        others = schema.get("additionalProperties")
        if isinstance(others, dict) and others:
            shape.others = self._shape(others)
        prefix = schema.get("prefixItems")
        elements = [
            *(prefix if isinstance(prefix, list) else []),
            *([schema["items"]] if "items" in schema else []),
        ]
        if elements:
            shape.elements = JsonShape(alternatives=[self._shape(each) for each in elements])
        elif "array" in _types(schema):
            shape.elements = ANYTHING

    def _add_composed(self, shape: JsonShape, key: str, parts: Any) -> None:
        """Add the parts of a composed schema. A part of ``allOf`` that says nothing changes nothing."""
        for part in parts if isinstance(parts, list) else ():
            if key != "allOf" or not isinstance(part, dict) or _says_something(part):
                shape.alternatives.append(self._shape(part))


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    given = schema.get("type", [])
    return frozenset(str(each) for each in (given if isinstance(given, list) else [given]))


def _says_something(keys: Iterable[str]) -> bool:
    """True if some key of a schema is about the value's shape."""
    return not SHAPING.isdisjoint(keys)


def _described(schema: Mapping[str, Any]) -> Described:
    """How much a schema by itself says about the value's members."""
    others, types = schema.get("additionalProperties"), _types(schema)
    if not MAY_ADD_MEMBERS.isdisjoint(schema) or others is True or others == {}:
        return Described.NOTHING
    if "discriminator" in schema and not {"oneOf", "anyOf"} & schema.keys():
        return Described.NOTHING
    says = isinstance(others, dict) or not (LEAVES | {*COMPOSED, "properties"}).isdisjoint(schema)
    return Described.SOME if says or (types and types <= SCALARS | {"array"}) else Described.NOTHING
