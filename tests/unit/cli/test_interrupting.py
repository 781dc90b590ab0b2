"""Ctrl-C ends a command at any point of the code, at once, and without a traceback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

AT = """
import signal, sys

first, name, part = sys.argv[1:4]
sys.argv[:] = ["extproc", *sys.argv[4:]]

def trace(frame, event, argument):
    global first
    if first and frame.f_code.co_name == first:
        first = ""
    if not first and frame.f_code.co_name == name and part in frame.f_code.co_filename:
        sys.settrace(None)
        print("pressed", flush=True)
        signal.raise_signal(signal.SIGINT)

from extproc.__main__ import main

sys.settrace(trace)
main()
"""
"""Presses Ctrl-C in the first call of the function of this name, in a file whose name has this part, after that of
another function."""
WATCH = ("policy", "test", "p", "--watch")
CHECK = ("policy", "check", "p")
ENDED = {130, -signal.SIGINT}
"""A shell reports both as 130."""
SLOW = """package t_test

test_slow if {
	all := numbers.range(1, 5000)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) >= 0
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "t.rego").write_text('package extproc\n\ndecision := {"action": "deny"}\n')
    (tmp_path / "p" / "t_test.rego").write_text("package t_test\n\ntest_t if data.extproc.decision\n")
    (tmp_path / "body.json").write_text("{}")
    return tmp_path


def pressed(name, part, *words, after=""):
    """Run a command, press Ctrl-C in this function, and return the ended process."""
    ended = subprocess.run(
        [sys.executable, "-c", AT, after, name, part, *words],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "pressed" in ended.stdout
    return ended


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("<module>", "typer"),  # while the command's modules are loaded
        ("choose_files", "extproc"),
        ("cb", "importlib"),  # where what is raised goes nowhere
        ("__set_name__", "enum"),  # where it comes out as another error
    ],
)
@pytest.mark.parametrize("words", [CHECK, WATCH])
def test_it_ends_wherever_it_is(name, part, words):
    ended = pressed(name, part, *words)
    assert ended.returncode in ENDED
    assert (ended.stderr.strip(), "watching" in ended.stdout) in {("", False), ("Aborted.", False)}


@pytest.mark.parametrize(
    ("after", "name", "part"),
    [
        ("", "run_once", "extproc"),
        ("once", "cb", "importlib"),  # what runs tests is loaded now
        ("run_once", "fingerprint", "extproc"),  # it looks for changes
    ],
)
def test_a_watch_ends(after, name, part):
    ended = pressed(name, part, *WATCH, after=after)
    assert ended.returncode in {0, *ENDED}
    assert "watching 2 files" in ended.stdout
    assert not ended.stderr


def test_it_ends_where_what_is_raised_goes_nowhere_and_nobody_says_so():
    """Found out a second later; a command that has finished by then has done its work."""
    ended = pressed("hash_func", "pydantic", "config", "schema")
    assert ended.returncode in {0, *ENDED}
    assert not ended.stderr


def test_an_interpreter_that_takes_its_time_to_end_is_not_ended():
    late = AT.replace("import signal, sys", "import atexit, signal, sys, time; atexit.register(time.sleep, 1.5)")
    ended = subprocess.run(
        [sys.executable, "-c", late, "", "choose_files", "extproc", *CHECK],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (130, "")


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("words", [CHECK, WATCH])
def test_a_terminals_ctrl_c_is_no_crash_of_the_engine(folder, group, words):
    (folder / "p" / "t_test.rego").write_text(SLOW)
    command = [sys.executable, "-m", "extproc", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if words is WATCH:  # the child that was started for one run alone has ended by then
        while "watching" not in process.stdout.readline():
            assert process.poll() is None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 20
    while not (child := children.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    assert os.getpgid(int(child[0])) != process.pid  # a worker would take its end for a refusal
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=8)
    assert process.returncode == (0 if words is WATCH else 130)
    assert "crashed" not in told
    assert "Traceback" not in told
    assert gone(child[0])


def gone(pid):
    """Return whether a process has ended, even if nobody has waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_is_to_ignore_it_does():
    """A script runs its background jobs so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "extproc", "policy", "check", "p"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - no thread runs
    )
    for _ in range(8):
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith(b"OK")
