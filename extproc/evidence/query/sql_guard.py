"""Checks that an analyst's SQL only reads evidence. ClickHouse's own parser is used; nothing here parses SQL.

Four checks, each of which alone stops most attempts:

1. The text must be one statement for ClickHouse's formatter.
2. That statement must parse inside parentheses, where only a SELECT without INTO OUTFILE, FORMAT or a second
   statement is valid.
3. Every node of its syntax tree must be on a list of allowed kinds, functions and tables.
4. It runs with ``readonly = 1``, under which ClickHouse refuses writes, table functions that reach outside, and
   changes of settings.

The third check is needed because ``readonly`` alone allows ``INTO OUTFILE``, ``SYSTEM``, ``KILL`` and the function
``file``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.model.errors import QueryError

MAX_SQL = 20_000
"""Characters of a query."""

PURE_CATEGORIES = (
    *("Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times", "Distance"),
    *("Encoding", "Hash", "IP Address", "JSON", "Logical", "Map", "Mathematical", "Null", "Random Number"),
    *("Rounding", "String", "String Replacement", "String Search", "String Splitting", "Time Window", "Tuple"),
    *("Type Conversion", "URL", "UUID"),
)
"""Categories of ``system.functions`` whose functions only compute from their arguments."""

PURE_NAMES = frozenset(
    (
        *("bar", "exists", "finalizeAggregation", "formatReadableQuantity", "formatReadableSize"),
        *("formatReadableTimeDelta", "identity", "lambda", "materialize", "toTypeName", "transform", "untuple"),
    )
)
"""Pure functions of other categories, and syntax that the tree shows as a function."""

TABLE_FUNCTIONS = frozenset(("numbers", "values", "generate_series", "generateSeries"))
"""Table functions that read nothing outside the query."""

COMBINATORS = re.compile(
    "(If|Array|Map|SimpleState|State|Merge|MergeState|ForEach|Distinct|OrDefault|OrNull|Resample|ArgMin|ArgMax)$"
)

NODES = frozenset(
    (
        *("ArrayJoin", "Asterisk", "ColumnsExceptTransformer", "ColumnsListMatcher", "ColumnsRegexpMatcher"),
        *("ColumnsTransformerList", "ExpressionList", "Function", "Identifier", "Literal", "OrderByElement"),
        *("QualifiedAsterisk", "QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher"),
        *("SelectIntersectExceptQuery", "SelectQuery", "SelectWithUnionQuery", "Subquery", "TableExpression"),
        *("TableIdentifier", "TableJoin", "TablesInSelectQuery", "TablesInSelectQueryElement"),
        *("WindowDefinition", "WindowListElement", "WithElement"),
    )
)
"""Allowed kinds of nodes. Not among them: settings, and APPLY, which hides the function that it applies."""

ALWAYS_THERE = frozenset(("system", "information_schema"))
SET_FUNCTIONS = frozenset(
    f"{where}{kind}{ignore}".lower()
    for where in ("", "global")
    for kind in ("In", "NotIn", "NullIn", "NotNullIn")
    for ignore in ("", "IgnoreSet")
)
"""Functions whose second argument may name a table, in lower case."""

NODE = re.compile(r"^( *)([A-Za-z]+)(?: (.*?))??(?: \(alias .*\))?(?: \(children \d+\))?$")

OWN_NAMES = frozenset(INSERT_COLUMNS)

RunQuery = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]
"""Runs one of our own queries with parameters, on a read-only client; returns its rows."""

RunExplain = Callable[[str], list[str]]
"""Runs an EXPLAIN, to which no FORMAT may be added: it would belong to the explained query. Returns its lines."""


@dataclass(frozen=True, slots=True)
class KnownFunctions:
    """The functions of this ClickHouse, by name."""

    pure: frozenset[str]
    aggregates: frozenset[str]
    any_case: frozenset[str]
    """Pure functions and aggregates whose names may be written in any case; here in lower case."""
    others: frozenset[str]
    """Functions that may do more than compute, in lower case."""

    def is_pure(self, name: str) -> bool:
        """Return whether a function only computes from its arguments; an aggregate may have combinators."""
        return name in self.pure or name.lower() in self.any_case or self._is_aggregate(name)

    def _is_aggregate(self, name: str) -> bool:
        while name not in self.aggregates and name.lower() not in self.any_case:
            shorter = COMBINATORS.sub("", name)
            if shorter == name:
                return False
            name = shorter
        return True


def load_functions(run: RunQuery) -> KnownFunctions:
    """Read ClickHouse's list of functions. A ClickHouse without categories has no allowed functions."""
    rows = run(
        "SELECT name, is_aggregate, hasAny(splitByString(', ', categories), {pure:Array(String)}) OR alias_to IN ("
        " SELECT name FROM system.functions WHERE hasAny(splitByString(', ', categories), {pure:Array(String)}))"
        " AS pure, origin = 'System', case_insensitive FROM system.functions",
        {"pure": list(PURE_CATEGORIES)},
    )
    aggregates = {str(name) for name, aggregate, _, ours, _ in rows if aggregate and ours}
    pure = {str(name) for name, aggregate, is_pure, ours, _ in rows if is_pure and ours and not aggregate}
    pure |= PURE_NAMES
    known = pure | aggregates
    any_case = {str(name).lower() for name, *_, insensitive in rows if insensitive and name in known}
    others = {str(name).lower() for name, *_ in rows} - {name.lower() for name in known}
    return KnownFunctions(frozenset(pure), frozenset(aggregates), frozenset(any_case), frozenset(others))


