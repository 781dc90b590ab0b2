"""The processes of the demo: each has its own log, and is stopped with the block that started it."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from extproc.supervise import end_with_parent

READY_POLL_S = 0.05
STOP_WITHIN_S = 20.0
TAIL_LINES = 25
"""Lines of a log that are shown after a failure."""


class ProcessFailed(Exception):
    """A process of the demo ended, or did not answer in time."""


@dataclass
class Running:
    """One process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-TAIL_LINES:])


class Processes(AbstractContextManager["Processes"]):
    """Starts processes; stops them, last first, when the block ends."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.running: list[Running] = []

    def __enter__(self) -> Self:
        """Make the folder of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all processes, the last started first."""
        while self.running:
            _stop(self.running.pop())

    def start(
        self,
        name: str,
        argv: Sequence[str],
        ready_url: str,
        *,
        within_s: float,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start a process, and wait until it answers 200.

        Args:
            name: the name of the process and of its log.
            argv: the program and its arguments.
            ready_url: a URL, fetched until it answers.
            within_s: the longest wait, in seconds.
            env: variables added to the environment of this process.

        Raises:
            ProcessFailed: the process ended, or did not answer in time.
        """
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                end_with_parent.command(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        running = Running(name, process, log)
        self.running.append(running)
        _wait(running, ready_url, within_s)

    def check(self) -> None:
        """Raise ``ProcessFailed`` if a process has ended by itself."""
        for running in self.running:
            if running.process.poll() is not None:
                raise ProcessFailed(f"{running.name} ended with status {running.process.returncode}")


def _wait(running: Running, url: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not answers(url):
        if running.process.poll() is not None:
            raise ProcessFailed(f"{running.name} ended with status {running.process.returncode} while starting")
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{running.name} did not answer at {url} within {within_s:.0f} s")
        time.sleep(READY_POLL_S)


def answers(url: str) -> bool:
    """Return whether a GET gives 200 now."""
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _stop(running: Running) -> None:
    process = running.process
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
