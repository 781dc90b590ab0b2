"""What analysts can ask, and what no question can do."""

import re
import threading
import time
from pathlib import Path

import pytest

from extproc.evidence.query.reader import DAY_NS, EvidenceReader
from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.evidence.shipping.shipper import Shipper
from extproc.model.entries import EntryKind
from extproc.model.errors import QueryError

MINUTE = 60 * 10**9


@pytest.fixture
def ship(fill, client, target, tmp_path):
    """Puts entries into the table, the way they always go."""

    def send(entries):
        fill(entries)
        shipper = Shipper(tmp_path / "spool", lambda: connect(target), target.database)
        try:
            assert shipper.ship() == len(entries), shipper.progress
        finally:
            shipper.close()

    return send


@pytest.fixture(scope="module")
def shared(engine_folder):
    """One database for the many questions that must change nothing."""
    return Target("chdb://", "shared_reading", engine_folder)


@pytest.fixture(scope="module")
def shared_client(shared):
    made = connect(shared)
    create_schema(made, shared.database)
    made.command(f"INSERT INTO {shared.database}.entries (writer, seq, call_id, time_ns) VALUES ('w', 1, 'c', 1)")
    made.command("CREATE DATABASE other")
    made.command("CREATE TABLE other.secrets (s String) ENGINE = MergeTree ORDER BY s")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_reader(shared_client, shared):
    made = EvidenceReader(lambda settings: connect(shared, settings), shared.database)
    yield made
    made.close()


@pytest.fixture
def reader(client, target):
    made = EvidenceReader(lambda settings: connect(target, settings), target.database)
    yield made
    made.close()


def steps(entry, number, *kinds, **changes):
    start = entry(number).time_ns + changes.pop("at", 0)
    return [
        entry(number, EntryKind(kind), time_ns=start + step * 1_000, **changes) for step, kind in enumerate(kinds)
    ]


def test_calls_are_one_row_each(ship, entry, client, target):
    """The last word stands; every step and every finding is kept."""
    ship(
        [
            *steps(entry, 1, "call.held", "call.decided", "call.completed", held_ms=7.0),
            *steps(entry, 2, "call.decided", status=0),
            *steps(entry, 3, "call.denied", reason="high-risk", status=403),
        ]
    )
    query = f"SELECT call_id, kind, steps, finished, reason, length(findings) FROM {target.database}.calls"
    rows = sorted(client.query(query).result_rows)
    assert rows == [
        ("call-000001", "call.completed", ["call.completed", "call.decided", "call.held"], 1, "policy-allowed", 1),
        ("call-000002", "call.decided", ["call.decided"], 0, "policy-allowed", 1),
        ("call-000003", "call.denied", ["call.denied"], 1, "high-risk", 1),
    ]


@pytest.mark.parametrize("reported_later", [True, False])
def test_the_guards_own_end_counts_more_than_envoys_report(ship, entry, client, target, reported_later):
    """Whichever was recorded first. The report alone is better than none."""
    denied, reported = steps(entry, 1, "call.denied", "call.reported")
    if not reported_later:
        denied.time_ns = reported.time_ns + 1
    reported.subject, reported.reason = "", "guard-error"
    ship([denied, reported, *steps(entry, 2, "call.decided", "call.reported")])
    query = f"SELECT call_id, kind, subject, reason, finished FROM {target.database}.calls ORDER BY call_id"
    assert client.query(query).result_rows == [
        ("call-000001", "call.denied", "ann", "policy-allowed", 1),
        ("call-000002", "call.reported", "ann", "policy-allowed", 1),
    ]


def test_a_call_that_ends_in_a_later_block_is_still_one_row(ship, entry, client, target):
    first, last = steps(entry, 1, "call.decided", "call.completed")
    ship([first])
    ship([last])
    query = f"SELECT kind, length(steps) FROM {target.database}.calls"
    assert client.query(query).result_rows == [("call.completed", 2)]


def test_calls_with_a_session_id_are_one_session(ship, entry, reader):
    ship([entry(1, session="abc"), entry(2, session="abc", time_ns=entry(1).time_ns + 600 * MINUTE)])
    (session,) = reader.sessions()
    assert (session["calls"], session["session"], session["functions"]) == (2, "abc", ["crm.get_customer"])
    assert session["findings"] == 4
    assert session["started"].endswith("Z")


