"""Acts on approvals arrive, belong to their call, and change nothing about it, in old tables too."""

import re
import time
from pathlib import Path

import pytest

from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.query.timeline import call_lines
from extproc.evidence.shipping.clickhouse import connect, create_schema
from extproc.model.entries import EntryKind
from tests.integration.evidence.test_findings import old_client, ship  # noqa: F401 - fixtures

REFERENCE = Path(__file__).parents[3] / "docs/reference/evidence.md"
ACTS = [kind for kind in EntryKind if kind.is_act]
DIGEST, PREVIEW = "d" * 64, "e" * 64
SECOND = 10**9


@pytest.fixture
def reader(target):
    made = EvidenceReader(lambda settings: connect(target, settings), target.database)
    yield made
    made.close()


def held_call(entry, number, first="call.held", last="call.completed"):
    """A call whose approval saw an act of each kind, before its end and after."""
    start = entry(number).time_ns
    own = {"session": "s", "approval_id": f"approval-{number}", "policy_revision": "a" * 64}
    acts = [
        entry(
            number, kind, time_ns=start + (step + 1) * SECOND, approval_id=own["approval_id"], subject="bob",
            issuer="https://other", findings=(), action="", status=0, reason="approve", approval_note="ticket 42",
            request_sha256=DIGEST, preview_digest=PREVIEW, policy_revision="b" * 64, arguments="",
            source="console 10.0.0.1",
        )
        for step, kind in enumerate(ACTS)
    ]  # fmt: skip
    before, after = acts[:-2], acts[-2:]
    ends = start + len(before) * SECOND + 1
    return [
        entry(number, EntryKind(first), time_ns=start, **own),
        *before,
        entry(number, EntryKind(last), time_ns=ends, approvers=("bob",), **own),
        *after,
    ]


def plain(row):
    return {name: value for name, value in row.items() if name not in ("writer", "seq", "shipped_at")}


@pytest.mark.parametrize("tables", ["new", "old"])
def test_acts_change_nothing_about_their_call(request, ship, entry, reader, tables):  # noqa: F811
    """The same calls, sessions, findings and policies as without them."""
    if tables == "old":
        request.getfixturevalue("old_client")
    views = ("calls", "sessions", "findings", "policies", "session_calls")
    entries = held_call(entry, 1)

    def seen():
        return {view: reader.query(f"SELECT * FROM {view} ORDER BY ALL").rows for view in views}

    ship([one for one in entries if not one.kind.is_act])
    before = seen()
    assert before["calls"]
    ship([one for one in entries if one.kind.is_act])
    assert seen() == before
    acts = reader.query("SELECT kind, subject, digest, preview_digest, note FROM approval_acts ORDER BY time").rows
    assert acts == tuple((kind.value, "bob", DIGEST, PREVIEW, "ticket 42") for kind in ACTS)


def test_a_feed_of_the_version_before_is_renewed_once(old_client, target):  # noqa: F811
    """Further starts alter nothing: the user then needs no right to."""
    create_schema(old_client, target.database)
    asked = []

    class Watched:
        def command(self, cmd, parameters=None):
            asked.append(cmd)
            return old_client.command(cmd, parameters)

        def query(self, *args, **kwargs):
            return old_client.query(*args, **kwargs)

    create_schema(Watched(), target.database)
    assert asked
    assert not [sql for sql in asked if sql.startswith("ALTER")]


def test_a_block_that_is_fed_again_brings_no_act_into_calls(ship, entry, reader, target):  # noqa: F811
    ship(held_call(entry, 1))
    from extproc.evidence.shipping.tables import feed_again

    client = connect(target)
    writer = reader.query("SELECT any(writer) FROM entries").rows[0][0]
    client.command(feed_again(target.database), parameters={"writer": writer, "first": 1, "last": 100})
    client.close()
    [(kind, steps, subject)] = reader.query("SELECT kind, steps, subject FROM calls").rows
    assert (kind, subject) == ("call.completed", "ann")
    assert sorted(steps) == ["call.completed", "call.held"]


def test_a_session_shows_acts_under_their_call_in_order_of_time(ship, entry, reader):  # noqa: F811
    ship([*held_call(entry, 1), *held_call(entry, 2, "call.held", "call.denied")])
    first, second = call_lines(reader.session("s"))
    assert (first.kind, second.kind) == ("call.completed", "call.denied")
    assert [act.kind for act in first.acts] == [kind.value for kind in ACTS if kind != "approval.counted"]
    assert {act.who for act in first.acts} == {"bob"}


@pytest.fixture
def questions():
    """The reference's questions about acts, asked about one approval."""
    found = re.findall(r"```sql\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
    asked = [sql.replace("019a3c5e-0000-7000-8000-000000000000", "approval-1") for sql in found]
    return {
        name: next(sql for sql in asked if mark in sql)
        for name, mark in (("looked", "ORDER BY time\n"), ("blind", "LEFT JOIN"), ("refused", "ORDER BY times"))
    }


def test_the_references_questions_are_answered(ship, entry, reader, questions):  # noqa: F811
    """Bob looked and voted; carol voted without a look; dave looked afterwards, and was refused twice."""
    now, issuer = time.time_ns(), "https://other"
    told = [
        ("looked", "bob", ""), ("voted", "bob", "approve"), ("counted", "bob", "pending"),
        ("voted", "carol", "approve"), ("counted", "carol", "approved"),
        ("looked", "dave", ""), ("refused", "dave", "not-pending"), ("refused", "dave", "not-pending"),
    ]  # fmt: skip
    ship(
        [
            entry(
                1, EntryKind(f"approval.{kind}"), time_ns=now + step, approval_id="approval-1", issuer=issuer,
                subject=who, reason=reason,
            )
            for step, (kind, who, reason) in enumerate(told)
        ]
    )  # fmt: skip
    assert [row[1] for row in reader.query(questions["looked"]).rows] == ["bob"]
    assert [row[1] for row in reader.query(questions["blind"]).rows] == ["carol"]
    assert reader.query(questions["refused"]).rows == (("dave", "not-pending", 2),)
