"""The queue shows what is urgent first, and no caller can hide others by many requests."""

from extproc.console.pages.queue_page import OF_GROUP, ROWS_MOST, SUMMARY_CHARACTERS, queue_view
from extproc.model.masking import Finding
from tests.unit.console.pages.page_samples import LIN, NOOR, NOW_NS, OMAR, S, approval, numbered, vote


def view(approvals, identity=NOOR, *, only_mine=False, **more):
    return queue_view(approvals, identity, NOW_NS, only_mine=only_mine, **more)


def several(count, requester=LIN, start=100, **changes):
    return [
        approval(
            approval_id=numbered(start + each),
            requester=requester.name,
            expires_ns=NOW_NS + (100 + each) * S,
            **changes,
        )
        for each in range(count)
    ]


def ids(queue):
    return [row.approval_id for group in queue.groups for row in group.rows]


def test_the_request_with_the_least_time_left_is_first():
    soon, late = approval(approval_id=numbered(1), expires_ns=NOW_NS + 9 * S), approval(approval_id=numbered(2))
    queue = view([late, soon])
    assert ids(queue) == [numbered(1), numbered(2)]
    assert [(row.left, row.is_late) for group in queue.groups for row in group.rows] == [
        ("9 s", True),
        ("5 min 00 s", False),
    ]


def test_many_of_one_caller_are_one_group_and_few_are_not():
    queue = view([*several(3, OMAR, 1), *several(40)])
    assert sorted((group.count, group.is_together, group.more) for group in queue.groups) == [
        *[(1, False, 0)] * 3,
        (40, True, 40 - OF_GROUP),
    ]


def test_requests_of_a_flooding_caller_take_one_place():
    other = approval(approval_id=numbered(1), expires_ns=NOW_NS + 9_000 * S)
    queue = view([other, *several(5_000)])
    assert numbered(1) in ids(queue)
    assert len(ids(queue)) == 1 + OF_GROUP


def test_all_of_one_caller_can_be_seen_in_pages():
    queue = view(several(120), requester=LIN.name)
    assert (len(ids(queue)), queue.has_next) == (ROWS_MOST, True)
    last = view(several(120), requester=LIN.name, page=3)
    assert (len(ids(last)), last.has_next) == (120 - 2 * ROWS_MOST, False)


def test_for_me_shows_what_i_can_decide():
    theirs = several(2, OMAR, 1)
    mine = approval(approval_id=numbered(50))
    own = approval(approval_id=numbered(51), requester=NOOR.name)
    voted = approval(approval_id=numbered(52), votes=[vote()])
    queue = view([mine, own, voted], only_mine=True)
    assert (ids(queue), queue.mine, queue.total) == ([numbered(50)], 1, 3)
    notes = {row.approval_id: row.note for group in view([mine, own, voted]).groups for row in group.rows}
    assert notes == {numbered(50): "", numbered(51): "your own call", numbered(52): "you have voted"}
    assert view(theirs, LIN, only_mine=True).is_empty


def test_overdue_requests_are_left_out():
    assert view([approval(expires_ns=NOW_NS)]).is_empty


def test_a_row_summarizes_and_says_that_it_does():
    preview = '{"a": "' + "x" * 500 + '", "b": 1, "c": 2, "d": 3, "e": 4}'
    (row,) = view([approval(preview=preview, approval_id=numbered(7))]).groups[0].rows
    assert [name for name, _ in row.summary] == ["a", "b", "c", "d"]
    assert row.summary[0][1] == "x" * (SUMMARY_CHARACTERS - 1) + "…"
    assert row.has_more


def test_an_item_of_a_list_has_the_lists_name():
    (row,) = view([approval(preview='{"a": {"to": [["x"]]}, "b": 1}', approval_id=numbered(9))]).groups[0].rows
    assert row.summary == (("to[0][0]", "x"), ("b", "1"))


def test_a_row_marks_findings():
    marked = approval(findings=(Finding("STRIPE_KEY", "$.service", "redact"),), approval_id=numbered(8))
    (row,) = view([marked]).groups[0].rows
    assert [mark.label for mark in row.marks] == ["stripe key"]


def test_a_row_counts_the_marks_that_it_does_not_show():
    entities = ("STRIPE_KEY", "GITHUB_TOKEN", "PASSWORD", "US_SSN")
    found = tuple(Finding(entity, "$.service", "redact") for entity in entities)
    (row,) = view([approval(findings=found, approval_id=numbered(10))]).groups[0].rows
    assert (len(row.marks), row.more_marks) == (3, 1)
    (row,) = view([approval(findings=found[:3], approval_id=numbered(11))]).groups[0].rows
    assert (len(row.marks), row.more_marks) == (3, 0)


def test_two_equal_requests_are_told_apart_by_the_end_of_their_ids():
    rows = [row for group in view(several(2)).groups for row in group.rows]
    assert [row.short_id for row in rows] == ["00000064", "00000065"]
