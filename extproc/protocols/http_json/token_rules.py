"""Say for Envoy's jwt_authn which requests need no token: those of operations with ``identity: none``."""

import re
from collections.abc import Iterator

from extproc.protocols.http_json.function_settings import ANY_METHOD, FunctionSettings
from extproc.protocols.http_json.function_table import FunctionTable, Route
from extproc.protocols.http_json.path_templates import Template, overlap
from extproc.settings.connection import TokenRule


def token_rules(functions: dict[str, FunctionSettings]) -> tuple[TokenRule, ...]:
    """Return the rules, the most specific first, as the operations are found."""
    routes = FunctionTable(functions).in_order()
    anonymous = {name for name, each in functions.items() if each.identity == "none"}
    return tuple(_rules(routes, anonymous))


def _rules(routes: list[Route], anonymous: set[str]) -> Iterator[TokenRule]:
    wide = [each for each in routes if each.name in anonymous]
    for route in routes:
        if route.name in anonymous:
            yield _rule(route, needed=False)
        elif any(_meet(route, each) for each in wide):
            yield _rule(route, needed=True)


def _meet(one: Route, other: Route) -> bool:
    """True if some request could be either operation."""
    methods = {one.method, other.method}
    return (len(methods) == 1 or ANY_METHOD in methods) and overlap(one.template, other.template)


def _rule(route: Route, *, needed: bool) -> TokenRule:
    return TokenRule("" if route.method == ANY_METHOD else route.method, _pattern(route.template), needed)


def _pattern(template: Template) -> str:
    """Return the regular expression of a template. Segments may have any bytes here; the guard is stricter."""
    fixed = "".join("/[^/]+" if part is None else "/" + re.escape(part) for part in template.parts)
    return fixed + ("(/.*)?" if template.has_rest else "/?")
