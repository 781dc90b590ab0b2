"""What programs are told about a call that waits for approval."""

from dataclasses import replace

from extproc.model.pending_approval import PendingApproval

PENDING = PendingApproval("a1", "https://approve.test/approvals/a1", 5, 1_000_000_000_999_999_999, "canary")


def test_it_says_when_and_where():
    assert PENDING.facts == {
        "approval": "a1",
        "approval_url": "https://approve.test/approvals/a1",
        "expires": "2001-09-09T01:46:40Z",
    }
    assert "approval_url" not in replace(PENDING, url="").facts


def test_it_shows_no_state():
    assert "canary" not in repr(PENDING)
