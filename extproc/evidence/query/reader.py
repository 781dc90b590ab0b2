"""Read-only access to the evidence: sessions, the entries of a session or a call, and analysts' own queries."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.evidence.query.sql_guard import KnownFunctions, check_query, load_functions
from extproc.evidence.shipping.clickhouse import ClickHouseClient, Parameters
from extproc.evidence.shipping.tables import BUNDLES_OF_DOCUMENT, ENTRY_COLUMNS, FINDINGS_OF_DOCUMENT
from extproc.model.entries import EntryKind
from extproc.model.errors import QueryError
from extproc.model.units import NANOSECONDS_PER_SECOND

MAX_ROWS = 10_000
MAX_SECONDS = 60.0
MAX_RESULT_BYTES = 32 << 20
"""Bytes of a result's JSON. ClickHouse's own limit counts a column of one repeated value once."""

MAX_MEMORY_BYTES = 512 << 20
QUERIES_AT_ONCE = 2
"""Analysts' own queries that may run at the same time; others are refused."""

MAX_MESSAGE = 500
"""Characters of ClickHouse's error messages that are passed on."""

Row = dict[str, Any]
"""Column name to a value that JSON can hold; times are ISO 8601 in UTC."""

Connect = Callable[[Mapping[str, object]], ClickHouseClient]
"""Opens a client with these ClickHouse settings."""

_SELECTED = (f"{FINDINGS_OF_DOCUMENT} AS findings" if name == "findings" else name for name in ENTRY_COLUMNS)
_IN_DOCUMENT = (
    *(
        f"JSONExtractString(document, 'definition_{name}') AS definition_{name}"
        for name in ("state", "digest", "note")
    ),
    "JSONExtract(document, 'definition_accepted_by', 'Array(String)') AS definition_accepted_by",
    "JSONExtractString(document, 'preview_digest') AS preview_digest",
)
ENTRY_ROW = ", ".join(
    (
        *("time", *_SELECTED, f"{BUNDLES_OF_DOCUMENT} AS policy_bundles", *_IN_DOCUMENT),
        *("writer", "seq", "leaf_hash", "damage"),
    )
)
"""The columns of an entry as it is shown: its findings with their sides, its policy's bundles, the definition."""


DAY_NS = 24 * 3600 * NANOSECONDS_PER_SECOND
RECENT_CALLS = f"""
SELECT call_id, time, function, kind, reason, status FROM {{db}}.entries
WHERE damage = '' AND concat(issuer, '|', subject) = {{caller:String}}
  AND kind IN ({", ".join(f"'{kind}'" for kind in EntryKind if kind.terminal)})
  AND time < fromUnixTimestamp64Nano({{before:Int64}}, 'UTC')
  AND time >= fromUnixTimestamp64Nano({{before:Int64}} - {{day:Int64}}, 'UTC')
ORDER BY time DESC LIMIT {{limit:UInt32}}
"""  # noqa: S608 - our own constants


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of an analyst's own query."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    """True if there are more rows than the limit."""


