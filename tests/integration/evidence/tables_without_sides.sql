CREATE DATABASE IF NOT EXISTS {db};
CREATE TABLE IF NOT EXISTS {db}.entries (
  writer LowCardinality(String),
  seq Int64,
  leaf_hash String,
  document String,
  damage LowCardinality(String),
  kind LowCardinality(String),
  call_id String,
  time_ns Int64,
  request_id String,
  source String,
  connection LowCardinality(String),
  function LowCardinality(String),
  protocol LowCardinality(String),
  method LowCardinality(String),
  path String,
  session String,
  issuer LowCardinality(String),
  subject String,
  groups Array(String),
  actor LowCardinality(String),
  action LowCardinality(String),
  reason LowCardinality(String),
  rule LowCardinality(String),
  risk Int64,
  detail String,
  shadow Array(String),
  policy_revision LowCardinality(String),
  uninspectable LowCardinality(String),
  arguments String,
  response String,
  request_bytes Int64,
  request_sha256 String,
  response_bytes Int64,
  response_sha256 String,
  status Int64,
  findings Array(Tuple(entity LowCardinality(String), path String, how LowCardinality(String), count Int64)),
  approval_id String,
  approvers Array(String),
  approval_note String,
  held_ms Float64,
  duration_ms Float64,
  worker LowCardinality(String),
  time DateTime64(9, 'UTC') DEFAULT fromUnixTimestamp64Nano(time_ns, 'UTC'),
  shipped_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
  INDEX by_call call_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_seq seq TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, writer, seq)
SETTINGS non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1;
CREATE TABLE IF NOT EXISTS {db}.calls_state
ENGINE = AggregatingMergeTree ORDER BY call_id
EMPTY AS 
SELECT
  call_id,
  minState(time) AS started,
  maxState(time) AS ended,
  groupUniqArrayState(toString(kind)) AS steps,
  groupUniqArrayArrayState(findings) AS findings,
  argMaxState(tuple(toString(kind), request_id, source, toString(connection), toString(function), toString(protocol), toString(method), path, session, toString(issuer), subject, groups, toString(actor), toString(action), toString(reason), toString(rule), risk, detail, shadow, toString(policy_revision), toString(uninspectable), request_bytes, response_bytes, status, approval_id, approvers, approval_note, held_ms, duration_ms, toString(worker)), tuple(multiIf(kind IN ('call.held', 'call.decided'), 0, kind = 'call.reported', 1, 2), time, seq)) AS last
FROM {db}.entries
WHERE damage = '' AND 1
GROUP BY call_id;
CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.calls_feed TO {db}.calls_state AS 
SELECT
  call_id,
  minState(time) AS started,
  maxState(time) AS ended,
  groupUniqArrayState(toString(kind)) AS steps,
  groupUniqArrayArrayState(findings) AS findings,
  argMaxState(tuple(toString(kind), request_id, source, toString(connection), toString(function), toString(protocol), toString(method), path, session, toString(issuer), subject, groups, toString(actor), toString(action), toString(reason), toString(rule), risk, detail, shadow, toString(policy_revision), toString(uninspectable), request_bytes, response_bytes, status, approval_id, approvers, approval_note, held_ms, duration_ms, toString(worker)), tuple(multiIf(kind IN ('call.held', 'call.decided'), 0, kind = 'call.reported', 1, 2), time, seq)) AS last
FROM {db}.entries
WHERE damage = '' AND 1
GROUP BY call_id;
CREATE OR REPLACE VIEW {db}.calls AS
SELECT call_id, started, ended, steps, findings, kind NOT IN ('call.held', 'call.decided') AS finished,
  tupleElement(last, 1) AS kind, tupleElement(last, 2) AS request_id, tupleElement(last, 3) AS source, tupleElement(last, 4) AS connection, tupleElement(last, 5) AS function, tupleElement(last, 6) AS protocol, tupleElement(last, 7) AS method, tupleElement(last, 8) AS path, tupleElement(last, 9) AS session, tupleElement(last, 10) AS issuer, tupleElement(last, 11) AS subject, tupleElement(last, 12) AS groups, tupleElement(last, 13) AS actor, tupleElement(last, 14) AS action, tupleElement(last, 15) AS reason, tupleElement(last, 16) AS rule, tupleElement(last, 17) AS risk, tupleElement(last, 18) AS detail, tupleElement(last, 19) AS shadow, tupleElement(last, 20) AS policy_revision, tupleElement(last, 21) AS uninspectable, tupleElement(last, 22) AS request_bytes, tupleElement(last, 23) AS response_bytes, tupleElement(last, 24) AS status, tupleElement(last, 25) AS approval_id, tupleElement(last, 26) AS approvers, tupleElement(last, 27) AS approval_note, tupleElement(last, 28) AS held_ms, tupleElement(last, 29) AS duration_ms, tupleElement(last, 30) AS worker
FROM (
  SELECT call_id, minMerge(started) AS started, maxMerge(ended) AS ended,
    arraySort(groupUniqArrayMerge(steps)) AS steps,
    arraySort(groupUniqArrayArrayMerge(findings)) AS findings, argMaxMerge(last) AS last
  FROM {db}.calls_state GROUP BY call_id
);
CREATE OR REPLACE VIEW {db}.session_calls AS
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
        tuple(issuer, subject, if(subject = '', replaceRegexpOne(source, ':[0-9]+$', ''), '')) AS caller,
        toUInt8(session = '' AND dateDiff('second',
          max(ended) OVER (PARTITION BY tuple(issuer, subject, if(subject = '', replaceRegexpOne(source, ':[0-9]+$', ''), '')), session ORDER BY started, call_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
          started) > 1800) AS fresh
      FROM {db}.calls
    )
  )
);
CREATE OR REPLACE VIEW {db}.sessions AS
SELECT session_id, any(session) AS session, any(issuer) AS issuer, any(subject) AS subject,
  groupUniqArrayIf(8)(actor, actor != '') AS actors, min(started) AS started, max(ended) AS ended,
  count() AS calls, countIf(kind = 'call.denied') AS denied, countIf(has(steps, 'call.held')) AS held,
  countIf(kind = 'call.failed') AS failed, countIf(NOT finished) AS open,
  arraySort(groupUniqArray(32)(function)) AS functions, max(risk) AS risk,
  sum(arraySum(one -> one.count, findings)) AS findings
FROM {db}.session_calls GROUP BY session_id
