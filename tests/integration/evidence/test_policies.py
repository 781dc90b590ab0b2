"""The bundles that decided are in each entry's document, and named by revision, in old tables too."""

import orjson
import pytest

from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect
from extproc.model.entries import EntryKind
from tests.integration.evidence.test_findings import old_client, ship  # noqa: F401 - fixtures

BUNDLES = ("main@2026-08-01-abc", "shared@7")


@pytest.fixture
def reader(target):
    made = EvidenceReader(lambda settings: connect(target, settings), target.database)
    yield made
    made.close()


@pytest.mark.parametrize("tables", ["new", "old"])
def test_the_bundles_of_a_revision_are_known(request, ship, entry, reader, tables):  # noqa: F811
    if tables == "old":
        request.getfixturevalue("old_client")
    ship(
        [
            entry(1, EntryKind.DENIED, policy_revision="a" * 64, policy_bundles=BUNDLES),
            entry(2, EntryKind.DENIED, policy_revision="a" * 64, policy_bundles=BUNDLES),
            entry(3, EntryKind.DENIED, policy_revision="b" * 64),
            entry(4, EntryKind.DENIED, policy_revision=""),
        ]
    )
    rows = reader.query("SELECT policy_revision, bundles, calls FROM policies ORDER BY policy_revision").rows
    assert [tuple(map(plain, row)) for row in rows if row[0] in ("a" * 64, "b" * 64)] == [
        ("a" * 64, list(BUNDLES), 2),
        ("b" * 64, [], 1),
    ]
    [shown] = reader.call(entry(1).call_id)
    assert shown["policy_bundles"] == list(BUNDLES)
    assert orjson.loads(reader.query("SELECT document FROM entries WHERE seq = 1").rows[0][0])["policy_bundles"]


def plain(value):
    return list(value) if isinstance(value, tuple) else value
