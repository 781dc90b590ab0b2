"""The watchdog ends a worker that one message blocks, and spares one that reaches its next message."""

import signal
import subprocess
import sys

import pytest

from extproc.server.watchdog import Watchdog, too_long
from extproc.settings.limits import LimitSettings

pytestmark = pytest.mark.slow

WORK = """
import asyncio, sys, time
from extproc.server.watchdog import Watchdog

def computes(cpu_s):
    until = time.process_time() + cpu_s
    while time.process_time() < until:
        pass

async def main():
    life = Watchdog(0.5, iter(range(1_000)).__next__)
    async with life.watched():
        await asyncio.sleep(0)
        for piece in range(int(sys.argv[1])):
            computes(float(sys.argv[2]))
            life.kick()
        print("lives", flush=True)
    computes(float(sys.argv[3]))
    print("ended", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("pieces", "each_s", "after_s", "said", "status"),
    [
        (4, 0.15, 0.6, b"lives\nended\n", 0),
        (1, 60, 0, b"", -signal.SIGPROF),
    ],
)
def test_a_process_that_computes_too_long_without_a_sign_is_ended(pieces, each_s, after_s, said, status):
    words = [sys.executable, "-c", WORK, str(pieces), str(each_s), str(after_s)]
    done = subprocess.run(words, capture_output=True, timeout=100, check=False)
    assert (done.stdout, done.returncode) == (said, status), done.stderr


def test_a_sign_takes_a_system_call_once_in_a_second(monkeypatch):
    set_to, now = [], 0.0
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds: set_to.append(seconds))
    life = Watchdog(60.0, lambda: now)
    for now in (0.0, 0.1, 0.9, 1.1, 1.2, 7.0):  # noqa: B007 - the clock reads it
        life.kick()
    assert set_to == [60.0] * 3


def test_what_is_too_long_grows_with_what_may_come():
    assert too_long(LimitSettings()) < too_long(LimitSettings(response_body=64 << 20))
    assert too_long(LimitSettings()) > 100
