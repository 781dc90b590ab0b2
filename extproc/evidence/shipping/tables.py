"""The ClickHouse tables and views of the evidence. Their statements can be repeated.

``entries`` is the evidence: rows are only added. ``calls`` (one row per call), ``findings`` (one row per finding),
``policies`` (one row per policy revision), ``approval_acts`` (one row per act on an approval), ``session_calls``
and ``sessions`` are views that can be made again from it.

Tables that an older version made are used as they are, so the user of the shipper needs no right to alter one:
what a version adds to an entry without a column is in ``document``, and views read it there (the side of a
finding, the bundles of a policy, the preview of an act). One view is altered: ``calls_feed`` of a version without
acts on approvals would take them for calls.
"""

from dataclasses import fields
from typing import Any

from extproc.model.entries import ACTS, Entry, EntryKind

TEXT, WORD, NUMBER, REAL, WORDS = "String", "LowCardinality(String)", "Int64", "Float64", "Array(String)"
FINDINGS_COLUMN = f"Array(Tuple(entity {WORD}, path String, how {WORD}, count Int64))"

FINDINGS_OF_DOCUMENT = (
    "JSONExtract(document, 'findings', "
    "'Array(Tuple(entity String, path String, how String, count Int64, side String))')"
)
"""The findings of an entry with their sides; a side is empty where the entry does not have it."""

BUNDLES_OF_DOCUMENT = "JSONExtract(document, 'policy_bundles', 'Array(String)')"
"""``name@revision`` of the OPA server's bundles that decided; empty without bundles, and in older entries."""

DEDUPLICATION_WINDOW = 10_000
"""Blocks whose tokens ClickHouse remembers. The shipper repeats only the last block of each writer."""

IDLE_GAP_S = 1_800
"""Seconds that end a session without an id: the caller's next call begins another session."""

_WORD_FIELDS = frozenset(
    (
        *("kind", "connection", "function", "protocol", "method", "issuer", "actor", "action", "reason", "rule"),
        *("policy_revision", "uninspectable", "worker"),
    )
)
_OWN_TYPES = {"findings": FINDINGS_COLUMN, "groups": WORDS, "shadow": WORDS, "approvers": WORDS}
_TYPES: dict[type, str] = {int: NUMBER, float: REAL, str: TEXT}


def _column_type(name: str, python_type: Any) -> str:
    if name in _WORD_FIELDS:
        return WORD
    return _OWN_TYPES.get(name) or _TYPES[python_type]


NO_COLUMNS = frozenset(
    {
        *("policy_bundles", "definition_state", "definition_digest", "definition_accepted_by", "definition_note"),
        *("preview_digest", "approval_use", "denied_by"),
    }
)
"""Fields that are in ``document`` only."""

ENTRY_COLUMNS: dict[str, str] = {
    one.name: _column_type(one.name, one.type) for one in fields(Entry) if one.name not in NO_COLUMNS
}
"""Column name to type, in the order of ``Entry``'s fields."""

LOG_COLUMNS: dict[str, str] = {
    "writer": WORD,
    "seq": NUMBER,
    "leaf_hash": TEXT,
    "document": TEXT,
    "damage": WORD,
}
"""The entry's place in its writer's log. ``leaf_hash`` is lower-case hex, ``document`` holds the bytes that were
hashed, ``damage`` says why a row of the spool could not be read (empty: it could)."""

INSERT_COLUMNS: tuple[str, ...] = (*LOG_COLUMNS, *ENTRY_COLUMNS)


def statements(database: str) -> tuple[str, ...]:
    """Return the statements that create what is missing, in order. Repeating them changes nothing.

    Args:
        database: an identifier, ``[a-z_][a-z0-9_]*`` (the settings allow no other).
    """
    parts = (f"CREATE DATABASE IF NOT EXISTS {database}", ENTRIES, CALLS_STATE, CALLS_FEED, CALLS)
    views = (SESSION_CALLS, SESSIONS, FINDINGS, POLICIES, APPROVAL_ACTS)
    return tuple(part.replace("{db}", database) for part in (*parts, *views))


