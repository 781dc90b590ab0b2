"""Settings of an http-json connection."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from extproc.model.errors import ConfigError
from extproc.model.json_shape import CallShape, Descriptions
from extproc.protocols.http_json.function_settings import ANY_METHOD, FunctionSettings
from extproc.protocols.http_json.openapi import read_openapi
from extproc.protocols.http_json.path_templates import (
    Template,
    TemplateError,
    ambiguous,
    parse_template,
    same_paths,
)
from extproc.protocols.http_json.token_rules import token_rules
from extproc.settings.base import FUNCTION_NAME, PathSetting
from extproc.settings.connection import ConnectionSettings, TokenRule


class HttpJsonConnection(ConnectionSettings):
    """A REST-like backend that speaks JSON."""

    protocol: Literal["http-json"]
    """JSON over HTTP."""
    functions: dict[Annotated[str, Field(pattern=FUNCTION_NAME)], FunctionSettings] = Field({})
    """Operations by function name. All others are unknown, and denied."""
    openapi: PathSetting | None = Field(
        None, description="OpenAPI 3 file; each operation becomes a function named by its operationId"
    )

    _described: Descriptions = PrivateAttr(default_factory=Descriptions)
    """The OpenAPI document's operations, by function name."""

    @model_validator(mode="after")
    def _some_function(self) -> "HttpJsonConnection":
        if not self.functions and self.openapi is None:
            raise ValueError("give functions, openapi, or both")
        return self

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of the operations."""
        return tuple(self.functions)

    @property
    def anonymous_functions(self) -> frozenset[str]:
        """The operations with ``identity: none``."""
        return frozenset(name for name, each in self.functions.items() if each.identity == "none")

    @property
    def any_method_functions(self) -> frozenset[str]:
        """The operations with the method ``*``."""
        return frozenset(name for name, each in self.functions.items() if each.method == ANY_METHOD)

    @property
    def wide_functions(self) -> tuple[str, ...]:
        """The operations with the method ``*`` and any rest of a path."""
        any_method = self.any_method_functions
        return tuple(
            name
            for name, each in self.functions.items()
            if name in any_method and parse_template(each.path).has_rest
        )

    @property
    def colon_functions(self) -> tuple[str, ...]:
        """The operations whose path has a segment such as ``:id``."""
        return tuple(name for name, each in self.functions.items() if "/:" in each.path)

    @property
    def token_rules(self) -> tuple[TokenRule, ...]:
        """A rule for each operation without identity, and for those that come before one of these."""
        if not self.anonymous_functions:
            return ()
        return token_rules(self.functions)

    def complete(self) -> Self:
        """Add the OpenAPI document's functions.

        Raises:
            ConfigError: a document that cannot be used, or a function that is in both places.
        """
        if self.openapi is None:
            return self
        if not self.openapi.is_file():
            hint = "paths start at this file's folder"
            raise ConfigError(f"{self.openapi} does not exist", hint=hint, key=("openapi",))
        found = read_openapi(self.openapi)
        for name in self.functions.keys() & found.keys():
            message = f"function {name!r} is in {self.openapi} as well"
            raise ConfigError(message, hint="remove or rename one", key=("functions", name))
        self._described = Descriptions({name: operation.shape for name, operation in found.items()})
        functions = {name: operation.function for name, operation in found.items()}
        return self.model_copy(update={"functions": {**functions, **self.functions}})

    def described_calls(self) -> Mapping[str, CallShape]:
        """Return what the OpenAPI document says about its operations."""
        return self._described.calls

    def problems(self) -> Iterator[ConfigError]:
        """Yield templates that cannot be used, and pairs that one request could match without a clear winner."""
        parsed = []
        for name, function in self.functions.items():
            try:
                parsed.append((name, function, parse_template(function.path)))
            except TemplateError as error:
                yield ConfigError(str(error), key=("functions", name, "path"))
        for (one, first, a), (other, second, b) in combinations(parsed, 2):
            if _without_winner(first.method, a, second.method, b):
                method = second.method if first.method == ANY_METHOD else first.method
                message = f"a {method} request could be {one!r} ({a.text}) or {other!r} ({b.text})"
                hint = "change one path, or keep one of the two"
                yield ConfigError(message, hint=hint, key=("functions", other))


def _without_winner(method: str, template: Template, other_method: str, other: Template) -> bool:
    """True if some request could be either function. On one template, a method comes before any method."""
    if method == other_method:
        return ambiguous(template, other)
    one_is_any = ANY_METHOD in (method, other_method)
    return one_is_any and ambiguous(template, other) and not same_paths(template, other)
