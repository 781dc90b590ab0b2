"""Repetitions are counted, within a bounded memory."""

from extproc.console.lately import Lately


def test_repetitions_within_the_time_are_counted_for_the_next_entry():
    lately = Lately(10)
    assert [lately.happened("a", now) for now in (0, 1, 9)] == [0, None, None]
    assert lately.happened("b", 9) == 0
    assert lately.happened("a", 10) == 2
    assert lately.happened("a", 25) == 0


def test_the_oldest_keys_are_forgotten_first():
    lately = Lately(100, most=2)
    for key in "abc":
        assert lately.happened(key, 1) == 0
    assert lately.happened("c", 2) is None
    assert lately.happened("a", 2) == 0
