"""Token buckets: so many at once, so many in a minute, for each key, in bounded memory."""

from extproc.console.sign_in.rate_limits import Rate, RateLimits

RATE = Rate("tests", 6)
SECOND = 10**9


class Time:
    now = 0

    def __call__(self):
        return self.now


def test_a_key_has_a_minutes_worth_at_once_and_gains_one_at_a_time():
    time = Time()
    limits = RateLimits(time)
    assert [limits.wait_s(RATE, "a") for _ in range(7)] == [0] * 6 + [10]
    assert limits.wait_s(RATE, "b") == 0
    assert limits.wait_s(Rate("others", 6), "a") == 0
    time.now = 9 * SECOND
    assert limits.wait_s(RATE, "a") == 1
    time.now = 10 * SECOND
    assert [limits.wait_s(RATE, "a") for _ in range(2)] == [0, 10]
    time.now = 3_600 * SECOND
    assert [limits.wait_s(RATE, "a") for _ in range(7)] == [0] * 6 + [10]


def test_a_clock_that_goes_back_gives_nothing():
    time = Time()
    time.now = 100 * SECOND
    limits = RateLimits(time)
    for _ in range(6):
        limits.wait_s(RATE, "a")
    time.now = 0
    assert limits.wait_s(RATE, "a") == 10


def test_memory_is_bounded():
    limits = RateLimits(Time(), most_keys=3)
    for _ in range(6):
        limits.wait_s(RATE, "a")
    for key in "bcd":
        limits.wait_s(RATE, key)
    assert limits.wait_s(RATE, "a") == 0, "the key that was silent longest is forgotten"