def check_query(sql: str, database: str, functions: KnownFunctions, run: RunQuery, explain: RunExplain) -> str:
    """Refuse a query that does more than read evidence.

    Args:
        sql: as the analyst wrote it.
        database: the only database that may be read.
        functions: of this ClickHouse.
        run: runs our own queries.
        explain: runs an EXPLAIN.

    Returns:
        The query as ClickHouse formats it: one line, no comments. Run this text, not the original.

    Raises:
        QueryError: the text is not one SELECT, or contains something that is not allowed.
    """
    if len(sql) > MAX_SQL:
        raise QueryError(f"the query is longer than {MAX_SQL} characters")
    formatted = str(run("SELECT formatQuerySingleLine({sql:String})", {"sql": sql})[0][0])
    if not formatted.startswith(("SELECT ", "WITH ", "(")):
        raise QueryError("only SELECT is answered here")
    others = {str(name).lower() for (name,) in run("SELECT name FROM system.databases", {})} | ALWAYS_THERE
    scope = QueryScope(database, frozenset(others - {database}), functions)
    for node in _nodes(explain(f"EXPLAIN AST SELECT * FROM ({formatted})")):  # noqa: S608 - the parentheses guard
        node.check(scope)
    return formatted


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The tables and functions that a query may use."""

    database: str
    """The only database that may be read."""
    others: frozenset[str]
    """All other databases, in lower case."""
    functions: KnownFunctions


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    name: str
    parent: str
    is_set: bool = False
    """True on the right side of an IN, where a name is a table's."""

    def check(self, scope: QueryScope) -> None:
        if self.kind not in NODES:
            raise QueryError(f"{self.kind} is not allowed in a query")
        if self.kind == "TableIdentifier" or (self.kind == "Identifier" and self.is_set):
            _check_table(self.name, scope.database)
        if self.kind == "Identifier":
            _check_identifier(self.name, scope)
        if self.kind == "Function":
            self._check_function(scope.functions)

    def _check_function(self, functions: KnownFunctions) -> None:
        if self.parent == "TableExpression":
            allowed = self.name in TABLE_FUNCTIONS
        else:
            allowed = functions.is_pure(self.name)
        if not allowed:
            raise QueryError(f"the function {self.name[:80]} is not allowed in a query")


def _nodes(lines: list[str]) -> Iterator[_Node]:
    """Yield the tree's nodes. A function's arguments are children of the ExpressionList that is its child."""
    above: list[_Node] = []
    arguments: list[int] = []
    for line in lines:
        match = NODE.match(line)
        if match is None:
            raise QueryError("the query contains a name that cannot be read")
        depth, kind, name = len(match[1]), match[2], match[3] or ""
        del above[depth:], arguments[depth:]
        if arguments:
            arguments[-1] += 1
        within = above[-2] if len(above) > 1 and above[-1].kind == "ExpressionList" else None
        is_set = within is not None and within.name.lower() in SET_FUNCTIONS and arguments[-1] > 1
        node = _Node(kind, name, above[-1].kind if above else "", is_set)
        yield node
        above += [node] * (depth + 1 - len(above))
        arguments += [0] * (depth + 1 - len(arguments))


def _check_table(name: str, database: str) -> None:
    if "." in name and not name.startswith(f"{database}."):
        raise QueryError(f"only tables of {database} can be read")


def _check_identifier(name: str, scope: QueryScope) -> None:
    """Refuse the name of a foreign table (after IN, or by an alias) or of a function (as an argument)."""
    for other in scope.others:
        if name.lower().startswith(f"{other}."):
            raise QueryError(f"{other[:80]}.* is not allowed in a query")
    if name.lower() in scope.functions.others and name not in OWN_NAMES:
        raise QueryError(f"{name[:80]} is the name of a function that is not allowed in a query")
