"""The supervisor of ``extproc up``: starts child processes, restarts those that die, and stops them in order.

A child that dies is started again after a pause that grows; meanwhile Envoy uses the workers that answer. At the
end, Envoy stops accepting first. Then the workers wait for their held calls, up to ``limits.drain``. Then Envoy
stops, and control stops last, so that the last entries are shipped.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from extproc.model.errors import ExtprocError
from extproc.server.supervised import SUPERVISED
from extproc.supervise import end_with_parent
from extproc.supervise.line import Line

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_AFTER_S = 10.0
"""A child that ran this long counts as healthy: its next pause is short again."""
READY_POLL_S = 0.05
KILL_AFTER_S = 5.0
"""Seconds beyond its own drain limit after which a child that does not stop is killed."""


class StartFailedError(ExtprocError):
    """A child process did not become ready."""


@dataclass
class Child:
    """One process that the supervisor keeps running."""

    name: str
    argv: list[str]
    ready: Callable[[], Awaitable[bool]]
    """Returns whether the process answers now. Must not raise."""
    stage: int = 0
    """Children start together with those of their stage, once all children of earlier stages answer."""
    stop_within_s: float = KILL_AFTER_S
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to the supervisor's own."""
    without: frozenset[str] = frozenset()
    """Variables of the supervisor's own that the child must not see."""
    has_line: bool = False
    """True for a process that obeys the supervisor over its standard input."""
    process: asyncio.subprocess.Process | None = None
    line: Line | None = None
    """To the process that runs now; None for one that has no line."""
    starts: int = 0

    @property
    def running(self) -> bool:
        """True if the process exists."""
        return self.process is not None and self.process.returncode is None


class Supervisor:
    """Starts children stage by stage, restarts those that die, and stops them in reverse order."""

    def __init__(
        self,
        children: list[Child],
        *,
        start_within_s: float = 60.0,
        on_end: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Start nothing yet.

        Args:
            children: the processes.
            start_within_s: seconds in which each child must answer.
            on_end: called with the id of each process that has ended by itself.
        """
        self.children = children
        self._on_end = on_end
        self._start_within_s = start_within_s
        self._log = structlog.get_logger()
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self, progress: Callable[[str], None] = lambda _name: None) -> None:
        """Start every child, and wait until all of them answer.

        Args:
            progress: called with each child's name when it is ready.

        Raises:
            StartFailedError: a child ended, or did not answer in time. The children that were started are stopped.
        """
        try:
            for stage in sorted({child.stage for child in self.children}):
                children = [child for child in self.children if child.stage == stage]
                await asyncio.gather(*(self._start(child, progress) for child in children))
        except BaseException:
            await self.stop()
            raise

    async def _start(self, child: Child, progress: Callable[[str], None]) -> None:
        await self._spawn(child)
        await self._until_ready(child)
        progress(child.name)
        self._watchers.append(asyncio.create_task(self._watch(child)))

    async def _spawn(self, child: Child) -> None:
        """Start the process, after its line is there.

        What a process is started with is read at that moment. A change of the configuration that is under way asks
        over the line, and so learns of a process that was started with the former one.
        """
        environment = {name: value for name, value in os.environ.items() if name not in child.without}
        environment |= child.environment
        if not child.has_line:
            child.process = await self._execute(child, asyncio.subprocess.DEVNULL, environment)
            return
        ours, theirs = socket.socketpair()
        with theirs:
            former, child.line = child.line, await Line.over(ours)
            child.process = await self._execute(child, theirs.fileno(), environment | {SUPERVISED: "1"})
        if former is not None:
            await former.close()

    async def _execute(
        self, child: Child, stdin: int, environment: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        child.starts += 1
        process = await asyncio.create_subprocess_exec(
            *end_with_parent.command(child.argv), stdin=stdin, env=environment, start_new_session=True
        )
        self._log.info("started", part=child.name, pid=process.pid)
        return process

    async def _until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + self._start_within_s
        while not await child.ready():
            if not child.running:
                code = child.process.returncode if child.process else None
                raise StartFailedError(f"{child.name} ended with status {code} while starting; its log is above")
            if time.monotonic() > deadline:
                raise StartFailedError(f"{child.name} did not answer within {self._start_within_s:.0f} s")
            await asyncio.sleep(READY_POLL_S)

    async def _watch(self, child: Child) -> None:
        """Start a child again whenever it ends."""
        pause = FIRST_PAUSE_S
        while child.process is not None:
            began = time.monotonic()
            status = await child.process.wait()
            if self._stopping.is_set():
                return
            self._on_end(child.process.pid)
            pause = FIRST_PAUSE_S if time.monotonic() - began > STEADY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            self._log.warning("ended, starting again", part=child.name, status=status, pause_s=pause)
            await asyncio.sleep(pause)
            if self._stopping.is_set():
                return
            await self._spawn(child)

    async def states(self) -> dict[str, str]:
        """Return each child's state, for ``/healthz``."""
        answers = await asyncio.gather(*(child.ready() for child in self.children))
        return {
            child.name: "ok" if answer else ("not ready" if child.running else "down")
            for child, answer in zip(self.children, answers, strict=True)
        }

    async def stop(self, *names: str) -> None:
        """Stop the named children together; without names, all of them, the last started first."""
        self._stopping.set()
        if names:
            await asyncio.gather(*(self._stop(child) for child in self.children if child.name in names))
            return
        for child in reversed(self.children):
            await self._stop(child)
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    def hurry(self, *names: str) -> None:
        """Have the named children, which are stopping, end at once."""
        for child in self.children:
            if child.name in names and child.running and child.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()

    async def _stop(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(child.stop_within_s):
                await process.wait()
        except TimeoutError:
            self._log.error("did not stop in time, killed", part=child.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._log.info("stopped", part=child.name)
