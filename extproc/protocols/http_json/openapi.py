"""Make functions of the operations of an OpenAPI 3 document.

It reads ``servers``, ``paths``, methods and ``operationId``; parameters and schemas only for the check of names in
policies, see ``extproc.protocols.http_json.described_operations``. No call is checked against them. A path item
that is a ``$ref`` is refused: its operations would silently be missing.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

from extproc.codecs.located_yaml import KeyPath, LocatedDocument, load_located
from extproc.model.errors import ConfigError, SourceLocation
from extproc.model.json_shape import CallShape
from extproc.protocols.http_json.described_operations import DescribedCalls
from extproc.protocols.http_json.function_settings import ANY_METHOD, FunctionSettings
from extproc.protocols.http_json.path_templates import TemplateError, parse_template
from extproc.settings.base import FUNCTION_NAME

METHODS = {
    method.lower(): method
    for method in get_args(FunctionSettings.model_fields["method"].annotation)
    if method not in (ANY_METHOD, "OPTIONS")
}
"""OpenAPI's spelling → HTTP's. OPTIONS and TRACE of a document are never functions."""


class Operation(NamedTuple):
    """One operation of a document."""

    function: FunctionSettings
    shape: CallShape
    """What the document says about its arguments and result."""


def read_openapi(file: Path) -> dict[str, Operation]:
    """Return the operations of an OpenAPI 3 document, by function name: their operationId.

    An operation without an operationId is named by its method and path: ``get_customers_id``.

    Raises:
        ConfigError: not OpenAPI 3, or an operation that cannot be a function; with file and line.
    """
    document = load_located(file)
    version = document.data.get("openapi") if isinstance(document.data, dict) else None
    if not isinstance(version, str) or not version.startswith("3."):
        raise ConfigError(
            "not an OpenAPI 3 document", document.place(("openapi",)), "it begins with: openapi: 3.1.0"
        )
    operations: dict[str, Operation] = {}
    places: dict[str, SourceLocation] = {}
    for name, operation, path in _operations(document):
        if name in operations:
            raise ConfigError(
                f"function name {name!r} is used twice",
                document.place(path),
                f"the first is at {places[name]}: give each an operationId of its own;"
                " without one, an operation is named by its method and path",
            )
        operations[name], places[name] = operation, document.place(path)
    if not operations:
        raise ConfigError("no operations found", document.place(("paths",)))
    return operations


def _operations(document: LocatedDocument) -> Iterator[tuple[str, Operation, KeyPath]]:
    root, described = _base_path(document, document.data, ()), DescribedCalls(document.data)
    for template, item in _mapping(document, document.data, ("paths",)).items():
        item_path: KeyPath = ("paths", template)
        _mapping(document, document.data["paths"], item_path)
        if "$ref" in item:
            raise ConfigError(
                "$ref is not supported for a path", document.place((*item_path, "$ref")), "inline it"
            )
        base = _base_path(document, item, item_path, default=root)
        for method in [each for each in METHODS if each in item]:
            path: KeyPath = (*item_path, method)
            operation = _mapping(document, item, path)
            full = _base_path(document, operation, path, default=base) + template
            function, variables = _function(document, method, full, path)
            shape = described.call(item, operation, variables)
            yield _name(document, operation, method, full, path), Operation(function, shape), path


def _mapping(document: LocatedDocument, parent: Any, path: KeyPath) -> dict[str, Any]:
    value = parent.get(path[-1])
    if not isinstance(value, dict):
        raise ConfigError(f"{path[-1]!r} must be a mapping", document.place(path))
    return value


def _base_path(document: LocatedDocument, owner: dict[str, Any], path: KeyPath, default: str = "") -> str:
    """Return the path of the servers' URLs (OpenAPI 3.1 section 4.8.5). It must be the same in all."""
    servers = owner.get("servers")
    if not servers:
        return default
    place = document.place((*path, "servers"))
    try:
        bases = {str(urlsplit(server["url"]).path).rstrip("/") for server in servers}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ConfigError("servers must be a list of mappings with a url", place) from error
    if len(bases) > 1:
        raise ConfigError("the servers have different base paths", place, "keep the one that this backend has")
    return bases.pop()


def _function(
    document: LocatedDocument, method: str, full: str, path: KeyPath
) -> tuple[FunctionSettings, tuple[str, ...]]:
    """Return the function, and the names of its path's variables."""
    try:
        variables = parse_template(full).variables
    except TemplateError as error:
        raise ConfigError(str(error), document.place(path)) from error
    return FunctionSettings.model_validate({"method": METHODS[method], "path": full}), variables


def _name(document: LocatedDocument, operation: dict[str, Any], method: str, full: str, path: KeyPath) -> str:
    given = operation.get("operationId", re.sub(r"[^A-Za-z0-9]+", "_", f"{method}_{full}").strip("_"))
    if isinstance(given, str) and re.fullmatch(FUNCTION_NAME, given):
        return given
    place = document.place((*path, "operationId"))
    if "operationId" not in operation:
        raise ConfigError("no operationId, and its method and path make no function name", place, "give it one")
    expected = "letters, digits, and _ . / -; the first is a letter or _; at most 128 characters"
    raise ConfigError("the operationId cannot be a function name", place, f"expected: {expected}")
