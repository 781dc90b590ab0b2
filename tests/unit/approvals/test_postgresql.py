"""The approvals in PostgreSQL: what only a server can do to them. The rules are in ``test_stores.py``."""

import os
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from cryptography import x509

from extproc.approvals.approval import State
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.postgresql_database import (
    ANSWER_S,
    CONNECTIONS,
    LOCK_MS,
    BoundedConnection,
    PostgresDatabase,
)
from extproc.approvals.postgresql_schema import VERSION_1, VERSIONS, bring_up_to_date
from extproc.model.errors import ApprovalError, VoteRefused, WhyRefused
from extproc.model.withdrawal import WithdrawnBy
from tests.integration.support.certificates import Authority
from tests.support.postgresql import other_user
from tests.unit.approvals.samples import REQUEST, request, vote

SRE = ("sre",)
SOON_S = 30.0
CANARY = "canary-note-5hq2"


@pytest.fixture
def database(postgresql):
    return postgresql.empty_database()


@pytest.fixture
def new_database(postgresql):
    """For tests that change the database itself."""
    return postgresql.new_database()


@pytest.fixture
def url(postgresql, database):
    return postgresql.url(database)


@pytest.fixture
def store(url):
    made = PostgresApprovals(url)
    yield made
    made.close()


def all_ways(store):
    """Every method, once."""
    return (
        lambda: store.open(request()),
        lambda: store.vote(REQUEST.approval_id, vote(), SRE),
        lambda: store.expire(REQUEST.approval_id, 1),
        lambda: store.abandon(REQUEST.approval_id, 1),
        lambda: store.issue_ticket(REQUEST.approval_id, 1),
        lambda: store.spend(REQUEST.approval_id, REQUEST.digest, 1),
        lambda: store.withdraw("key", WithdrawnBy.CANCELLATION, 1),
        lambda: store.withdraw_vote(REQUEST.approval_id, "i|bob", 1),
        lambda: store.cancel_own(REQUEST.approval_id, 1),
        lambda: store.reusable("key", 1),
        lambda: store.get(REQUEST.approval_id),
        lambda: store.closed_among([REQUEST.approval_id]),
        lambda: store.recent(pending_only=True, limit=1),
        lambda: store.sweep(1, keep_ns=1),
    )


def assert_out_of_order(store):
    for way in all_ways(store):
        with pytest.raises(ApprovalError):
            way()


# A server that fails


def test_a_server_that_is_killed_loses_nothing_and_is_used_again(postgresql, store):
    """What was acknowledged is there after kill -9; in between everything is an error."""
    one = request()
    store.open(one)
    store.vote(one.approval_id, vote("i|bob"), SRE)
    with postgresql.mended():
        postgresql.kill()
        assert_out_of_order(store)
    kept = store.get(one.approval_id)
    assert (kept.state, [each.voter for each in kept.votes]) == (State.PENDING, ["i|bob"])
    assert store.vote(one.approval_id, vote("i|carol"), SRE).state is State.APPROVED


def test_a_server_that_is_killed_under_many_votes_keeps_each_that_it_confirmed(postgresql, store):
    """No confirmed vote is lost, none counts twice, no state contradicts its votes."""
    many = [request() for _ in range(30)]
    for each in many:
        store.open(each)
    confirmed, lock, begun = set(), threading.Lock(), threading.Event()

    def vote_on(number):
        for each in many:
            try:
                store.vote(each.approval_id, vote(f"i|p{number}"), SRE)
            except VoteRefused:
                continue
            except ApprovalError:
                return
            with lock:
                confirmed.add((each.approval_id, f"i|p{number}"))
            if len(confirmed) > 10:
                begun.set()

    with postgresql.mended(), ThreadPoolExecutor(4) as pool:
        done = [pool.submit(vote_on, number) for number in range(4)]
        assert begun.wait(SOON_S)
        postgresql.kill()
        for each in done:
            each.result()
    kept = [store.get(each.approval_id) for each in many]
    votes = [(each.request.approval_id, word.voter) for each in kept for word in each.votes]
    assert confirmed <= set(votes)
    assert len(votes) == len(set(votes))
    assert all((each.state is State.APPROVED) == (len(each.votes) >= 2) for each in kept)


