"""``extproc up`` starts processes without running Python in a fork of itself."""

import subprocess
import sys

UP = """
import asyncio, os
from pathlib import Path

from extproc.cli import serve
from extproc.config import load
from extproc.supervise import run_up

async def start_a_process(settings, config, on_ready):
    process = await asyncio.create_subprocess_exec("true", start_new_session=True)
    print("status", await process.wait())

load.load_settings = lambda config: None
run_up.run_up = start_a_process
run_up.check_policy = lambda settings: None
os.register_at_fork(before=lambda: print("forked", flush=True))
serve.up(Path("extproc.yaml"))
"""
"""Starts one process as the supervisor starts its children, on the event loop that ``up`` chooses."""


def test_a_process_is_started_without_handlers_of_fork():
    """Such handlers run in the child, gRPC's among them: there a start has ended with SIGSEGV."""
    command = [sys.executable, "-c", UP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("status 0\n", "")
