"""ClickHouse's side of evidence: tables and views, made as often as you like.

``entries`` is the evidence: append-only, never merged into anything else. ``calls`` (one row per call),
``session_calls`` and ``sessions`` are conveniences over it that can be made again from it.
"""

from dataclasses import fields
from typing import Any

from extproc.model.entries import Entry

TEXT, WORD, NUMBER, REAL, WORDS = "String", "LowCardinality(String)", "Int64", "Float64", "Array(String)"
FINDINGS = f"Array(Tuple(entity {WORD}, path String, how {WORD}, count Int64))"

DEDUPLICATION_WINDOW = 10_000
"""Blocks that ClickHouse remembers. The shipper repeats only the last block of each writer."""

IDLE_GAP_S = 1_800
"""Calls without a session id belong together until their caller pauses for this long."""

_WORD_FIELDS = frozenset(
    (
        *("kind", "connection", "function", "protocol", "method", "issuer", "actor", "action", "reason", "rule"),
        *("policy_revision", "uninspectable", "worker"),
    )
)
_OWN_TYPES = {"findings": FINDINGS, "groups": WORDS, "shadow": WORDS, "approvers": WORDS}
_TYPES: dict[type, str] = {int: NUMBER, float: REAL, str: TEXT}


def _column_type(name: str, python_type: Any) -> str:
    if name in _WORD_FIELDS:
        return WORD
    return _OWN_TYPES.get(name) or _TYPES[python_type]


ENTRY_COLUMNS: dict[str, str] = {one.name: _column_type(one.name, one.type) for one in fields(Entry)}
"""Column name to type, in the order of ``Entry``'s fields."""

LOG_COLUMNS: dict[str, str] = {
    "writer": WORD,
    "seq": NUMBER,
    "leaf_hash": TEXT,
    "document": TEXT,
    "damage": WORD,
}
"""Where the entry stands in its writer's log. ``leaf_hash`` is lower-case hex; ``document`` is the bytes that were
hashed; ``damage`` says why a row of the spool could not be read, and is empty otherwise."""

INSERT_COLUMNS: tuple[str, ...] = (*LOG_COLUMNS, *ENTRY_COLUMNS)


def statements(database: str) -> tuple[str, ...]:
    """Everything that must exist, in order. Repeating them changes nothing.

    Args:
        database: an identifier, ``[a-z_][a-z0-9_]*`` (the configuration's schema holds it to that).
    """
    parts = (f"CREATE DATABASE IF NOT EXISTS {database}", ENTRIES, CALLS_STATE, CALLS_FEED, CALLS)
    return tuple(part.replace("{db}", database) for part in (*parts, SESSION_CALLS, SESSIONS))


def feed_again(database: str) -> str:
    """A statement that feeds ``calls`` once more with a block; what it has already stays as it is.

    ClickHouse fills a table and what depends on it one after the other: a crash in between leaves the entries
    without their calls, and a repeated block is not passed on.

    Args:
        database: as above. The parameters are ``writer``, ``first`` and ``last``.
    """
    span = "writer = {writer:String} AND seq BETWEEN {first:Int64} AND {last:Int64}"
    return f"INSERT INTO {database}.calls_state {_FEED}".replace("{db}", database).replace("{span}", span)


def _columns(columns: dict[str, str]) -> str:
    return ",\n  ".join(f"{name} {type_}" for name, type_ in columns.items())


# Synced, because the spool deletes what is shipped.
ENTRIES = f"""
CREATE TABLE IF NOT EXISTS {{db}}.entries (
  {_columns(LOG_COLUMNS)},
  {_columns(ENTRY_COLUMNS)},
  time DateTime64(9, 'UTC') DEFAULT fromUnixTimestamp64Nano(time_ns, 'UTC'),
  shipped_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
  INDEX by_call call_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_seq seq TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, writer, seq)
SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW},
  fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
"""

_NOT_IN_CALLS = ("call_id", "time_ns", "findings", "arguments", "response", "request_sha256", "response_sha256")
LAST_FIELDS = tuple(name for name in ENTRY_COLUMNS if name not in _NOT_IN_CALLS)
"""What a call's row takes from its last entry; the one that ends the call is always the last."""