def renew_feed(database: str) -> str:
    """Return the statement that gives the feed of an older version the query of this one.

    Args:
        database: as above.
    """
    return f"ALTER TABLE {database}.calls_feed MODIFY QUERY {_ALL}".replace("{db}", database)


def feed_again(database: str) -> str:
    """Return a statement that passes a block to ``calls`` again; calls that have it already stay the same.

    ClickHouse fills a table and its dependent tables one after the other: a crash in between leaves entries
    without their calls, and ClickHouse does not pass on a repeated block.

    Args:
        database: as above. The parameters are ``writer``, ``first`` and ``last``.
    """
    span = "writer = {writer:String} AND seq BETWEEN {first:Int64} AND {last:Int64}"
    return f"INSERT INTO {database}.calls_state {_FEED}".replace("{db}", database).replace("{span}", span)


def _columns(columns: dict[str, str]) -> str:
    return ",\n  ".join(f"{name} {type_}" for name, type_ in columns.items())


# Inserts are synced, because the spool deletes shipped entries.
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
"""The columns that a call's row takes from its last entry; the terminal one is always the last."""

NO_ACT = f"NOT startsWith(kind, '{ACTS}')"
"""Leaves out acts on approvals: they belong to a call, and are no steps of it. An older feed does not have it."""
_TERMINAL = "kind NOT IN ('call.held', 'call.decided')"
_RANK = "multiIf(kind IN ('call.held', 'call.decided'), 0, kind = 'call.reported', 1, 2)"
"""The precedence of entries: the guard's own end, then Envoy's report, then earlier entries."""
_LAST = ", ".join(f"toString({name})" if ENTRY_COLUMNS[name] == WORD else name for name in LAST_FIELDS)
_CALLER = "tuple(issuer, subject, if(subject = '', replaceRegexpOne(source, ':[0-9]+$', ''), ''))"

# Each aggregate gives the same result for a block that comes twice, so the state may be fed more than once.
_FEED = f"""
SELECT
  call_id,
  minState(time) AS started,
  maxState(time) AS ended,
  groupUniqArrayState(toString(kind)) AS steps,
  groupUniqArrayArrayState(findings) AS findings,
  argMaxState(tuple({_LAST}), tuple({_RANK}, time, seq)) AS last
FROM {{db}}.entries
WHERE damage = '' AND {NO_ACT} AND {{span}}
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

# The caller chooses the session id, so it counts within one caller only.
# Callers without identity are distinguished by address.
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

# Of terminal entries only: each of them has all findings of its call, and earlier entries repeat some.
FINDINGS = f"""
CREATE OR REPLACE VIEW {{db}}.findings AS
SELECT time, call_id, kind, connection, function, issuer, subject, session,
  finding.entity AS entity, finding.path AS path, finding.how AS how, finding.count AS count, finding.side AS side
FROM {{db}}.entries ARRAY JOIN {FINDINGS_OF_DOCUMENT} AS finding
WHERE damage = '' AND kind IN ({", ".join(f"'{kind}'" for kind in EntryKind if kind.terminal)})
"""  # noqa: S608 - every part is a constant of this file

POLICIES = f"""
CREATE OR REPLACE VIEW {{db}}.policies AS
SELECT policy_revision, argMax({BUNDLES_OF_DOCUMENT}, time_ns) AS bundles, min(time) AS first_used,
  max(time) AS last_used, uniqExact(call_id) AS calls
FROM {{db}}.entries WHERE damage = '' AND {NO_ACT} AND policy_revision != '' GROUP BY policy_revision
"""  # noqa: S608 - every part is a constant of this file

APPROVAL_ACTS = f"""
CREATE OR REPLACE VIEW {{db}}.approval_acts AS
SELECT time, approval_id, call_id, kind, function, connection, issuer, subject, groups, source, reason, detail,
  approval_note AS note, policy_revision, request_sha256 AS digest,
  JSONExtractString(document, 'preview_digest') AS preview_digest, writer, seq
FROM {{db}}.entries WHERE damage = '' AND startsWith(kind, '{ACTS}')
"""  # noqa: S608 - every part is a constant of this file
