"""Ids in tables: short, and told apart."""

import time

from extproc.cli.short_ids import SHORTEST, meant, shorten
from extproc.model.ids import uuid7


def test_ids_of_one_millisecond_have_different_short_ids():
    """Their beginnings are the same time."""
    now = time.time_ns()
    ids = [uuid7(now, number.to_bytes(10, "big")) for number in range(500)]
    assert len({each[:12] for each in ids}) == 1
    short = shorten(ids)
    assert len(set(short.values())) == len(ids)
    assert {len(each) for each in short.values()} == {SHORTEST}
    assert all(meant(short[each], ids) == [each] for each in ids)


def test_ids_with_the_same_end_get_longer_ones():
    one, two = "01890000-0000-7000-8000-aaaa00000001", "01890000-0000-7000-8000-bbbb00000001"
    short = shorten([one, two])
    assert short == {one: "a00000001", two: "b00000001"}
    assert meant("00000001", [one, two]) == [one, two]


def test_one_id_twice_is_still_short():
    assert shorten(["01890000-0000-7000-8000-aaaa00000001"] * 2) == {
        "01890000-0000-7000-8000-aaaa00000001": "00000001"
    }
    assert shorten([]) == {}


def test_beginnings_ends_and_whole_ids_are_accepted_in_any_case():
    whole = "01890000-0000-7000-8000-aaaabbbbcccc"
    for typed in (whole, whole[:8], whole[-8:], whole[-8:].upper()):
        assert meant(typed, [whole]) == [whole]
    assert meant("bbbbcccd", [whole]) == []


def test_few_characters_mean_nothing():
    """A vote must not go to whatever is there."""
    assert meant("", ["01890000-0000-7000-8000-aaaabbbbcccc"]) == []
    assert meant("bbbcccc", ["01890000-0000-7000-8000-aaaabbbbcccc"]) == []
