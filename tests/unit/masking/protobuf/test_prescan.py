"""Many texts, looked at together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.detectors.analyzer import SIGHTINGS_FREE, Analyzer
from extproc.masking.protobuf.prescan import Looks

DETECTORS = Analyzer()
PARTS = [
    "4111 1111 1111 1111",
    "219-09-9999",
    "219099999",
    "a@b.co",
    "020 7946 0958",
    '"',
    "\\",
    "\\u0034",
    "\n",
    "٤",
    "x",
]
TEXTS = st.lists(st.lists(st.sampled_from(PARTS), max_size=3).map("".join), max_size=6)


@given(TEXTS, st.lists(st.sampled_from(["ssn", "phone", "note"])))
@settings(deadline=None)
def test_who_has_to_look_finds_what_everybody_does(texts, names):
    looks, context = Looks(DETECTORS, texts, names=names), "\n".join(names)
    for number, text in enumerate(texts):
        asked = looks.asked(number)
        found = DETECTORS.scan(text, lambda: context)
        assert found == (found if asked is None else DETECTORS.ask(asked, text, lambda: context))


def test_each_text_is_looked_at_for_itself():
    looks = Looks(DETECTORS, ["x", "a@b.co", "4111", "1111 1111 1111"], also=[2])
    assert [looks.any_of(at, at + 1) for at in range(4)] == [False, True, True, False]
    assert (looks.asked(0), looks.asked(2)) == (frozenset(), frozenset())
    assert looks.any_of(0, 4)
    assert not looks.any_of(3, 4)


@pytest.mark.parametrize("text", ["\\u0034", "a\\/b"])
def test_what_may_be_spelled_otherwise_is_looked_at_by_everybody(text):
    looks = Looks(DETECTORS, ["x", text])
    assert looks.of(1) is None
    assert not looks.any_of(0, 1)


def test_with_too_many_sightings_every_text_is_looked_at():
    looks = Looks(DETECTORS, ["x", "a@b.co " * 10 * SIGHTINGS_FREE])
    assert looks.asked(0) == looks.asked(1) == DETECTORS.suspects("a@b.co")
