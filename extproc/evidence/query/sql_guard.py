"""Whether an analyst's SQL only reads evidence. The engine's own parser is asked; nothing here parses SQL.

Four guards, each enough for most attempts: the text must be one statement for the engine's formatter; that
statement must parse inside parentheses, where only a SELECT without INTO OUTFILE, FORMAT or a second statement
fits; every part of its syntax tree must be on a list; and it runs with ``readonly = 1``, under which the engine
refuses writes, table functions that reach outside, and changes of settings. The list is needed because
``readonly`` alone lets ``INTO OUTFILE``, ``SYSTEM``, ``KILL`` and the function ``file`` through.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.model.errors import QueryError

MAX_SQL = 20_000
"""Characters of one question."""

PURE_CATEGORIES = (
    *("Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times", "Distance"),
    *("Encoding", "Hash", "IP Address", "JSON", "Logical", "Map", "Mathematical", "Null", "Random Number"),
    *("Rounding", "String", "String Replacement", "String Search", "String Splitting", "Time Window", "Tuple"),
    *("Type Conversion", "URL", "UUID"),
)
"""Categories of ``system.functions`` whose functions compute from their arguments alone."""

PURE_NAMES = frozenset(
    (
        *("bar", "exists", "finalizeAggregation", "formatReadableQuantity", "formatReadableSize"),
        *("formatReadableTimeDelta", "identity", "lambda", "materialize", "toTypeName", "transform", "untuple"),
    )
)
"""Of the other categories, and syntax that the tree shows as a function."""

TABLE_FUNCTIONS = frozenset(("numbers", "values", "generate_series", "generateSeries"))
"""Table functions that reach nothing outside the query."""

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
"""Kinds of nodes a question may have. Not among them: settings, and APPLY, which hides the function it applies."""

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

Ask = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]
"""Runs one of our own queries with parameters; returns its rows."""


Explain = Callable[[str], list[str]]
"""Runs an EXPLAIN, to which no FORMAT may be added: it would belong to the explained query. Returns its lines."""


@dataclass(frozen=True, slots=True)
class Functions:
    """What the engine has, by name."""

    pure: frozenset[str]
    aggregates: frozenset[str]
    any_case: frozenset[str]
    """Of both, in lower case: those whose names may be written in any."""
    others: frozenset[str]
    """In lower case: functions that may do more than compute."""

    def knows_pure(self, name: str) -> bool:
        """Whether it computes from its arguments alone; an aggregate may carry combinators."""
        return name in self.pure or name.lower() in self.any_case or self._is_aggregate(name)

    def _is_aggregate(self, name: str) -> bool:
        while name not in self.aggregates and name.lower() not in self.any_case:
            shorter = COMBINATORS.sub("", name)
            if shorter == name:
                return False
            name = shorter
        return True


def load_functions(ask: Ask) -> Functions:
    """Read the engine's own list. An engine that gives no categories gets no functions allowed."""
    rows = ask(
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
    return Functions(frozenset(pure), frozenset(aggregates), frozenset(any_case), frozenset(others))


def inspect(sql: str, database: str, functions: Functions, ask: Ask, explain: Explain) -> str:
    """Make sure that a question only reads evidence.

    Args:
        sql: as the analyst wrote it.
        database: the only one that may be read.
        functions: the engine's.
        ask: runs our queries on a read-only client.
        explain: does the same, for EXPLAIN.

    Returns:
        The same question as the engine formats it: one line, no comments. Run this, not the original.

    Raises:
        QueryError: not one SELECT, or something in it is not allowed.
    """
    if len(sql) > MAX_SQL:
        raise QueryError(f"the query is longer than {MAX_SQL} characters")
    formatted = str(ask("SELECT formatQuerySingleLine({sql:String})", {"sql": sql})[0][0])
    if not formatted.startswith(("SELECT ", "WITH ", "(")):
        raise QueryError("only SELECT is answered here")
    others = {str(name).lower() for (name,) in ask("SELECT name FROM system.databases", {})} | ALWAYS_THERE
    reach = Reach(database, frozenset(others - {database}), functions)
    for node in _nodes(explain(f"EXPLAIN AST SELECT * FROM ({formatted})")):  # noqa: S608 - the parentheses guard
        node.check(reach)
    return formatted


@dataclass(frozen=True, slots=True)
class Reach:
    """What a question may reach."""

    database: str
    """The only one that may be read."""
    others: frozenset[str]
    """All databases but that one, in lower case."""
    functions: Functions


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    name: str
    parent: str
    is_set: bool = False
    """It is the right side of an IN, where a name is a table's."""

    def check(self, reach: Reach) -> None:
        if self.kind not in NODES:
            raise QueryError(f"{self.kind} is not allowed in a query")
        if self.kind == "TableIdentifier" or (self.kind == "Identifier" and self.is_set):
            _check_table(self.name, reach.database)
        if self.kind == "Identifier":
            _check_identifier(self.name, reach)
        if self.kind == "Function":
            self._check_function(reach.functions)

    def _check_function(self, functions: Functions) -> None:
        if self.parent == "TableExpression":
            allowed = self.name in TABLE_FUNCTIONS
        else:
            allowed = functions.knows_pure(self.name)
        if not allowed:
            raise QueryError(f"the function {self.name[:80]} is not allowed in a query")


def _nodes(lines: list[str]) -> Iterator[_Node]:
    """The tree's nodes. A function's arguments are children of the ExpressionList that is its child."""
    above: list[_Node] = []
    arguments: list[int] = []
    for line in lines:
        match = NODE.match(line)
        if match is None:
            raise QueryError("the query holds a name that cannot be read")
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


def _check_identifier(name: str, reach: Reach) -> None:
    """A name may stand for a table (after IN, by an alias too) or for a function (as an argument of another)."""
    for other in reach.others:
        if name.lower().startswith(f"{other}."):
            raise QueryError(f"{other[:80]}.* is not allowed in a query")
    if name.lower() in reach.functions.others and name not in OWN_NAMES:
        raise QueryError(f"{name[:80]} is the name of a function that is not allowed in a query")
