"""The pace of a target."""

import pytest

from extproc.notifications.pacing import Pace, retry_after_s


def test_waits_double_until_five_minutes():
    assert [retry_after_s(n, 1.0) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert retry_after_s(50, 1.0) == retry_after_s(9_999, 1.0) == 300


@pytest.mark.parametrize("attempts", [1, 5, 30])
def test_jitter_spreads_over_the_upper_half(attempts):
    assert retry_after_s(attempts, 0.0) == retry_after_s(attempts, 1.0) / 2


def test_a_minute_has_so_many_messages_however_they_come():
    pace, sent = Pace(20), 0
    for tenth in range(1_200):
        if pace.left(tenth / 10) >= 1:
            pace.take()
            sent += 1
    assert 40 <= sent <= 60  # a full bucket, and two minutes


def test_a_clock_that_goes_back_gives_nothing():
    pace = Pace(20)
    assert pace.left(1_000) == 20
    for _ in range(20):
        pace.take()
    assert pace.left(0) == 0
    assert pace.wait_s() == pytest.approx(3.0)
