"""The real engine, one folder per test session, one database per test."""

import asyncio
import itertools
from pathlib import Path

import pytest

from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.model.entries import Entry, EntryKind
from extproc.model.masking import Finding, Side

pytest.importorskip("chdb")

START_NS = 1_790_000_000_000_000_000
NUMBERS = itertools.count()


def make_entry(number: int = 0, kind: EntryKind = EntryKind.COMPLETED, **changes) -> Entry:
    """One entry of its own call."""
    values = {
        "time_ns": START_NS + number * 1_000_000,
        "connection": "crm",
        "function": "crm.get_customer",
        "issuer": "https://id.example",
        "subject": "ann",
        "groups": ("sales",),
        "action": "allow",
        "reason": "policy-allowed",
        "status": 200,
        "arguments": '{"id":"c-1"}',
        "findings": (Finding("US_SSN", "$.ssn", "redact", 2, Side.REQUEST),),
    }
    return Entry(kind, f"call-{number:06}", **(values | changes))


@pytest.fixture
def entry():
    """Makes entries."""
    return make_entry


@pytest.fixture(scope="module")
def engine_folder(tmp_path_factory) -> Path:
    """Where the embedded engine of this module keeps its data; a process has one at a time."""
    return tmp_path_factory.mktemp("engine")


@pytest.fixture
def target(engine_folder) -> Target:
    """A database of the test's own."""
    return Target("chdb://", f"test_{next(NUMBERS)}", engine_folder)


@pytest.fixture
def client(target):
    """A client on a database with the schema."""
    made = connect(target)
    create_schema(made, target.database)
    yield made
    made.close()


@pytest.fixture
def fill(tmp_path):
    """Writes entries into a worker's spool and closes it."""

    def write(entries, worker="w0", folder=None):
        async def all_of_them():
            spool = Spool(
                folder or tmp_path / "spool", worker, SpoolLimits(maintain_every_s=0.01, retention_s=1e9)
            )
            await asyncio.gather(*(spool.record(one) for one in entries))
            spool.close()
            return spool.writer

        return asyncio.run(all_of_them())

    return write
