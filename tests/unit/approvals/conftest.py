"""Tests of the port run with each store."""

from collections.abc import Iterator

import pytest

from extproc.approvals.port import ApprovalStore
from tests.unit.approvals.samples import open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path) -> str:
    """An empty store's file or URL, as ``approvals.store`` has it."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "approvals.db")
    server = request.getfixturevalue("postgresql")
    return server.url(server.empty_database())


@pytest.fixture
def store(address: str) -> Iterator[ApprovalStore]:
    """The store there."""
    made = open_store(address)
    yield made
    made.close()
