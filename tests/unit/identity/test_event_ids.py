"""An event id resumes its own caller's stream, as the answer to the call that it was."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.identity.event_ids import EventIds, Holder, is_sendable
from extproc.model.call import AnsweredCall
from extproc.model.identity import Identity

IDS = EventIds(b"k" * 32)
ALICE = Holder(Identity("https://issuer", "alice", actor="bot"), "docs", "session")
ANSWERED = AnsweredCall("search", "tools/call", 7)
SENDABLE = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1, max_size=1024)


@given(
    SENDABLE.map(lambda text: text.encode("latin-1")),
    st.builds(AnsweredCall, st.text(), st.text(), st.none() | st.integers() | st.text()),
)
def test_what_was_sealed_is_opened(event_id, answered):
    assert is_sendable(event_id)
    sealed = IDS.seal(event_id, answered, ALICE)
    assert IDS.open(sealed.decode("ascii"), ALICE) == (event_id, answered)


@pytest.mark.parametrize("event_id", [b"a\0b", b"a\rb", b"\x01", b"x" * 1025])
def test_no_header_field_can_carry_these(event_id):
    assert not is_sendable(event_id)


@pytest.mark.parametrize(
    "holder",
    [
        replace(ALICE, identity=replace(ALICE.identity, subject="mallory")),
        replace(ALICE, identity=replace(ALICE.identity, issuer="https://other")),
        replace(ALICE, identity=replace(ALICE.identity, actor="")),
        replace(ALICE, connection="docs2"),
        replace(ALICE, session=""),
        replace(ALICE, session="other"),
    ],
)
def test_it_is_of_use_to_nobody_else(holder):
    sealed = IDS.seal(b"1", ANSWERED, ALICE)
    assert IDS.open(sealed.decode(), holder) is None
    assert EventIds(b"other" * 8).open(sealed.decode(), ALICE) is None


@given(st.text(st.characters(codec="latin-1")))
def test_no_other_text_opens(text):
    assert IDS.open(text, ALICE) is None


def test_no_part_of_it_can_be_changed():
    sealed = IDS.seal(b"1", ANSWERED, ALICE).decode()
    payload, _, tag = sealed.rpartition(".")
    other = base64.urlsafe_b64encode(b'["publish","tools/call",7,"1"]').decode().rstrip("=")
    for forged in (
        f"{other}.{tag}",
        payload,
        f"{payload}.",
        f".{tag}",
        f"{payload}=.{tag}",
        sealed + "x",
        "x" + sealed,
    ):
        assert IDS.open(forged, ALICE) is None


def test_it_shows_no_key():
    assert "kkkk" not in repr(IDS)
