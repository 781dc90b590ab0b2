"""The database of the approvals, as the doctor sees it."""

import psycopg
import pytest

from extproc.approvals import postgresql_facts
from extproc.approvals.postgresql import PostgresApprovals
from extproc.doctor import check_database
from tests.unit.approvals.samples import REQUEST
from tests.unit.doctor.installations import GOOD, doctor, installed, only


@pytest.fixture
def database(postgresql):
    return postgresql.empty_database()


@pytest.fixture
def durable(monkeypatch):
    """The tests' server does without fsync."""
    monkeypatch.setattr(postgresql_facts, "DURABLE", "SELECT true")


def found_by(tmp_path, url, level, *, offline=False):
    file = installed(tmp_path, GOOD + f"approvals: {{store: '{url}'}}\n")
    found = doctor(file, "--only", "state", fails=int(level == "problem"), offline=offline)
    return only(found, "approvals", level)


def test_a_database_without_tables_is_left_so(tmp_path, postgresql, database, durable):
    one = found_by(tmp_path, postgresql.url(database), "ok")
    assert one["what"].endswith(f"127.0.0.1/{database} answers; the next start makes or migrates its tables")
    assert postgresql.run("SELECT count(*) FROM pg_namespace WHERE nspname = 'extproc'", database) == [(0,)]


def test_a_store_that_works_is_told_with_the_calls_that_wait(tmp_path, postgresql, database, durable):
    PostgresApprovals(postgresql.url(database)).open(REQUEST)
    assert found_by(tmp_path, postgresql.url(database), "ok")["what"].endswith("answers; 1 calls wait")


def test_a_server_that_may_forget_is_a_warning(tmp_path, postgresql, database):
    assert "may lose" in found_by(tmp_path, postgresql.url(database), "warning")["what"]


def test_a_server_that_is_away_is_a_problem(tmp_path, postgresql, database):
    with postgresql.mended():
        postgresql.stop()
        one = found_by(tmp_path, postgresql.url(database), "problem")
    assert "connection refused" in one["what"]
    assert one["key"] == "approvals.store"
    assert one["hint"]


def test_a_role_that_may_not_make_the_tables_is_a_problem(tmp_path, postgresql):
    url = postgresql.url(postgresql.new_database(owner="postgres"))
    assert "may not write" in found_by(tmp_path, url, "problem")["what"]


def test_a_role_that_may_only_read_is_a_problem(tmp_path, postgresql, database):
    PostgresApprovals(postgresql.url(database)).open(REQUEST)
    postgresql.run("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA extproc TO guest", database)
    postgresql.run("GRANT SELECT ON ALL TABLES IN SCHEMA extproc TO guest", database)
    try:
        url = f"postgresql://guest@/{database}?host={postgresql.folder}&port={postgresql.port}"
        assert "may not write" in found_by(tmp_path, url, "problem")["what"]
    finally:
        postgresql.run("DROP OWNED BY guest; DROP ROLE guest", database)


def test_tables_of_a_newer_version_are_a_problem(tmp_path, postgresql, database):
    PostgresApprovals(postgresql.url(database)).open(REQUEST)
    with psycopg.connect(postgresql.url(database)) as db:
        db.execute("UPDATE extproc.approvals_version SET version = 99")
    assert "newer version of extproc" in found_by(tmp_path, postgresql.url(database), "problem")["what"]


def test_another_programs_schema_is_a_problem(tmp_path, postgresql, database):
    with psycopg.connect(postgresql.url(database)) as db:
        db.execute("CREATE SCHEMA extproc CREATE TABLE bookmarks (url text)")
    assert "another program's" in found_by(tmp_path, postgresql.url(database), "problem")["what"]


def test_a_clock_that_differs_is_a_warning(tmp_path, postgresql, database, durable, monkeypatch):
    really = check_database.time.time_ns
    monkeypatch.setattr(check_database.time, "time_ns", lambda: really() - 90 * 10**9)
    assert "differs by 90 s" in found_by(tmp_path, postgresql.url(database), "warning")["what"]


def test_a_url_that_libpq_does_not_read_is_a_problem_and_not_repeated(tmp_path):
    one = found_by(tmp_path, "postgresql://extproc@127.0.0.1:no-port-canary/x?y=1", "problem")
    assert "canary" not in one["what"] + one["hint"]


def test_nothing_is_asked_offline(tmp_path):
    found_by(tmp_path, "postgresql://extproc@127.0.0.1:1/approvals", "skipped", offline=True)