def test_one_session_id_of_two_callers_is_two_sessions(ship, entry, reader):
    """A caller chooses the id: it must not place calls into another's session."""
    ship([entry(1, session="abc", subject="ann"), entry(2, session="abc", subject="eve")])
    assert sorted(one["subject"] for one in reader.sessions()) == ["ann", "eve"]
    (ann,) = reader.sessions(subject="ann")
    assert {row["subject"] for row in reader.session(ann["session_id"])} == {"ann"}


def test_calls_without_a_session_id_part_at_a_pause(ship, entry, reader):
    """Twenty minutes belong together, forty do not; another caller's calls neither join nor part them."""
    start = entry(0).time_ns
    ship(
        [
            entry(1, time_ns=start),
            entry(2, time_ns=start + 20 * MINUTE),
            entry(3, time_ns=start + 25 * MINUTE, subject="bo"),
            entry(4, time_ns=start + 40 * MINUTE),
            entry(5, time_ns=start + 80 * MINUTE),
        ]
    )
    found = [(one["subject"], one["calls"]) for one in reader.sessions()]
    assert found == [("ann", 1), ("bo", 1), ("ann", 3)]
    first = reader.sessions(subject="ann")[1]
    assert [row["call_id"] for row in reader.session(first["session_id"])] == [
        "call-000001",
        "call-000002",
        "call-000004",
    ]


def test_a_long_call_does_not_part_its_session(ship, entry, reader):
    """The pause begins where the call ended."""
    start = entry(0).time_ns
    ship(
        [
            entry(1, EntryKind.HELD, time_ns=start),
            entry(1, EntryKind.COMPLETED, time_ns=start + 45 * MINUTE),
            entry(2, time_ns=start + 50 * MINUTE),
        ]
    )
    assert [one["calls"] for one in reader.sessions()] == [2]


def test_callers_without_identity_are_told_apart_by_address(ship, entry, reader):
    nobody = {"issuer": "", "subject": "", "kind": EntryKind.DENIED}
    ship([entry(n, source=f"10.0.0.{n % 2}:{n}", **nobody) for n in range(4)])
    assert [one["calls"] for one in reader.sessions()] == [2, 2]


def test_a_callers_recent_calls_are_found_within_a_day(ship, entry, reader):
    """The ends of calls only, of exactly this caller, before the moment that is asked about, newest first."""
    minute, now = 60 * 10**9, entry(0).time_ns + 100 * DAY_NS
    ship(
        [
            entry(1, EntryKind.COMPLETED, time_ns=now - 2 * minute),
            entry(2, EntryKind.DENIED, time_ns=now - minute, function="crm.delete", status=403),
            entry(2, EntryKind.HELD, time_ns=now - minute - 1),
            entry(2, EntryKind.APPROVAL_VOTED, time_ns=now - minute - 1, subject="ann"),
            entry(3, EntryKind.COMPLETED, time_ns=now - minute, subject="bob"),
            entry(4, EntryKind.COMPLETED, time_ns=now - minute, issuer="https://other"),
            entry(5, EntryKind.COMPLETED, time_ns=now - DAY_NS - minute),
            entry(6, EntryKind.COMPLETED, time_ns=now),
        ]
    )
    found = reader.recent_calls("https://id.example|ann", now, 10, 2.0)
    assert [(row["call_id"], row["kind"], row["status"]) for row in found] == [
        ("call-000002", "call.denied", 403),
        ("call-000001", "call.completed", 200),
    ]
    assert found[0]["time"].endswith("Z")
    assert len(reader.recent_calls("https://id.example|ann", now, 1, 2.0)) == 1
    assert reader.recent_calls("https://id.example|ann' OR 1=1 --", now, 10, 2.0) == []


def test_sessions_are_found_by_function(ship, entry, reader):
    ship([entry(1, session="a", function="crm.x"), entry(2, session="b", function="crm.y")])
    assert [one["session"] for one in reader.sessions(function="crm.y")] == ["b"]
    assert reader.sessions(function="crm.z") == []
    assert len(reader.sessions(limit=1)) == 1


