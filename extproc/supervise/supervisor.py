"""``extproc up``: Envoy, the workers and the control process under one roof.

A part that dies comes back, with a growing pause; Envoy keeps to the workers that answer. On the way down, Envoy
stops accepting first, then the workers wait for their held calls up to ``limits.drain``, then Envoy goes, and
control last, so that the last entries are shipped.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from extproc.model.errors import ExtprocError

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: deliver a signal to this process when its parent dies."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_AFTER_S = 10.0
"""A part that ran this long is taken to be well: its next pause is short again."""
READY_POLL_S = 0.05
KILL_AFTER_S = 5.0
"""Seconds beyond its own drain limit after which a part that will not stop is killed."""


class StartFailedError(ExtprocError):
    """A part did not become ready."""


@dataclass
class Part:
    """One process to keep alive."""

    name: str
    argv: list[str]
    ready: Callable[[], Awaitable[bool]]
    """Whether it answers now. Must not raise."""
    stage: int = 0
    """A stage starts when all parts of the one before answer."""
    stop_within_s: float = KILL_AFTER_S
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    without: frozenset[str] = frozenset()
    """Variables of the supervisor's own that are none of its business."""
    process: asyncio.subprocess.Process | None = None
    starts: int = 0

    @property
    def running(self) -> bool:
        """Whether the process exists."""
        return self.process is not None and self.process.returncode is None


def die_with_parent() -> None:
    """Runs in the child before exec: no part outlives a supervisor that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Starts parts stage by stage, keeps them alive, and stops them in the reverse of the order given."""

    def __init__(self, parts: list[Part], *, start_within_s: float = 60.0) -> None:
        self.parts = parts
        self._start_within_s = start_within_s
        self._log = structlog.get_logger()
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self, progress: Callable[[str], None] = lambda _name: None) -> None:
        """Start every part and wait until all answer. Parts of one stage start together.

        Args:
            progress: told each part's name as it becomes ready.

        Raises:
            StartFailedError: a part ended, or did not answer in time. What was started is stopped again.
        """
        try:
            for stage in sorted({part.stage for part in self.parts}):
                parts = [part for part in self.parts if part.stage == stage]
                await asyncio.gather(*(self._start(part, progress) for part in parts))
        except BaseException:
            await self.stop()
            raise

    async def _start(self, part: Part, progress: Callable[[str], None]) -> None:
        await self._spawn(part)
        await self._until_ready(part)
        progress(part.name)
        self._watchers.append(asyncio.create_task(self._watch(part)))

    async def _spawn(self, part: Part) -> None:
        part.process = await asyncio.create_subprocess_exec(
            *part.argv,
            stdin=asyncio.subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in part.without}
            | dict(part.environment),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        part.starts += 1
        self._log.info("started", part=part.name, pid=part.process.pid)

    async def _until_ready(self, part: Part) -> None:
        deadline = time.monotonic() + self._start_within_s
        while not await part.ready():
            if not part.running:
                code = part.process.returncode if part.process else None
                raise StartFailedError(f"{part.name} ended with status {code} while starting; its log is above")
            if time.monotonic() > deadline:
                raise StartFailedError(f"{part.name} did not answer within {self._start_within_s:.0f} s")
            await asyncio.sleep(READY_POLL_S)

    async def _watch(self, part: Part) -> None:
        """Bring a part back whenever it ends."""
        pause = FIRST_PAUSE_S
        while part.process is not None:
            began = time.monotonic()
            status = await part.process.wait()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE_S if time.monotonic() - began > STEADY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            self._log.warning("ended, starting again", part=part.name, status=status, pause_s=pause)
            await asyncio.sleep(pause)
            if self._stopping.is_set():
                return
            await self._spawn(part)

    async def states(self) -> dict[str, str]:
        """Each part's state, for ``/healthz``."""
        answers = await asyncio.gather(*(part.ready() for part in self.parts))
        return {
            part.name: "ok" if answer else ("not ready" if part.running else "down")
            for part, answer in zip(self.parts, answers, strict=True)
        }

    async def stop(self, *names: str) -> None:
        """Stop these parts together (all of them, last started first, when none is named)."""
        self._stopping.set()
        if names:
            await asyncio.gather(*(self._stop(part) for part in self.parts if part.name in names))
            return
        for part in reversed(self.parts):
            await self._stop(part)
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _stop(self, part: Part) -> None:
        process = part.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(part.stop_within_s):
                await process.wait()
        except TimeoutError:
            self._log.error("did not stop in time, killed", part=part.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._log.info("stopped", part=part.name)
