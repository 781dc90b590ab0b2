"""A server that does not answer is not asked for a while, and then by one question first."""

import asyncio

import pytest

from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.policy.opa.circuit_breaker import Breaker

NOBODY = PolicyUnreachable("nobody is there", absent=True)
SLOW = PolicyUnreachable("nothing in time")


class Stage:
    """A breaker that opens after three failures, for ten seconds, and a clock to turn."""

    def __init__(self):
        self.now = 0.0
        self.breaker = Breaker(most=3, pause_s=10.0, clock_s=lambda: self.now)

    def ask(self, error: type[BaseException] | BaseException | None = None) -> bool:
        """Whether the question was let through."""
        asked = False
        try:
            with self.breaker.asking():
                asked = True
                if error:
                    raise error
        except (PolicyError, asyncio.CancelledError):
            pass
        return asked


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def opened(stage):
    for _ in range(3):
        stage.ask(NOBODY)
    return stage


def test_it_opens_after_so_many_failures_in_a_row(stage):
    assert stage.ask(NOBODY)
    assert stage.ask(NOBODY)
    assert stage.ask()
    for _ in range(3):
        assert not stage.breaker.is_open
        assert stage.ask(NOBODY)
    assert stage.breaker.is_open
    with pytest.raises(PolicyError, match="3 questions in a row"), stage.breaker.asking():
        pytest.fail("asked")


def test_errors_that_are_answers_do_not_open_it_and_close_it(stage, opened):
    for _ in range(10):
        assert Stage().ask(PolicyError)
    opened.now = 10.0
    assert opened.ask(PolicyError)
    assert not opened.breaker.is_open


def test_questions_without_an_answer_do_not_open_it_by_themselves(stage):
    """The question may be why: one caller must not be able to deny others."""
    for _ in range(10):
        assert stage.ask(SLOW)
    assert not stage.breaker.is_open
    stage.breaker.failed(2)
    assert not stage.breaker.is_open
    stage.breaker.failed()
    assert stage.breaker.is_open
    assert not stage.ask()


def test_a_probe_without_an_answer_leaves_it_open_until_it_is_known_why(opened):
    opened.now = 10.0
    assert opened.ask(SLOW)
    assert opened.breaker.is_open
    opened.breaker.failed()
    assert not opened.ask()
    opened.now = 20.0
    assert opened.ask(SLOW)
    opened.breaker.answered()
    assert not opened.breaker.is_open


def test_callers_that_leave_do_not_open_it(stage):
    for _ in range(10):
        assert stage.ask(asyncio.CancelledError)
    assert not stage.breaker.is_open


def test_nobody_is_let_through_during_the_pause(opened):
    opened.now = 9.999
    assert not opened.ask()
    assert opened.breaker.is_open


def test_after_the_pause_one_question_tries(opened):
    opened.now = 10.0
    with opened.breaker.asking():
        assert not opened.ask()
    assert not opened.breaker.is_open
    assert opened.ask()


def test_a_probe_that_fails_begins_another_pause(opened):
    opened.now = 10.0
    assert opened.ask(NOBODY)
    opened.now = 19.0
    assert not opened.ask()
    opened.now = 20.0
    assert opened.ask()
    assert not opened.breaker.is_open


def test_a_probe_whose_caller_leaves_leaves_room_for_the_next(opened):
    opened.now = 10.0
    assert opened.ask(asyncio.CancelledError)
    assert opened.breaker.is_open
    assert opened.ask()
    assert not opened.breaker.is_open