def test_a_session_is_its_entries_in_order(ship, entry, reader):
    entries = [*steps(entry, 1, "call.decided", "call.completed", session="s"), entry(2, session="s")]
    ship(list(reversed(entries)))
    rows = reader.session("s")
    assert [(row["call_id"], row["kind"]) for row in rows] == [(one.call_id, one.kind) for one in entries]
    assert rows[0]["findings"] == [
        {"entity": "US_SSN", "path": "$.ssn", "how": "redact", "count": 2, "side": "request"}
    ]
    assert rows[0]["time_ns"] == entries[0].time_ns
    assert [row["kind"] for row in reader.call("call-000001")] == ["call.decided", "call.completed"]
    assert reader.session("no such session") == reader.session("") == reader.call("x") == []


def test_names_with_quotes_are_only_names(ship, entry, reader):
    odd = "a' OR 1=1 --"
    ship([entry(1, session=odd, subject=odd)])
    assert reader.sessions(subject=odd)[0]["session"] == odd
    assert reader.sessions(subject="' OR '' = '") == []
    assert len(reader.session(odd)) == 1


def test_a_query_is_answered_with_names_and_types(ship, entry, reader):
    ship([entry(number) for number in range(5)])
    answer = reader.query("select function, count() as n, min(time) t from entries group by function -- done")
    assert answer.columns == ("function", "n", "t")
    assert answer.types[1] == "UInt64"
    assert answer.rows[0][:2] == ("crm.get_customer", 5)
    assert answer.rows[0][2].endswith("Z")
    assert not answer.truncated


def test_an_answer_is_cut_at_its_limit_and_says_so(ship, entry, reader):
    ship([entry(number) for number in range(12)])
    answer = reader.query("SELECT seq FROM entries ORDER BY seq", limit_rows=10)
    assert [row[0] for row in answer.rows] == list(range(1, 11))
    assert answer.truncated
    assert not reader.query("SELECT seq FROM entries", limit_rows=12).truncated


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM {db}.entries",
        "SELECT * FROM calls LIMIT 1;",
        "FROM entries SELECT seq",
        "WITH x AS (SELECT * FROM entries) SELECT count() FROM x JOIN calls USING (call_id)",
        "SELECT seq FROM entries UNION ALL SELECT 2",
        "(SELECT 1) INTERSECT (SELECT 1)",
        "SELECT e.subject, countIf(e.kind = 'call.denied') FROM entries e GROUP BY ALL ORDER BY 2 DESC",
        "SELECT quantile(0.95)(duration_ms), uniqExactIf(subject, risk > 5), sumOrNull(risk) FROM entries",
        "SELECT JSONExtractString(arguments, 'id'), arrayMap(x -> x.entity, findings) FROM entries",
        "SELECT f.entity, count() FROM entries ARRAY JOIN findings AS f GROUP BY 1",
        "SELECT toStartOfHour(time) h, count() OVER (PARTITION BY h ORDER BY time) FROM entries",
        "SELECT call_id FROM entries WHERE call_id IN (SELECT call_id FROM calls WHERE NOT finished)",
        "SELECT CASE WHEN risk > 1 THEN 'a' ELSE 'b' END, risk BETWEEN 1 AND 2, reason LIKE '%x%' FROM entries",
        "SELECT now() - INTERVAL 1 DAY, toDate('2026-01-01'), CAST(1 AS String), 1::Int8, [1, 2][1], (1, 'a').2",
        "SELECT * EXCEPT (document) FROM entries",
        "SELECT e.subject IN ('a', 'b'), e.seq NOT IN (1) FROM entries e WHERE e.call_id IN (e.call_id, 'x')",
        "WITH s AS (SELECT call_id FROM calls) SELECT seq FROM entries WHERE call_id IN s",
        "SELECT COLUMNS('^risk') FROM entries",
        "SELECT number FROM numbers(3)",
        "SELECT EXISTS(SELECT 1), if(1, 2, 3), coalesce(NULL, 1), nan, inf",
        "SELECT 'INTO OUTFILE', $x$ ) DROP TABLE $x$, ';' AS `a;b`",
        "SELECT worker, source, status FROM entries WHERE rule = 'file' -- file('/etc/passwd')",
        "SELECT COUNT(*), Max(risk), Substring(reason, 1, 2) FROM entries GROUP BY reason",
        "SELECT session_id, dateDiff('second', started, ended) FROM sessions",
    ],
)
def test_ordinary_questions_are_answered(shared_reader, shared, sql):
    shared_reader.query(sql.replace("{db}", shared.database))