@pytest.mark.slow
@pytest.mark.parametrize("connected", [True, False])
def test_a_frozen_server_is_an_error_after_a_bounded_wait(postgresql, url, connected):
    """Connections stay open, new ones are accepted by the kernel, and nobody answers."""
    store = PostgresApprovals(url)
    store.open(REQUEST)
    if not connected:
        store.close()
    with postgresql.mended():
        postgresql.freeze()
        began = time.monotonic()
        with pytest.raises(ApprovalError):
            store.vote(REQUEST.approval_id, vote(), SRE)
        assert time.monotonic() - began < ANSWER_S + 4
    assert store.vote(REQUEST.approval_id, vote(), SRE).votes, "and is used again"


def test_a_server_that_takes_no_writes_is_an_error_and_stores_nothing(postgresql, store):
    """As after a failover, or with a full disk that an operator noticed."""
    store.open(REQUEST)
    with postgresql.mended():
        postgresql.set(default_transaction_read_only="on")
        with pytest.raises(ApprovalError, match="ReadOnlySqlTransaction"):
            store.vote(REQUEST.approval_id, vote(), SRE)
        with pytest.raises(ApprovalError, match="takes no writes"):
            store.vote(REQUEST.approval_id, vote(), SRE)
    assert store.get(REQUEST.approval_id).votes == ()
    assert store.vote(REQUEST.approval_id, vote(), SRE).votes


@contextmanager
def small_disk(postgresql, size):
    """A tablespace on a file system of its own. Skips where this user may not mount one."""
    with tempfile.TemporaryDirectory(prefix="xp-", dir="/tmp") as folder:
        mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
        if subprocess.run(mounted, capture_output=True, check=False).returncode != 0:
            pytest.skip("this user may not mount a tmpfs")
        try:
            if user := other_user():
                os.chown(folder, user["user"], user["group"])
            postgresql.run(f"CREATE TABLESPACE small LOCATION '{folder}'")
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_an_error_and_stores_nothing(postgresql, new_database):
    """The request that did not fit is not there, and there is room again once somebody made it."""
    store = PostgresApprovals(postgresql.url(new_database))
    with small_disk(postgresql, "24m") as disk:
        postgresql.run(f"ALTER DATABASE {new_database} SET TABLESPACE small")
        store.open(REQUEST)
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)

        def open_many():
            for _ in range(1_000):
                store.open(request(preview="x" * 2_000))

        with pytest.raises(ApprovalError, match="DiskFull"):
            open_many()
        stored = len(store.recent(pending_only=True, limit=2_000))
        ballast.unlink()
        store.open(request())
        assert len(store.recent(pending_only=True, limit=2_000)) == stored + 1
        store.close()
        postgresql.run(f"DROP DATABASE {new_database} WITH (FORCE)")
        postgresql.run("DROP TABLESPACE small")


class Faulty(BoundedConnection):
    """A connection that is lost around a commit."""

    fails_before = fails_after = False

    def execute(self, query, *args, **options):
        if "COMMIT" in query and Faulty.fails_before:
            Faulty.fails_before = False
            self.pgconn.finish()
        done = super().execute(query, *args, **options)
        if "COMMIT" in query and Faulty.fails_after:
            Faulty.fails_after = False
            self.pgconn.finish()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done


def test_a_commit_that_fails_leaves_no_vote(url):
    """Failed: the vote is not there, and can be cast again."""
    store = PostgresApprovals(url, factory=Faulty)
    store.open(REQUEST)
    Faulty.fails_before = True
    with pytest.raises(ApprovalError):
        store.vote(REQUEST.approval_id, vote(), SRE)
    assert store.get(REQUEST.approval_id).votes == ()
    assert len(store.vote(REQUEST.approval_id, vote(), SRE).votes) == 1


