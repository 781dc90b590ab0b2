"""Say whether policy's input can have a key, and what to use instead.

The keys are those of ``input_schema``. A rule that reads any other key never applies, and a deny rule then denies
nothing. So such a policy is refused.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from extproc.policy.contract.input_headers import HIDDEN_REQUEST_HEADERS, HIDDEN_RESPONSE_HEADERS
from extproc.policy.contract.input_settings import InputSettings
from extproc.policy.contract.json_schemas import Schema, input_schema

Path = tuple[str | None, ...]
"""Keys behind ``input``; None where a policy has a variable or a number."""
HEADERS = ("attributes", "request", "http", "headers")
RESPONSE_HEADERS = ("response", "headers")
HIDDEN: Mapping[Path, frozenset[str]] = {
    HEADERS: HIDDEN_REQUEST_HEADERS,
    RESPONSE_HEADERS: HIDDEN_RESPONSE_HEADERS,
}
COUNTS = ("usage", "caller", "function")
ALIKE = 0.6
"""From this similarity on (``difflib``), an unknown key is taken for a misspelled one."""
SUGGESTED = 3
"""Places of the same key that a hint names."""
HEADER = "x-envoy-downstream-service-cluster"
INSTEAD: Mapping[Path, str] = {
    ("attributes", "source", "service"): f"callers can write it (header {HEADER}): use input.source_principal",
    ("attributes", "source", "labels"): "Envoy sends none: use input.source_principal",
    ("attributes", "destination", "service"): "Envoy sends none: use input.connection.name",
    ("attributes", "destination", "labels"): "use input.attributes.contextExtensions, or input.connection.name",
    ("attributes", "destination", "certificate"): "use input.attributes.destination.principal",
    (
        "attributes",
        "metadataContext",
        "typedFilterMetadata",
    ): "have Envoy forward untyped metadata",
    ("attributes", "routeMetadataContext", "typedFilterMetadata"): "have Envoy forward untyped metadata",
    (*HEADERS[:3], "query"): "Envoy leaves it empty: use input.parsed_query",
    (*HEADERS[:3], "fragment"): "Envoy leaves it empty, as no client sends one",
    (*HEADERS[:3], "headerMap"): "use input.attributes.request.http.headers",
}
"""Keys of ext_authz or of other products, each with what to use in its place."""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that the input never has."""

    position: int
    """Its place in the path, from 0."""
    message: str
    hint: str


def unknown_key(path: Path, settings: InputSettings) -> UnknownKey | None:
    """The first key of a path that the input never has; None if it may have all of them.

    Args:
        path: keys behind ``input``.
        settings: of this installation.
    """
    schema = _schema()
    if path[:1] == ("usage",) and not settings.usage and path[1:2] and path[1] in COUNTS:
        return UnknownKey(0, "calls are not counted, so policy's input has no usage", "set policy.usage: true")
    for position, key in enumerate(path):
        if not schema:
            return None
        below = _below(schema, key)
        if below is None:
            return _unknown(path, position, schema)
        if isinstance(key, str) and (hidden := _header(path[:position], key, settings)):
            return UnknownKey(position, *hidden)
        schema = below
    return None


def _below(schema: Schema, key: str | None) -> Schema | None:
    """The schema of a key's value: empty for any value, None if there is no such key."""
    if "properties" in schema:
        return {} if key is None else schema["properties"].get(key)
    if "additionalProperties" in schema:
        return dict(schema["additionalProperties"])
    if "items" in schema:
        return dict(schema["items"]) if key is None else None
    return None


def _unknown(path: Path, position: int, schema: Schema) -> UnknownKey:
    place, key = written(path[:position]), path[position]
    if "properties" not in schema:
        kind = "a list" if "items" in schema else "a single value"
        return UnknownKey(position, f"{place} is {kind}, and has no keys", "see docs/reference/policy.md#input")
    message = f"policy's input has no {written(path[: position + 1])}"
    return UnknownKey(position, message, _hint(path[:position], str(key), schema["properties"]))


def _hint(place: Path, key: str, known: Mapping[str, Any]) -> str:
    if instead := INSTEAD.get((*place, key)):
        return instead
    if close := difflib.get_close_matches(key.lower(), {name.lower() for name in known}, n=1, cutoff=ALIKE):
        (name,) = [name for name in known if name.lower() == close[0]]
        return f"did you mean {written((*place, name))}?"
    if elsewhere := [written(found) for found in _places().get(key, ())[:SUGGESTED]]:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"{written(place)} has {', '.join(sorted(known))}"


def _header(place: Path, name: str, settings: InputSettings) -> tuple[str, str] | None:
    """Message and hint for a header field that policy never sees."""
    if place not in HIDDEN:
        return None
    if name != name.lower():
        return f"header fields have lower-case names, so there is no {name}", f"write {name.lower()}"
    if name not in HIDDEN[place].difference(settings.show_headers):
        return None
    message = f"header field {name} is hidden from policy, because engines may log their input"
    return message, f"use input.identity if that is enough, or set policy.show_headers: [{name}]"


def written(path: Sequence[str | None]) -> str:
    """A path as Rego has it: ``input.attributes["a-b"][_]``."""
    return "input" + "".join(_step(key) for key in path)


def _step(key: str | None) -> str:
    if key is None:
        return "[_]"
    return f".{key}" if key.isidentifier() else f'["{key}"]'


@cache
def _schema() -> Schema:
    return input_schema()


@cache
def _places() -> Mapping[str, tuple[Path, ...]]:
    """Every key of the schema, with the paths at which it is."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(_paths(_schema(), ()), key=len):
        found[str(path[-1])] = (*found.get(str(path[-1]), ()), path)
    return found


def _paths(schema: Schema, place: Path) -> Iterator[Path]:
    for name, below in schema.get("properties", {}).items():
        yield (*place, name)
        yield from _paths(below, (*place, name))