class EvidenceReader:
    """Reads from ClickHouse; usable from any thread. ClickHouse itself treats its clients as read-only."""

    def __init__(self, connect: Connect, database: str) -> None:
        """Do not connect yet; the first query does.

        Args:
            connect: opens a client; called again after a failure.
            database: holds the evidence.
        """
        self._connect = connect
        self._database = database
        self._client: ClickHouseClient | None = None
        self._functions: KnownFunctions | None = None
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(QUERIES_AT_ONCE)

    def sessions(self, limit: int = 50, subject: str | None = None, function: str | None = None) -> list[Row]:
        """Return the newest sessions, one row each: see ``sessions`` in ``docs/reference/evidence.md``.

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
        """Return a session's entries in order of time; empty if there is no such session.

        Args:
            session_id: as ``sessions`` returns it, or the session id that callers sent; the latter may belong to
                several callers, and then returns the entries of all of them.
            limit: maximum number of rows.

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
        """Return one call's entries in order of time.

        Raises:
            QueryError: ClickHouse did not answer.
        """
        return self._rows(
            f"SELECT {ENTRY_ROW} FROM {{db}}.entries WHERE call_id = {{id:String}}"  # noqa: S608 - as above
            " ORDER BY time, writer, seq LIMIT 1000",
            {"id": call_id},
        )

    def recent_calls(self, caller: str, before_ns: int, limit: int, max_seconds: float) -> list[Row]:
        """Return the ends of a caller's last calls within a day, newest first. Waits for no other query.

        Args:
            caller: ``issuer|subject``.
            before_ns: only calls that ended before, in wall-clock nanoseconds.
            limit: maximum number of rows.
            max_seconds: time limit.

        Raises:
            QueryError: ClickHouse did not answer in time.
        """
        parameters = {"caller": caller, "before": before_ns, "day": DAY_NS, "limit": _bounded(limit)}
        settings = _limits(max_seconds) | {"readonly": 1}
        with _readable_errors(), contextlib.closing(self._connect(settings)) as client:
            filled = RECENT_CALLS.replace("{db}", self._database)
            return [orjson.loads(line) for line in _lines(client, filled, "JSONEachRow", parameters)]

    def query(self, sql: str, limit_rows: int = 1_000, max_seconds: float = 10.0) -> QueryResult:
        """Run an analyst's own SELECT. It can read the evidence only.

        Args:
            sql: one SELECT; unqualified tables are those of the evidence.
            limit_rows: maximum number of rows, at most 10,000.
            max_seconds: time limit, at most 60.

        Raises:
            QueryError: the query is refused, invalid, too slow, or its result is too big.
        """
        rows = _bounded(limit_rows)
        if not self._slots.acquire(blocking=False):
            raise QueryError("too many queries are running; try again in a moment")
        try:
            formatted = self._checked(sql)
            with _readable_errors(), contextlib.closing(self._limited(rows + 1, max_seconds)) as client:
                lines = _lines(client, formatted, "JSONCompactEachRowWithNamesAndTypes", {})
            return _result(lines, rows)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            self._drop()

    def _checked(self, sql: str) -> str:
        with self._lock, _readable_errors():
            functions = self._functions = self._functions or load_functions(self._run)
            return check_query(sql, self._database, functions, self._run, self._explain)

    def _limited(self, rows: int, seconds: float) -> ClickHouseClient:
        settings = _limits(min(max(seconds, 0.1), MAX_SECONDS)) | {"limit": rows, "readonly": 1}
        client = self._connect(settings)
        client.database = self._database
        return client

    def _rows(self, sql: str, parameters: Parameters) -> list[Row]:
        with self._lock, _readable_errors(), self._fresh_after_failure():
            filled = sql.replace("{db}", self._database)
            return [orjson.loads(line) for line in _lines(self._open(), filled, "JSONEachRow", parameters)]

    def _run(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._open().query(sql, parameters=parameters or None).result_rows]

    def _explain(self, sql: str) -> list[str]:
        with contextlib.closing(self._open().raw_stream(sql)) as stream:
            return bytes(stream.read()).decode("utf-8", "replace").splitlines()

    def _open(self) -> ClickHouseClient:
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


def _lines(client: ClickHouseClient, sql: str, fmt: str, parameters: Parameters) -> list[bytes]:
    with contextlib.closing(client.raw_stream(sql, parameters=parameters or None, fmt=fmt)) as stream:
        text = bytes(stream.read(MAX_RESULT_BYTES + 1))
    if len(text) > MAX_RESULT_BYTES:
        raise QueryError(f"the result exceeds its limit of {MAX_RESULT_BYTES >> 20} MiB")
    return text.split(b"\n")[:-1]


def _result(lines: list[bytes], limit: int) -> QueryResult:
    names, types, *rows = map(orjson.loads, lines)
    return QueryResult(tuple(names), tuple(types), tuple(map(tuple, rows[:limit])), truncated=len(rows) > limit)


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Turn whatever the driver raises into one sentence of bounded length."""
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