def test_a_commit_that_happened_but_failed_is_told_on_the_next_try(url):
    """Failed but happened: the voter sees an error, the vote stands, and cannot count twice."""
    store = PostgresApprovals(url, factory=Faulty)
    store.open(REQUEST)
    Faulty.fails_after = True
    with pytest.raises(ApprovalError):
        store.vote(REQUEST.approval_id, vote(), SRE)
    with pytest.raises(VoteRefused) as refused:
        store.vote(REQUEST.approval_id, vote(), SRE)
    assert refused.value.why is WhyRefused.ALREADY_VOTED
    assert len(store.get(REQUEST.approval_id).votes) == 1


def test_an_approval_whose_use_happened_but_failed_is_not_used_again(url):
    """The call is denied once too often, and never released twice."""
    store = PostgresApprovals(url, factory=Faulty)
    one = request(quorum=REQUEST.quorum.any_of("sre"))
    store.open(one)
    store.vote(one.approval_id, vote(), SRE)
    Faulty.fails_after = True
    with pytest.raises(ApprovalError):
        store.spend(one.approval_id, one.digest, 600)
    assert not store.spend(one.approval_id, one.digest, 600)


# Others at the same rows


def test_a_locked_request_is_an_error_after_a_bounded_wait(store, url):
    """Somebody else's transaction does not hang a vote, and others go on."""
    other = request()
    for each in (REQUEST, other):
        store.open(each)
    with psycopg.connect(url) as blocker:
        blocker.execute(
            "SELECT 1 FROM extproc.approvals WHERE approval_id = %s FOR UPDATE", (REQUEST.approval_id,)
        )
        began = time.monotonic()
        with pytest.raises(ApprovalError, match="LockNotAvailable"):
            store.vote(REQUEST.approval_id, vote(), SRE)
        assert time.monotonic() - began < LOCK_MS / 1_000 + 2
        assert store.vote(other.approval_id, vote(), SRE).votes
        assert store.get(REQUEST.approval_id).votes == (), "reading goes on"
        assert [each.request for each in store.sweep(2_000, keep_ns=10**18)] == [other], "what is locked, later"
    assert store.vote(REQUEST.approval_id, vote(), SRE).votes


def test_transactions_that_cross_are_tried_again(url, store):
    """The server rolls one of two back that wait for each other; both are done in the end."""
    one, two = request(), request()
    for each in (one, two):
        store.open(each)
    database, tries = PostgresDatabase(url), []
    crossing = threading.Barrier(2, timeout=SOON_S)

    def lock_both(first, second):
        def work(db):
            tries.append(first)
            db.execute("UPDATE extproc.approvals SET waiting = waiting + 1 WHERE approval_id = %s", (first,))
            if len(tries) <= 2:
                crossing.wait()
            db.execute("UPDATE extproc.approvals SET waiting = waiting + 1 WHERE approval_id = %s", (second,))

        database.write(work)

    with ThreadPoolExecutor(2) as pool:
        pairs = ((one.approval_id, two.approval_id), (two.approval_id, one.approval_id))
        for each in [pool.submit(lock_both, *pair) for pair in pairs]:
            each.result()
    assert len(tries) == 3
    with psycopg.connect(url) as db:
        assert db.execute("SELECT waiting FROM extproc.approvals").fetchall() == [(3,), (3,)]


