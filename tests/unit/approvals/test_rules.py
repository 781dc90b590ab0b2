"""The rules of voting, and of votes under other terms than those that they were given under."""

import pytest

from extproc.approvals.approval import Vote
from extproc.approvals.rules import enough
from extproc.model.decision import ApprovalTerms
from extproc.model.quorum import Quorum


@pytest.mark.parametrize(
    ("votes", "groups", "minimum", "expected"),
    [
        ([("bob", True, ("sre",))], ("sre",), 1, True),
        ([("bob", True, ("sre",))], ("sre", "dpo"), 1, True),
        ([("bob", True, ("sre",))], ("dpo",), 1, False),
        ([("bob", True, ("sre",))], (), 1, False),
        ([("bob", True, ())], ("sre",), 1, False),
        ([("bob", True, ("sre",))], ("sre",), 2, False),
        ([("bob", True, ("sre",)), ("bob", True, ("sre",))], ("sre",), 2, False),
        ([("bob", True, ("sre",)), ("carol", True, ("dpo",))], ("sre",), 2, False),
        ([("bob", True, ("sre",)), ("carol", True, ("dpo",))], ("sre", "dpo"), 2, True),
        ([("bob", True, ("sre",)), ("carol", False, ("dpo",))], ("sre",), 1, False),
        ([], ("sre",), 0, False),
        ([], ("sre",), -1, False),
    ],
)
def test_votes_are_enough_for_other_terms_only_where_they_meet_them(votes, groups, minimum, expected):
    given = tuple(Vote(voter, approve, "ticket 42", 500, of) for voter, approve, of in votes)
    assert enough(given, ApprovalTerms(Quorum.any_of(*groups, minimum=minimum))) is expected
