"""The state of a call that waits counts for its caller, its connection and its call alone, and for a time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.identity.approval_state import MOST_ROUNDS, ApprovalState, ApprovalStates, NotOpened
from extproc.model.identity import Identity

STATES = ApprovalStates(b"k" * 32)
ALICE = Identity("https://issuer", "alice", actor="bot", groups=("dev",))
STATE = ApprovalState("a1", "call-1", 1_000, 2)
SEALED = STATES.seal(STATE, ALICE, "docs")


def opened(sealed=SEALED, identity=ALICE, connection="docs", *, call_key="call-1", now_ns=999, states=STATES):
    return states.open(sealed, identity, connection, call_key=call_key, now_ns=now_ns)


def test_what_was_sealed_is_opened():
    assert opened() == STATE
    assert opened(identity=replace(ALICE, groups=())) == STATE  # a newer token


def test_it_begins_as_all_states_of_this_installation_do():
    assert SEALED.startswith(STATES.prefix)
    assert STATES.prefix.startswith("extproc-approval-")
    assert ApprovalStates(b"o" * 32).prefix != STATES.prefix
    assert SEALED.isascii()
    assert set(SEALED) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"identity": replace(ALICE, subject="mallory")}, NotOpened.FORGED),
        ({"identity": replace(ALICE, issuer="https://other")}, NotOpened.FORGED),
        ({"identity": replace(ALICE, actor="")}, NotOpened.FORGED),
        ({"connection": "docs2"}, NotOpened.FORGED),
        ({"states": ApprovalStates(b"o" * 32)}, NotOpened.FORGED),
        ({"call_key": "call-2"}, NotOpened.OTHER_CALL),
        ({"now_ns": 1_000}, NotOpened.EXPIRED),
        ({"now_ns": 10**30}, NotOpened.EXPIRED),
    ],
)
def test_it_counts_for_nothing_else(changed, why):
    assert opened(**changed) is why


@given(st.integers(0, len(SEALED) * 7 - 1))
def test_no_bit_of_it_can_be_changed(bit):
    at, mask = len(STATES.prefix) + bit // 7, 1 << bit % 7
    if at >= len(SEALED):
        return
    changed = SEALED[:at] + chr(ord(SEALED[at]) ^ mask) + SEALED[at + 1 :]
    assert opened(changed) is NotOpened.FORGED


@given(st.text())
def test_no_other_text_opens(text):
    assert opened(text) is NotOpened.FORGED
    assert opened(STATES.prefix + text) is NotOpened.FORGED


def test_no_part_of_it_can_be_put_to_another():
    other = STATES.seal(replace(STATE, call_key="call-2"), ALICE, "docs")
    (head, payload, _), (_, _, tag) = SEALED.rsplit(".", 2), other.rsplit(".", 2)
    for forged in (
        f"{head}.{payload}.{tag}",
        f"{head}.{payload}",
        f"{head}.{payload}.",
        f"{SEALED}x",
        f"{SEALED}=",
    ):
        assert opened(forged) is NotOpened.FORGED


def test_a_client_is_asked_fewer_times_than_it_gives_up():
    assert not ApprovalState("a", "c", 1).is_last
    assert ApprovalState("a", "c", 1, MOST_ROUNDS).is_last
    assert MOST_ROUNDS < 10  # of the TypeScript and the Python SDK


def test_it_shows_no_key():
    assert "kkkk" not in repr(STATES)
