"""A search that lets one requester hide no other."""

import pytest

from extproc.approvals.approval import State
from extproc.approvals.port import Filter
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.sqlite import SqliteApprovals
from tests.unit.approvals.samples import new_id, request


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        made = SqliteApprovals(tmp_path / "approvals.db")
    else:
        server = request.getfixturevalue("postgresql")
        made = PostgresApprovals(server.url(server.empty_database()))
    yield made
    made.close()


def opened(store, at_ns, requester):
    made = request(approval_id=new_id(at_ns), requester=requester)
    store.open(made)
    return made


def found(store, **wanted):
    return [each.request for each in store.search(Filter(states=(State.PENDING,), **wanted))]


def test_the_newest_of_each_requester_are_found(store):
    old = opened(store, 10**6, "i|carol")
    many = [opened(store, number * 10**6, "i|alice") for number in range(2, 40)]
    assert found(store, per_requester=2) == [many[-1], many[-2], old]
    assert found(store, per_requester=2, requester="i|alice") == [many[-1], many[-2]]
    assert len(found(store)) == 39


def test_a_limit_cuts_off_nobodys_newest(store):
    old = opened(store, 10**6, "i|carol")
    many = [opened(store, number * 10**6, "i|alice") for number in range(2, 40)]
    assert found(store, per_requester=10, limit=2) == [many[-1], old]
    assert found(store, limit=2) == [many[-1], many[-2]]
