"""`extproc demo` from beginning to end, as a person starts it."""

import os
import re
import subprocess
import sys

import pytest

from tests.integration.support.envoy_process import envoy_binary, short_folder

TOLD = 10
"""Steps."""

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(envoy_binary() is None, reason="needs envoy")]


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
        assert str(folder) not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
