"""Each finding is counted once, on its side, also in tables that a version without sides made."""

import re
from pathlib import Path

import pytest

from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect, create_schema
from extproc.evidence.shipping.entry_rows import insert_row
from extproc.evidence.shipping.shipper import Shipper
from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.evidence.spool.entry_codec import encode_entry, leaf_hash
from extproc.evidence.spool.spool_reader import StoredRow
from extproc.model.entries import EntryKind
from extproc.model.masking import Finding, Side

REFERENCE = Path(__file__).parents[3] / "docs/reference/evidence.md"
OLD_TABLES = Path(__file__).with_name("tables_without_sides.sql")
CARD = Finding("CREDIT_CARD", "$.card", "redact", 1, Side.REQUEST)
CARD_BACK = Finding("CREDIT_CARD", "$.card", "redact", 1, Side.RESPONSE)
SSN_BACK = Finding("US_SSN", "$.ssn", "redact", 2, Side.RESPONSE)


@pytest.fixture
def old_client(target):
    """A client on tables that the version before made, with an entry of it."""
    made = connect(target)
    for statement in OLD_TABLES.read_text().replace("{db}", target.database).split(";\n"):
        made.command(statement)
    yield made
    made.close()


@pytest.fixture
def ship(fill, target, tmp_path):
    """Puts entries into the table as the control process does."""

    def open_client():
        made = connect(target)
        create_schema(made, target.database)
        return made

    def send(entries):
        fill(entries)
        shipper = Shipper(tmp_path / "spool", open_client, target.database)
        try:
            assert shipper.ship() == len(entries), shipper.progress
        finally:
            shipper.close()

    return send


@pytest.fixture
def reader(target):
    made = EvidenceReader(lambda settings: connect(target, settings), target.database)
    yield made
    made.close()


def one_call(entry, number, *kinds, before=(CARD,), last=(CARD, CARD_BACK, SSN_BACK)):
    """The entries of a call: each has the findings so far, the last has all."""
    start = entry(number).time_ns
    return [
        entry(number, EntryKind(kind), time_ns=start + step, findings=last if kind == kinds[-1] else before)
        for step, kind in enumerate(kinds)
    ]


def test_the_reference_counts_each_finding_once(ship, entry, reader):
    """However many entries of a call name it."""
    ship(
        [
            *one_call(entry, 1, "call.held", "call.decided", "call.completed"),
            *one_call(entry, 2, "call.decided", "call.completed"),
            *one_call(entry, 3, "call.denied", last=(CARD,)),
            *one_call(entry, 4, "call.decided", "call.failed", last=(CARD,)),
        ]
    )
    examples = re.findall(r"```sql\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
    [by_entity] = [sql for sql in examples if "entity, side, function" in sql]
    assert sorted(reader.query(by_entity).rows) == [
        ("CREDIT_CARD", "request", "crm.get_customer", 4),
        ("CREDIT_CARD", "response", "crm.get_customer", 2),
        ("US_SSN", "response", "crm.get_customer", 4),
    ]


def test_a_call_that_has_not_ended_is_not_counted(ship, entry, reader):
    """Its end repeats what was found so far."""
    ship([entry(1, EntryKind.DECIDED, findings=(CARD,))])
    assert reader.query("SELECT * FROM findings").rows == ()


def test_an_entry_is_shown_with_the_sides_of_its_findings(ship, entry, reader):
    ship(one_call(entry, 1, "call.decided", "call.completed"))
    decided, completed = reader.call("call-000001")
    assert [(one["path"], one["side"]) for one in decided["findings"]] == [("$.card", "request")]
    assert [(one["path"], one["side"]) for one in completed["findings"]] == [
        ("$.card", "request"),
        ("$.card", "response"),
        ("$.ssn", "response"),
    ]


def test_tables_of_the_version_before_take_entries_and_answer(old_client, ship, entry, reader, target):
    """The entry that they hold already has findings on no side."""
    old = entry(1, session="s", findings=(CARD,))
    document = encode_entry(old).replace(b',"side":"request"', b"")
    row, damage = insert_row("w-old", StoredRow(1, old.time_ns, document, leaf_hash(document)))
    assert damage == ""
    old_client.insert("entries", [row], column_names=INSERT_COLUMNS, database=target.database)
    ship([entry(2, session="s", findings=(CARD, SSN_BACK))])
    rows = reader.session("s")
    assert [[one["side"] for one in row["findings"]] for row in rows] == [[""], ["request", "response"]]
    assert [session["findings"] for session in reader.sessions()] == [4]
    found = reader.query("SELECT call_id, entity, side, count FROM findings ORDER BY ALL").rows
    assert found == (
        ("call-000001", "CREDIT_CARD", "", 1),
        ("call-000002", "CREDIT_CARD", "request", 1),
        ("call-000002", "US_SSN", "response", 2),
    )