def test_a_process_has_few_connections_however_many_threads(postgresql, url):
    """Threads take turns; a server has a hundred connections for everybody."""
    store, most = PostgresApprovals(f"{url}?application_name=few"), []

    def one(number):
        store.open(request())
        most.append(postgresql.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'few'")[0][0])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(64)))
    assert 1 < max(most) <= CONNECTIONS
    assert len(store.recent(pending_only=True, limit=100)) == 64


def test_a_store_is_not_carried_into_another_process(store, monkeypatch):
    """Two processes would write into one connection."""
    store.open(REQUEST)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(ApprovalError, match="another process"):
        store.get(REQUEST.approval_id)


# The session


@pytest.mark.parametrize(("given", "used"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply",) * 2])
def test_a_commit_is_on_disk_whatever_the_server_is_set_to(postgresql, new_database, given, used):
    """A stronger setting, which waits for replicas, stays."""
    url = postgresql.url(new_database)
    postgresql.run(f"ALTER DATABASE {new_database} SET synchronous_commit = '{given}'")
    with psycopg.connect(url) as plain:
        assert plain.execute("SHOW synchronous_commit").fetchone() == (given,)
    shown = PostgresDatabase(url).read(lambda db: db.execute("SHOW synchronous_commit").fetchone())
    assert shown == (used,)


def test_names_are_looked_up_in_no_schema_of_others(postgresql, new_database):
    """A table of the role's own, found first, would take the approvals' place."""
    postgresql.run(f"ALTER DATABASE {new_database} SET search_path = evil, public")
    shown = PostgresDatabase(postgresql.url(new_database)).read(
        lambda db: db.execute("SHOW search_path").fetchone()
    )
    assert shown == ("pg_catalog, pg_temp",)


# Who may


def test_the_password_comes_from_a_file_and_is_in_no_error(postgresql, tmp_path, monkeypatch):
    """Right, wrong and missing."""
    url = postgresql.url(postgresql.new_database(owner="careful"), "careful")
    file = tmp_path / "pgpass"
    for password, why in (
        ("", "asks for a password"),
        ("canary-wrong-77q", "refused the role or its password"),
        (postgresql.password, ""),
    ):
        file.write_text(f"127.0.0.1:{postgresql.port}:*:careful:{password}\n" if password else "")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        store = PostgresApprovals(url)
        if not why:
            store.open(REQUEST)
            continue
        with pytest.raises(ApprovalError, match=why) as refused:
            store.open(REQUEST)
        assert "canary" not in str(refused.value)
        assert refused.value.__suppress_context__


def test_a_role_that_may_not_write_gets_no_approval_anywhere(postgresql, database, store):
    store.open(REQUEST)
    postgresql.run("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA extproc TO reader", database)
    postgresql.run("GRANT SELECT ON ALL TABLES IN SCHEMA extproc TO reader", database)
    reader = PostgresApprovals(f"postgresql://reader@/{database}?host={postgresql.folder}&port={postgresql.port}")
    assert reader.get(REQUEST.approval_id).request == REQUEST
    with pytest.raises(ApprovalError, match="42501 InsufficientPrivilege"):
        reader.vote(REQUEST.approval_id, vote(), SRE)
    reader.close()
    postgresql.run("DROP OWNED BY reader; DROP ROLE reader", database)


def test_a_role_that_may_make_no_schema_can_be_given_one(postgresql):
    """Least privilege: an administrator makes the schema, and the guard's role owns nothing else."""
    database = postgresql.new_database(owner="postgres")
    with pytest.raises(ApprovalError, match="42501 InsufficientPrivilege"):
        PostgresApprovals(postgresql.url(database)).open(REQUEST)
    postgresql.run("CREATE SCHEMA extproc AUTHORIZATION extproc", database)
    PostgresApprovals(postgresql.url(database)).open(REQUEST)


def test_errors_hold_nothing_of_the_call(store):
    """Not in the message, not in what Python prints along with it; PostgreSQL's own message has the row."""
    store.open(REQUEST)
    for failing in (
        lambda: store.open(REQUEST),
        lambda: store.open(request(digest=f"{CANARY}\0")),
        lambda: store.open(request(digest=f"{CANARY}\ud800")),
    ):
        with pytest.raises(ApprovalError) as caught:
            failing()
        assert REQUEST.approval_id not in str(caught.value)
        assert CANARY not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    assert len(store.recent(pending_only=False, limit=9)) == 1


def test_tls_is_verified_and_a_server_of_another_authority_refused(postgresql, database, tmp_path):
    ours, others = (Authority.create(tmp_path, name) for name in ("ours", "others"))
    certificate, key = ours.certify("localhost", [x509.DNSName("localhost")])
    for file in (certificate, key):
        (postgresql.folder / file.name).write_bytes(file.read_bytes())
        (postgresql.folder / file.name).chmod(0o600)
        if user := other_user():
            os.chown(postgresql.folder / file.name, user["user"], user["group"])
    url = f"postgresql://extproc@localhost:{postgresql.port}/{database}?hostaddr=127.0.0.1&sslmode="
    trusted = f"verify-full&sslrootcert={ours.certificate}"
    with postgresql.mended():
        with pytest.raises(ApprovalError, match="does not speak TLS"):
            PostgresApprovals(url + trusted).open(REQUEST)
        postgresql.set(
            ssl="on",
            ssl_cert_file=str(postgresql.folder / certificate.name),
            ssl_key_file=str(postgresql.folder / key.name),
        )
        with pytest.raises(ApprovalError, match="not trusted"):
            PostgresApprovals(f"{url}verify-full&sslrootcert={others.certificate}").open(REQUEST)
        with pytest.raises(ApprovalError, match="for another name"):
            PostgresApprovals(url.replace("localhost", "db.example.com") + trusted).open(REQUEST)
        PostgresApprovals(url + trusted).open(REQUEST)


# Versions


def version_of(url):
    with psycopg.connect(url) as db:
        return db.execute("SELECT version FROM extproc.approvals_version").fetchone()[0]


def test_replicas_that_start_together_make_the_tables_once(url):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: PostgresApprovals(url), range(8)))
        list(pool.map(lambda store: store.open(request()), stores))
    assert len(stores[0].recent(pending_only=True, limit=20)) == 8
    assert version_of(url) == len(VERSIONS)


def test_replicas_that_start_together_migrate_once(url):
    """Each step runs once, and what was stored stays."""
    PostgresApprovals(url).open(REQUEST)
    newer = (*VERSIONS, ("ALTER TABLE extproc.approvals ADD COLUMN colour text NOT NULL DEFAULT 'red'",))

    def migrate(_):
        with psycopg.connect(url, autocommit=True) as db:
            bring_up_to_date(db, newer)
            return db.execute("SELECT approval_id, colour FROM extproc.approvals").fetchall()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(migrate, range(8))) == [[(REQUEST.approval_id, "red")]] * 8
    assert version_of(url) == len(newer)


