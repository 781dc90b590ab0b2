"""The key by which a caller withdraws a call: nobody else's call has the same."""

import itertools

from extproc.identity.session_ids import Sessions
from extproc.model.identity import Identity

SESSIONS = Sessions(b"s" * 32)
ALICE = Identity("https://idp", "alice")


def test_whatever_differs_gives_another_key():
    callers = [ALICE, Identity("https://idp", "bob"), Identity("https://other", "alice")]
    callers += [Identity("https://idp", "alice", actor="agent-7"), Identity("https://idpalice", "")]
    ids = [None, 7, "7", "null", "", 0, -7, 70, 2**53, 2**53 + 1, '"7"']
    made = [
        SESSIONS.withdrawal_key(*parts)
        for parts in itertools.product(callers, ["docs", "wiki"], ["", "s1", "s"], ids)
    ]
    assert len(set(made)) == len(made) == 5 * 2 * 3 * len(ids)
    assert SESSIONS.withdrawal_key(ALICE, "docs", "s1", 7) != Sessions(b"t" * 32).withdrawal_key(
        ALICE, "docs", "s1", 7
    )


def test_groups_do_not_count():
    """A newer token may have others."""
    other = Identity("https://idp", "alice", groups=("sre",))
    assert SESSIONS.withdrawal_key(ALICE, "docs", "", 7) == SESSIONS.withdrawal_key(other, "docs", "", 7)


def test_a_key_tells_nothing_of_the_ids():
    key = SESSIONS.withdrawal_key(ALICE, "docs", "session-4711", "536-22-1847")
    assert "4711" not in key
    assert "1847" not in key
    assert "alice" not in key
