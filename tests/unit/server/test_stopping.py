"""A drain tells its progress; a second signal ends it."""

import asyncio
import os
import signal

import pytest

from extproc.server.stopping import CallsLeft, Signals, tell_progress


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (CallsLeft(3, 0), "3 held calls"),
        (CallsLeft(1, 0), "1 held call"),
        (CallsLeft(0, 2), "2 running calls"),
        (CallsLeft(1, 1) + CallsLeft(0, 1), "1 held call and 2 running calls"),
    ],
)
def test_calls_are_counted_in_words(left, said):
    assert str(left) == said


async def test_progress_is_told_at_once_and_when_it_changes(monkeypatch):
    monkeypatch.setattr("extproc.server.stopping.LOOK_EVERY_S", 0.01)
    left, told = [CallsLeft(3, 1)], []
    task = asyncio.create_task(tell_progress(lambda: left[0], 28.0, told.append))
    await asyncio.sleep(0.05)
    assert told == [
        "waiting for 3 held calls and 1 running call, at most 28 s more; press Ctrl-C again to end them"
    ]
    left[0] = CallsLeft(1, 0)
    await asyncio.sleep(0.05)
    left[0] = CallsLeft(0, 0)
    await asyncio.sleep(0.05)
    assert [each.partition(",")[0] for each in told[1:]] == ["waiting for 1 held call"]
    task.cancel()


async def test_the_first_signal_stops_and_the_second_hurries():
    """SIGHUP reloads, until a stop begins."""
    reloads = []
    signals = Signals(lambda: reloads.append(1))
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.01)
    assert (len(reloads), signals.stop.is_set()) == (1, False)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(signals.until_stopped(), 10)
    assert not signals.hurry.is_set()
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(signals.hurry.wait(), 10)
    assert len(reloads) == 1


async def test_a_lost_terminal_stops(monkeypatch):
    """A person has closed the window: nobody asked for a reload."""
    terminals = [True, False]
    monkeypatch.setattr(os, "isatty", lambda _: terminals.pop(0))
    signals = Signals(lambda: pytest.fail("reloaded"))
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.wait_for(signals.until_stopped(), 10)


@pytest.fixture(autouse=True)
def handlers():
    """Leave the signals of the test run as they were."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