REFERENCE = Path(__file__).parents[3] / "docs/reference/evidence.md"


def documented() -> list[str]:
    """Each statement of each page."""
    pages = "".join(page.read_text() for page in sorted(REFERENCE.parents[1].rglob("*.md")))
    blocks = re.findall(r"```sql\n(.*?)```", pages, re.DOTALL)
    return [sql for block in blocks for sql in re.split(r"\n(?=SELECT|WITH)", block)]


@pytest.mark.parametrize("sql", documented())
def test_the_examples_of_the_documentation_are_answered(shared_reader, sql):
    shared_reader.query(sql)


@pytest.mark.parametrize("table", ["entries", "calls", "findings", "session_calls", "sessions"])
def test_the_reference_names_every_column(shared_reader, table):
    named = set(re.findall(r"`([a-z_0-9]+)`", REFERENCE.read_text()))
    assert set(shared_reader.query(f"SELECT * FROM {table}").columns) <= named


REFUSED = [
    "INSERT INTO entries (seq) VALUES (1)",
    "INSERT INTO FUNCTION file('{out}') SELECT 1",
    "ALTER TABLE entries DELETE WHERE 1",
    "ALTER TABLE entries UPDATE subject = 'x' WHERE 1",
    "DELETE FROM entries WHERE 1",
    "UPDATE entries SET risk = 1 WHERE 1",
    "DROP TABLE entries",
    "TRUNCATE TABLE entries",
    "RENAME TABLE entries TO e",
    "EXCHANGE TABLES entries AND calls_state",
    "DETACH TABLE entries",
    "ATTACH TABLE entries",
    "OPTIMIZE TABLE entries FINAL",
    "CREATE TABLE t (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE t (a Int8)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f AS x -> x",
    "CREATE USER u",
    "GRANT SELECT ON *.* TO default",
    "SYSTEM STOP MERGES",
    "SYSTEM FLUSH LOGS",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "USE system",
    "SET readonly = 0",
    "SET max_execution_time = 0",
    "BACKUP TABLE entries TO File('{out}')",
    "CHECK TABLE entries",
    "EXPLAIN SELECT 1",
    "SHOW TABLES",
    "DESCRIBE TABLE entries",
    "SELECT 1; DROP TABLE entries",
    "SELECT 1; SELECT 2",
    "SELECT 1) ; DROP TABLE entries; --",
    "SELECT 1 INTO OUTFILE '{out}'",
    "SELECT 1) INTO OUTFILE '{out}' --",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{out}' FORMAT CSV",
    "(SELECT 1) INTO OUTFILE '{out}'",
    "WITH 1 AS x SELECT x INTO OUTFILE '{out}'",
    "SELECT 1 /* */ INTO /* */ OUTFILE '{out}'",
    "SELECT 1 FORMAT CSV",
    "SELECT 1 SETTINGS max_threads = 1",
    "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)",
    "SELECT 1 UNION ALL SELECT 2 SETTINGS max_execution_time = 0",
    "SELECT file('{file}')",
    "SELECT FILE('{file}')",
    "SELECT `file`('{file}')",
    "SELECT \"file\"('{file}')",
    "SELECT arrayMap(x -> file(x), ['{file}'])",
    "SELECT arrayMap(file, ['{file}'])",
    "WITH file AS f SELECT f('{file}')",
    "SELECT * APPLY file FROM (SELECT '{file}')",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{file}')",
    "SELECT COLUMNS('a') APPLY file FROM (SELECT '{file}' AS a)",
    "SELECT 1 WHERE 1 IN (file('{file}'))",
    "SELECT 1 ORDER BY file('{file}')",
    "SELECT 1 LIMIT length(file('{file}'))",
    "SELECT 1 AS a GROUP BY file('{file}')",
    "SELECT sum(1) OVER (ORDER BY file('{file}'))",
    "SELECT 1 AS a ORDER BY a WITH FILL FROM 1 TO length(file('{file}'))",
    "SELECT 1 AS a, 2 AS b ORDER BY a WITH FILL INTERPOLATE (b AS length(file('{file}')))",
    "SELECT * REPLACE (file('{file}') AS seq) FROM entries",
    "SELECT * FROM file('{file}')",
    "SELECT * FROM file('{file}', CSV, 'a String')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM `{file}`",
    "SELECT * FROM url('http://127.0.0.1:9/', CSV, 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/key', CSV, 'a String')",
    "SELECT * FROM remote('127.0.0.1:9', system.one)",
    "SELECT * FROM remoteSecure('127.0.0.1:9', system.one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM executable('id', CSV, 'a String')",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('{file}', 't')",
    "SELECT * FROM mongodb('127.0.0.1:9', 'd', 'c', 'u', 'p', 'a Int8')",
    "SELECT * FROM redis('127.0.0.1:9', 'k', 'k String')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:9/x', CSV, 'a String')",
    "SELECT * FROM iceberg('http://127.0.0.1:9/bucket/x')",
    "SELECT * FROM icebergLocal('{file}')",
    "SELECT * FROM deltaLakeLocal('{file}')",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM python('x')",
    "SELECT * FROM Python(reader)",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM merge('.*', '.*')",
    "SELECT * FROM loop(entries)",
    "SELECT * FROM view(SELECT file('{file}'))",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
    "SELECT * FROM (EXPLAIN SELECT 1)",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT * FROM input('a Int8')",
    "SELECT * FROM format(CSV, '1')",
    "SELECT * FROM dictionary('x')",
    "SELECT * FROM system.processes",
    "SELECT * FROM `system`.`disks`",
    "SELECT * FROM SYSTEM.one",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM default.t",
    "SELECT 1 IN system.one",
    "SELECT 1 IN (system.one)",
    "SELECT 1 IN `system`.one",
    "SELECT 'x' IN other.secrets",
    "SELECT 'x' IN (other.secrets)",
    "SELECT 'x' NOT IN `other`.secrets",
    "SELECT 'x' GLOBAL IN other.secrets",
    "SELECT in('x', other.secrets)",
    "SELECT nullIn('x', other.secrets)",
    "SELECT globalNotNullIn('x', other.secrets)",
    "SELECT tuple('x') IN other.secrets",
    "SELECT 'x' IN (other.secrets AS t)",
    "WITH other.secrets AS t SELECT 'x' IN t",
    "SELECT 'x' IN absent.secrets",
    "SELECT seq FROM entries WHERE subject IN other.secrets",
    "SELECT sleep(1)",
    "SELECT sleepEachRow(1)",
    "SELECT dictGet('a', 'b', 1)",
    "SELECT joinGet('a', 'b', 1)",
    "SELECT hasColumnInTable('127.0.0.1:9', 'a', 'b', 'c')",
    "SELECT getSetting('readonly')",
    "SELECT getServerSetting('max_connections')",
    "SELECT getMacro('x')",
    "SELECT hostName()",
    "SELECT currentUser()",
    "SELECT version()",
    "SELECT showCertificate()",
    "SELECT filesystemAvailable()",
    "SELECT aiGenerate('x')",
    "SELECT AIFilter('x')",
    "SELECT catboostEvaluate('{file}', 1)",
    "SELECT addressToLine(1)",
    "SELECT logTrace('x')",
    "SELECT initializeAggregation('sum', 1)",
    "SELECT __getScalar('x')",
    "SELECT {x:String}",
    "SELECT 1 FROM entries PARALLEL WITH DROP TABLE entries",
    "SELECT nothing_of_this_name(1)",
    "SELECT count(",
    "",
    ";",
    "-- only a comment",
    "SELECT '" + "x" * 30_000 + "'",
]


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:60])
def test_everything_else_is_refused(shared_reader, shared_client, shared, tmp_path, sql):
    """With a readable message; nothing is written, nothing of the file is read."""
    secret, out = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("canary-7f3a")
    count = f"SELECT count() FROM {shared.database}.entries"
    with pytest.raises(QueryError) as caught:
        shared_reader.query(sql.replace("{file}", str(secret)).replace("{out}", str(out)), max_seconds=5)
    assert "canary" not in str(caught.value)
    assert 0 < len(str(caught.value)) <= 600
    assert not out.exists()
    assert shared_client.query(count).result_rows == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {db}.entries (seq) VALUES (1)",
        "INSERT INTO FUNCTION file('{out}') SELECT 1",
        "ALTER TABLE {db}.entries DELETE WHERE 1",
        "DELETE FROM {db}.entries WHERE 1",
        "DROP TABLE {db}.entries",
        "TRUNCATE TABLE {db}.entries",
        "RENAME TABLE {db}.entries TO {db}.e",
        "DETACH TABLE {db}.entries",
        "OPTIMIZE TABLE {db}.entries FINAL",
        "CREATE TABLE {db}.t (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE t (a Int8)",
        "SET readonly = 0",
        "SET max_execution_time = 7",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM file('{out}')",
        "SELECT * FROM url('http://127.0.0.1:9/', CSV, 'a String')",
        "SELECT * FROM s3('http://127.0.0.1:9/bucket/key', CSV, 'a String')",
        "SELECT * FROM remote('127.0.0.1:9', system.one)",
        "SELECT * FROM executable('id', CSV, 'a String')",
    ],
)
def test_the_engine_itself_refuses_to_write_or_reach_out(shared_client, shared, tmp_path, sql):
    """The guard under the guard: without our list, ``readonly`` holds."""
    bare = connect(shared, {"readonly": 1})
    try:
        with pytest.raises(Exception, match="READONLY"):
            bare.command(sql.replace("{out}", str(tmp_path / "out")).replace("{db}", shared.database))
    finally:
        bare.close()


