"""A program that is started so ends with its parent, and is otherwise as if it had been started itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from extproc.supervise import end_with_parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")

PARENT = """
import subprocess, sys, time
from extproc.supervise import end_with_parent
child = subprocess.Popen(end_with_parent.command([sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"]), stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_ends_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
    deadline = time.monotonic() + 20
    while runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_program_has_its_arguments_its_environment_and_its_process_id():
    program = "import os, sys; print(os.getpid(), sys.argv[1:], os.environ['MARK'])"
    command = end_with_parent.command([sys.executable, "-c", program, "a b", "-c"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "MARK": "x"}) as started:
        assert started.stdout.read().strip() == f"{started.pid} ['a b', '-c'] x"


def test_a_program_is_found_on_the_path():
    done = subprocess.run(end_with_parent.command(["echo", "found"]), capture_output=True, text=True, check=True)
    assert done.stdout == "found\n"


def test_signals_that_python_ignores_are_not_ignored_by_the_program():
    shell = ["/bin/sh", "-c", "grep SigIgn /proc/self/status"]
    ignored = subprocess.run(end_with_parent.command(shell), capture_output=True, text=True, check=True).stdout
    mask = int(ignored.split()[1], 16)
    assert not mask & (1 << (signal.SIGPIPE - 1))
    assert not mask & (1 << (signal.SIGXFSZ - 1))


def test_nothing_is_started_for_a_parent_that_has_ended():
    command = end_with_parent.command(["/bin/echo", "started"])
    command[command.index(str(os.getpid()))] = "1"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
