"""Kinds of entries: which end a call, and which are acts on its approval."""

from extproc.model.entries import EntryKind


def test_three_kinds_end_a_call():
    ends = {kind for kind in EntryKind if kind.terminal}
    assert ends == {EntryKind.COMPLETED, EntryKind.DENIED, EntryKind.FAILED}


def test_acts_are_known_by_their_beginning():
    assert {kind for kind in EntryKind if kind.is_act} == {
        kind for kind in EntryKind if kind.name.startswith("APPROVAL_")
    }
