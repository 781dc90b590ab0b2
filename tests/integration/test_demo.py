"""`extproc demo` from beginning to end, as a person starts it."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.support.envoy_process import envoy_binary, short_folder

TOLD = 10
"""Steps."""

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(envoy_binary() is None, reason="needs envoy")]


def left_running(word):
    """Processes whose command line holds the word (Linux; nothing elsewhere)."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [file.parent.name] if word.encode() in file.read_bytes() else []
    return found


@pytest.mark.timeout(240)
def test_every_step_of_the_story_does_what_it_says_and_nothing_is_left_running():
    with short_folder() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "extproc", "demo", "--workdir", str(folder / "demo")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=220,
            env={**os.environ, "COLUMNS": "200"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert [int(number) for number in re.findall(r"^ ?(\d+)\. ", done.stdout, re.MULTILINE)] == list(
            range(1, TOLD + 1)
        )
        assert left_running(str(folder)) == []