_TERMINAL = "kind NOT IN ('call.held', 'call.decided')"
_RANK = "multiIf(kind IN ('call.held', 'call.decided'), 0, kind = 'call.reported', 1, 2)"
"""Whose word counts most: the guard's own end, then Envoy's report, then what came before."""
_LAST = ", ".join(f"toString({name})" if ENTRY_COLUMNS[name] == WORD else name for name in LAST_FIELDS)
_CALLER = "tuple(issuer, subject, if(subject = '', replaceRegexpOne(source, ':[0-9]+$', ''), ''))"

# Each aggregate gives the same for a block that comes twice: the state needs no exactly-once of its own.
_FEED = f"""
SELECT
  call_id,
  minState(time) AS started,
  maxState(time) AS ended,
  groupUniqArrayState(toString(kind)) AS steps,
  groupUniqArrayArrayState(findings) AS findings,
  argMaxState(tuple({_LAST}), tuple({_RANK}, time, seq)) AS last
FROM {{db}}.entries
WHERE damage = '' AND {{span}}
GROUP BY call_id
"""  # noqa: S608 - every part is a constant of this file
_ALL = _FEED.replace("{span}", "1")

CALLS_STATE = f"""
CREATE TABLE IF NOT EXISTS {{db}}.calls_state
ENGINE = AggregatingMergeTree ORDER BY call_id
EMPTY AS {_ALL}
"""

CALLS_FEED = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.calls_feed TO {{db}}.calls_state AS {_ALL}"

CALLS = f"""
CREATE OR REPLACE VIEW {{db}}.calls AS
SELECT call_id, started, ended, steps, findings, {_TERMINAL} AS finished,
  {", ".join(f"tupleElement(last, {number}) AS {name}" for number, name in enumerate(LAST_FIELDS, 1))}
FROM (
  SELECT call_id, minMerge(started) AS started, maxMerge(ended) AS ended,
    arraySort(groupUniqArrayMerge(steps)) AS steps,
    arraySort(groupUniqArrayArrayMerge(findings)) AS findings, argMaxMerge(last) AS last
  FROM {{db}}.calls_state GROUP BY call_id
)
"""  # noqa: S608 - every part is a constant of this file

# A session id is what the caller says it is, so it counts within one caller only.
# Callers without identity are told apart by address.
SESSION_CALLS = f"""
CREATE OR REPLACE VIEW {{db}}.session_calls AS
SELECT * EXCEPT (caller, fresh, run, opening),
  if(session != '',
    concat('s-', substring(lower(hex(sipHash128(issuer, subject, tupleElement(caller, 3), session))), 1, 20)),
    concat('i-', substring(lower(hex(sipHash128(opening))), 1, 20))) AS session_id
FROM (
  SELECT *, first_value(call_id) OVER (PARTITION BY caller, session, run ORDER BY started, call_id) AS opening
  FROM (
    SELECT *, sum(fresh) OVER (PARTITION BY caller, session ORDER BY started, call_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
    FROM (
      SELECT *,
        {_CALLER} AS caller,
        toUInt8(session = '' AND dateDiff('second',
          max(ended) OVER (PARTITION BY {_CALLER}, session ORDER BY started, call_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
          started) > {IDLE_GAP_S}) AS fresh
      FROM {{db}}.calls
    )
  )
)
"""  # noqa: S608 - every part is a constant of this file

SESSIONS = """
CREATE OR REPLACE VIEW {db}.sessions AS
SELECT session_id, any(session) AS session, any(issuer) AS issuer, any(subject) AS subject,
  groupUniqArrayIf(8)(actor, actor != '') AS actors, min(started) AS started, max(ended) AS ended,
  count() AS calls, countIf(kind = 'call.denied') AS denied, countIf(has(steps, 'call.held')) AS held,
  countIf(kind = 'call.failed') AS failed, countIf(NOT finished) AS open,
  arraySort(groupUniqArray(32)(function)) AS functions, max(risk) AS risk,
  sum(arraySum(one -> one.count, findings)) AS findings
FROM {db}.session_calls GROUP BY session_id
"""
