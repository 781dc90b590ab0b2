"""What analysts ask the evidence: sessions, one session's entries, their own queries. Reads only."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.evidence.query.sql_guard import Functions, inspect, load_functions
from extproc.evidence.shipping.tables import ENTRY_COLUMNS
from extproc.model.errors import QueryError

MAX_ROWS = 10_000
MAX_SECONDS = 60.0
MAX_RESULT_BYTES = 32 << 20
"""Of an answer's JSON. The engine's own limit is not enough: a column of one repeated value counts once there."""

MAX_MEMORY_BYTES = 512 << 20
QUERIES_AT_ONCE = 2
"""Analysts' own queries that run at the same time; more are refused."""

MAX_MESSAGE = 500
"""Characters of the engine's words that are passed on."""

Row = dict[str, Any]
"""Column name to a value that JSON can hold; times are ISO 8601 in UTC."""

Connect = Callable[[Mapping[str, object]], Any]
"""Opens a client with these ClickHouse settings."""

ENTRY_ROW = ", ".join(("time", *ENTRY_COLUMNS, "writer", "seq", "leaf_hash", "damage"))


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of an analyst's own query."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    """Whether there are more rows than were asked for."""


class EvidenceReader:
    """Answers from ClickHouse, from any thread. Every client it opens is read-only for the engine too."""

    def __init__(self, connect: Connect, database: str) -> None:
        """Connect at the first question.

        Args:
            connect: opens a client; called again after a failure.
            database: where the evidence is.
        """
        self._connect = connect
        self._database = database
        self._client: Any = None
        self._functions: Functions | None = None
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(QUERIES_AT_ONCE)

    def sessions(self, limit: int = 50, subject: str | None = None, function: str | None = None) -> list[Row]:
        """The newest sessions, one row each: see ``sessions`` in ``docs/reference/evidence.md``.

        Raises:
            QueryError: ClickHouse did not answer.
        """
        return self._rows(
            "SELECT * FROM {db}.sessions WHERE ({subject:String} = '' OR subject = {subject:String})"
            " AND ({function:String} = '' OR has(functions, {function:String}))"
            " ORDER BY started DESC, session_id LIMIT {limit:UInt32}",
            {"subject": subject or "", "function": function or "", "limit": _bounded(limit)},
        )

    def session(self, session_id: str, limit: int = MAX_ROWS) -> list[Row]:
        """A session's entries in order of time; empty when there is no such session.

        Args:
            session_id: as ``sessions`` gives it, or the session id that the caller sent; the latter may belong
                to several callers, and gives the entries of all.
            limit: most rows.

        Raises:
            QueryError: ClickHouse did not answer.
        """
        return self._rows(
            f"SELECT {ENTRY_ROW} FROM {{db}}.entries WHERE call_id IN"  # noqa: S608 - our own column names
            " (SELECT call_id FROM {db}.session_calls WHERE session_id = {id:String}"
            " OR (session != '' AND session = {id:String}))"
            " ORDER BY time, writer, seq LIMIT {limit:UInt32}",
            {"id": session_id, "limit": _bounded(limit)},
        )

    def call(self, call_id: str) -> list[Row]:
        """One call's entries in order of time.

        Raises:
            QueryError: ClickHouse did not answer.
        """
        return self._rows(
            f"SELECT {ENTRY_ROW} FROM {{db}}.entries WHERE call_id = {{id:String}}"  # noqa: S608 - as above
            " ORDER BY time, writer, seq LIMIT 1000",
            {"id": call_id},
        )

    def query(self, sql: str, limit_rows: int = 1_000, max_seconds: float = 10.0) -> QueryResult:
        """Run an analyst's own SELECT over the evidence, and over nothing else.

        Args:
            sql: one SELECT; unqualified tables are those of the evidence.
            limit_rows: most rows of the answer, at most 10,000.
            max_seconds: until the engine gives up, at most 60.

        Raises:
            QueryError: refused, too big, too slow, or what the engine says is wrong with it.
        """
        rows = _bounded(limit_rows)
        if not self._slots.acquire(blocking=False):
            raise QueryError("too many queries are running; try again in a moment")
        try:
            formatted = self._inspect(sql)
            with _readable_errors(), contextlib.closing(self._limited(rows + 1, max_seconds)) as client:
                lines = _lines(client, formatted, "JSONCompactEachRowWithNamesAndTypes", {})
            return _result(lines, rows)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            self._drop()

    def _inspect(self, sql: str) -> str:
        with self._lock, _readable_errors():
            functions = self._functions = self._functions or load_functions(self._ask)
            return inspect(sql, self._database, functions, self._ask, self._explain)

    def _limited(self, rows: int, seconds: float) -> Any:
        settings = _limits(min(max(seconds, 0.1), MAX_SECONDS)) | {"limit": rows, "readonly": 1}
        client = self._connect(settings)
        client.database = self._database
        return client

    def _rows(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        with self._lock, _readable_errors(), self._fresh_after_failure():
            filled = sql.replace("{db}", self._database)
            return [orjson.loads(line) for line in _lines(self._open(), filled, "JSONEachRow", parameters)]

    def _ask(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return list(self._open().query(sql, parameters=parameters or None).result_rows)

    def _explain(self, sql: str) -> list[str]:
        with contextlib.closing(self._open().raw_stream(sql)) as stream:
            return bytes(stream.read()).decode("utf-8", "replace").splitlines()

    def _open(self) -> Any:
        if self._client is None:
            self._client = self._connect(_limits(MAX_SECONDS) | {"readonly": 1})
        return self._client

    @contextlib.contextmanager
    def _fresh_after_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._drop()
            raise

    def _drop(self) -> None:
        with contextlib.suppress(Exception):
            if self._client is not None:
                self._client.close()
        self._client = None


def _limits(seconds: float) -> dict[str, object]:
    return {
        "max_execution_time": seconds,
        "max_memory_usage": MAX_MEMORY_BYTES,
        "max_result_bytes": MAX_RESULT_BYTES,
        "max_threads": 2,
        "date_time_output_format": "iso",
    }


def _bounded(limit: int) -> int:
    return min(max(limit, 1), MAX_ROWS)


def _lines(client: Any, sql: str, fmt: str, parameters: dict[str, Any]) -> list[bytes]:
    with contextlib.closing(client.raw_stream(sql, parameters=parameters or None, fmt=fmt)) as stream:
        text = bytes(stream.read(MAX_RESULT_BYTES + 1))
    if len(text) > MAX_RESULT_BYTES:
        raise QueryError(f"the answer exceeds its limit of {MAX_RESULT_BYTES >> 20} MiB")
    return text.split(b"\n")[:-1]


def _result(lines: list[bytes], limit: int) -> QueryResult:
    names, types, *rows = map(orjson.loads, lines)
    return QueryResult(tuple(names), tuple(types), tuple(map(tuple, rows[:limit])), truncated=len(rows) > limit)


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Whatever the driver raises becomes one sentence of bounded length."""
    try:
        yield
    except QueryError:
        raise
    except Exception as error:
        raise QueryError(_sentence(str(error))) from error


def _sentence(message: str) -> str:
    line = " ".join(message.split())
    for noise in ("Code: ", "DB::Exception: "):
        line = line.rpartition(noise)[2] if noise in line[:80] else line
    return (line or "ClickHouse did not answer")[:MAX_MESSAGE]