def test_a_slow_question_is_ended(shared_reader):
    begin = time.monotonic()
    with pytest.raises(QueryError, match=r"(?i)timeout"):
        shared_reader.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", max_seconds=0.5)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("text", ["repeat('x', 10000)", "repeat(toString(number), 10000)", "range(5000)"])
def test_a_big_answer_is_refused(shared_reader, text):
    """Even one value repeated, which the engine counts once."""
    with pytest.raises(QueryError, match=r"(?i)limit"):
        shared_reader.query(f"SELECT {text} FROM numbers(10000)", limit_rows=10_000)


def test_a_greedy_question_is_refused(shared_reader):
    with pytest.raises(QueryError, match=r"(?i)memory"):
        shared_reader.query(
            "SELECT length(groupArray(repeat(toString(number), 100))) FROM numbers(100000000)", max_seconds=60
        )


def test_only_so_many_run_at_once(shared_reader):
    slow = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"
    refused = []

    def ask():
        try:
            shared_reader.query(slow, max_seconds=1)
        except QueryError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("too many" in one for one in refused) >= 1
    assert shared_reader.query("SELECT 1").rows


def test_many_threads_may_ask_while_entries_come(ship, entry, reader):
    """One reader, many threads, the shipper at work: every answer is whole."""
    wrong = []

    def ask():
        for _ in range(5):
            sessions = reader.sessions()
            wrong.extend(one for one in sessions if one["subject"] != "ann")

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for round_ in range(5):
        ship([entry(round_ * 10 + number) for number in range(10)])
    for thread in threads:
        thread.join()
    assert not wrong
    assert reader.sessions()[0]["calls"] == 50


def test_an_engine_that_cannot_be_reached_is_a_readable_error():
    def refuse(settings):
        raise ConnectionError("no route")

    with pytest.raises(QueryError, match="no route"):
        EvidenceReader(refuse, "extproc").sessions()


def test_a_reader_comes_back_after_a_failure(client, target):
    left = [1]

    def flaky(settings):
        if left:
            left.pop()
            raise ConnectionError("not yet")
        return connect(target, settings)

    reader = EvidenceReader(flaky, target.database)
    with pytest.raises(QueryError):
        reader.query("SELECT 1")
    assert reader.query("SELECT 1").rows == ((1,),)
    reader.close()
