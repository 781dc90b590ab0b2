"""A clock that does not go back."""

from extproc.console.forward_clock import ForwardClock


def test_it_follows_the_wall_clock_forward_and_counts_on_when_that_is_set_back():
    wall, ticks = [1_000], [50]
    clock = ForwardClock(lambda: wall[0], lambda: ticks[0])
    assert clock() == 1_000
    wall[0], ticks[0] = 1_010, 60
    assert clock() == 1_010
    assert clock.behind_ns == 0
    wall[0], ticks[0] = 500, 70
    assert clock() == 1_020
    assert clock.behind_ns == 520
    wall[0], ticks[0] = 2_000, 80
    assert clock() == 2_000