def test_a_migration_that_fails_changes_nothing(url):
    broken = (VERSION_1, ("ALTER TABLE extproc.votes ADD COLUMN colour text", "SELECT 1 / 0"))
    with psycopg.connect(url, autocommit=True) as db, pytest.raises(psycopg.errors.DivisionByZero):
        bring_up_to_date(db, broken)
    with psycopg.connect(url) as db:
        assert db.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'extproc'").fetchone() == (0,)
    PostgresApprovals(url).open(REQUEST)


def test_a_newer_version_is_refused_by_those_who_come_and_those_who_are_there(url, store):
    """An older program does not write into tables that it does not understand."""
    store.open(REQUEST)
    with psycopg.connect(url) as db:
        db.execute("UPDATE extproc.approvals_version SET version = version + 1")
    with pytest.raises(ApprovalError, match="another version"):
        store.vote(REQUEST.approval_id, vote(), SRE)
    with pytest.raises(ApprovalError, match="newer version"):
        PostgresApprovals(url).get(REQUEST.approval_id)


def test_another_programs_schema_is_left_alone(postgresql, database, url):
    """A wrong database in the configuration destroys nothing."""
    with psycopg.connect(url) as db:
        db.execute("CREATE SCHEMA extproc")
        db.execute("CREATE TABLE extproc.bookmarks (url text)")
    with pytest.raises(ApprovalError, match="another program"):
        PostgresApprovals(url).open(REQUEST)
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'extproc'::regnamespace"
    assert postgresql.run(tables, database) == [("bookmarks",)]


def test_the_database_itself_refuses_to_reopen_a_closed_request(store, url):
    """A trigger guards what the code guards already."""
    store.open(REQUEST)
    store.abandon(REQUEST.approval_id, 1)
    with psycopg.connect(url) as db, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        db.execute("UPDATE extproc.approvals SET state = 'approved'")
