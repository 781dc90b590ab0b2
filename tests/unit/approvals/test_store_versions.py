"""A store that an earlier version made."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from extproc.approvals.approval import State
from extproc.approvals.port import Filter
from extproc.approvals.rules import enough
from extproc.approvals.sqlite import APPLICATION_ID, WITHDRAWALS, SqliteApprovals
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import ApprovalError
from extproc.model.quorum import Quorum
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.approvals.samples import EXPIRES_NS, REQUEST, request, vote

SRE = ("sre",)
OF_VERSION_1 = """
CREATE TABLE approvals (
  approval_id TEXT PRIMARY KEY, request TEXT NOT NULL, digest TEXT NOT NULL, created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending', closed_ns INTEGER NOT NULL DEFAULT 0,
  spent_ns INTEGER
) STRICT;
CREATE TABLE votes (
  approval_id TEXT NOT NULL REFERENCES approvals (approval_id) ON DELETE CASCADE, voter TEXT NOT NULL,
  approve INTEGER NOT NULL, note TEXT NOT NULL, at_ns INTEGER NOT NULL, PRIMARY KEY (approval_id, voter)
) STRICT;
PRAGMA user_version = 1;
"""
"""The tables of a store that did not keep the voters' groups."""
OF_VERSION_2 = f"""
{OF_VERSION_1}
ALTER TABLE votes ADD COLUMN groups TEXT NOT NULL DEFAULT '[]';
CREATE TRIGGER closed_once BEFORE UPDATE OF state ON approvals
  WHEN OLD.state <> 'pending' BEGIN SELECT RAISE(ABORT, 'closed already'); END;
PRAGMA user_version = 2;
"""
"""Those of a store without withdrawals, in which every state but ``pending`` was final."""
OF_VERSION_3 = f"""
{OF_VERSION_2}
ALTER TABLE approvals ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT '';
DROP TRIGGER closed_once;
{"; ".join(WITHDRAWALS)};
PRAGMA user_version = 3;
"""
"""Those of a store without tickets."""
VERSIONS = {"version 1": OF_VERSION_1, "version 2": OF_VERSION_2, "version 3": OF_VERSION_3}


LATER = ("quorum", "connection", "session", "policy_revision", "requester_person", "mode", "call_key")
LATER_STILL = ("break_glass", "reuse", "reuse_key")


def as_then():
    """The request as versions before tickets stored it."""
    kept = {name: value for name, value in asdict(REQUEST).items() if name not in LATER + LATER_STILL}
    return kept | {"groups": list(REQUEST.quorum.groups), "minimum": REQUEST.quorum.minimum}


def make_store_of(version, path, application_id=APPLICATION_ID):
    """A store with one request, for which one of two people has voted."""
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.executescript(f"{version} PRAGMA application_id = {application_id};")
        row = (REQUEST.approval_id, json.dumps(as_then()), REQUEST.digest, 100, EXPIRES_NS)
        db.execute(
            "INSERT INTO approvals (approval_id, request, digest, created_ns, expires_ns) VALUES (?, ?, ?, ?, ?)",
            row,
        )
        db.execute(
            "INSERT INTO votes (approval_id, voter, approve, note, at_ns) VALUES (?, ?, ?, ?, ?)",
            (REQUEST.approval_id, "https://idp|bob", 1, "old vote", 200),
        )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "approvals.db"


def test_a_store_of_version_1_keeps_its_votes_without_groups(path):
    """What nobody wrote down is nobody's group: such a vote releases nothing."""
    make_store_of(OF_VERSION_1, path)
    store = SqliteApprovals(path)
    [old] = store.get(REQUEST.approval_id).votes
    assert (old.voter, old.groups) == ("https://idp|bob", ())
    after = store.vote(REQUEST.approval_id, vote("https://idp|carol"), SRE)
    assert after.state is State.PENDING
    assert [each.groups for each in after.votes] == [(), SRE]
    after = store.vote(REQUEST.approval_id, vote("https://idp|dave"), SRE)
    assert after.state is State.APPROVED
    assert not enough(after.votes, ApprovalTerms(Quorum.any_of("sre", minimum=3)))
    again = SqliteApprovals(path)
    assert again.get(REQUEST.approval_id) == after


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_an_older_store_takes_withdrawals(path, version):
    """Its own requests have no keys; new ones can be withdrawn even when they are approved."""
    make_store_of(version, path)
    store = SqliteApprovals(path)
    new = request(minimum=1)
    store.open(new, ("key",))
    store.vote(new.approval_id, vote(), SRE)
    assert store.withdraw("key", WithdrawnBy.CANCELLATION, 300) == 1
    assert store.get(new.approval_id).state is State.CANCELLED
    old = store.get(REQUEST.approval_id)
    assert (old.state, old.withdrawn_by) == (State.PENDING, None)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_processes_that_start_together_migrate_a_store_once(path, version):
    make_store_of(version, path)
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqliteApprovals(path), range(8)))
    assert all(len(store.get(REQUEST.approval_id).votes) == 1 for store in stores)


def test_another_applications_version_1_is_left_alone(path):
    make_store_of(OF_VERSION_1, path, application_id=7)
    before = path.read_bytes()
    with pytest.raises(ApprovalError):
        SqliteApprovals(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_an_older_store_takes_tickets_and_finds_its_own_requests(path, version):
    make_store_of(version, path)
    store = SqliteApprovals(path)
    assert store.get(REQUEST.approval_id).request == REQUEST
    [found] = store.search(Filter(function=REQUEST.function, requester=REQUEST.requester))
    assert [each.voter for each in found.votes] == ["https://idp|bob"]
    assert store.issue_ticket(REQUEST.approval_id, 300).ticketed
    assert not store.withdraw_vote(REQUEST.approval_id, "https://idp|bob", 400).counted
    assert store.vote(REQUEST.approval_id, vote("https://idp|bob"), SRE).state is State.PENDING
