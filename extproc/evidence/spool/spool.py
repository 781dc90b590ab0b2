"""The worker's own durable log: entries from the event loop, one writer thread, one commit for many entries."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from extproc.evidence.spool.entry_codec import encode_entry
from extproc.evidence.spool.queue_journal import Pending
from extproc.evidence.spool.spool_file import SUFFIX, Connect, Ledger, Line, connect, describe
from extproc.evidence.spool.watermark import read_mark
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError
from extproc.model.ids import Clock

TERMINAL_RESERVE = 8
"""Entries that end a call may use an eighth more than ``max_spool``: an admitted call must not lose its end."""

TRIM_ROWS = 2_000
"""Rows deleted at once, so that no entry waits long behind it."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """What a spool may hold."""

    relaxed_window: int = 1_000
    """Entries that ``record_relaxed`` may have in flight."""
    max_spool: int = 1 << 30
    """Bytes of unshipped documents before calls are refused."""
    batch: int = 512
    """Entries of one commit."""
    retention_s: float = 600.0
    """Seconds that shipped entries stay."""
    linger_s: float = 0.02
    """Seconds that entries which end a call may wait for company, so that one commit serves many."""
    tend_every_s: float = 1.0
    """Seconds between looks at how far the shipper is, and between attempts to mend a failed spool."""


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """For metrics."""

    last: int
    """Sequence number of the newest durable entry."""
    unshipped_bytes: int
    commits: int
    failures: int
    """Batches that were refused."""
    lost: int
    """Entries that nobody waited for, and that could not be stored before the spool closed."""


@dataclass(slots=True, eq=False)
class _Waiting:
    line: Line
    future: asyncio.Future[None] | None = None
    """Of who waits until the entry is durable."""
    lost: Callable[[], None] | None = None
    """Told, on the loop's thread, when the entry of a call's end was not stored before the spool closed."""
    loop: asyncio.AbstractEventLoop | None = None
    slot: int | None = None
    """Where it is kept besides, in case that this process is ended before it is stored."""

    @property
    def kept(self) -> bool:
        """Nobody waits for it: it is tried again until it is stored, or the spool closes."""
        return self.future is None

    @property
    def relaxed(self) -> bool:
        """It counts in the window; the end of a call does not."""
        return self.kept and self.lost is None


class Spool:
    """Implements ``Recorder`` on one SQLite file that only this process writes.

    The loop's thread encodes and queues; the writer thread takes all that is queued, commits it once and
    resolves the waiting futures. Entries that end a call hold nobody up: the writer lets them wait a little for
    company. A failed batch refuses the entries that somebody waits for; the others are kept and tried again.
    Make it in the process that uses it, after any fork; call it from the loop's thread.
    """

    def __init__(
        self,
        folder: Path,
        worker: str,
        limits: SpoolLimits | None = None,
        *,
        clock: Clock = time.time_ns,
        connect: Connect = connect,
        survives: bool = False,
    ) -> None:
        """Open ``folder/worker.spool`` and start the writer thread.

        Args:
            folder: the spools'.
            worker: names the file.
            limits: what it may hold.
            clock: wall-clock nanoseconds.
            connect: opens the file.
            survives: keep what is queued in a file beside it, for the next worker, should this process be killed.

        Raises:
            EvidenceError: it cannot be opened, or another process has it.
        """
        self._limits = limits or SpoolLimits()
        self._clock = clock
        self._ledger = Ledger(folder / f"{worker}{SUFFIX}", worker, connect=connect)
        try:
            self._pending = Pending(folder, worker) if survives else None
        except EvidenceError:
            self._ledger.shut()
            raise
        self.writer = self._ledger.writer
        """Identity of this log: the worker's name and a random part made with the file."""
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        # Each counter has one writing thread and so needs no lock: accepted_* the loop's, the others the writer's.
        self._accepted_bytes = self._settled_bytes = 0
        self._accepted_relaxed = self._settled_relaxed = 0
        self._commits = self._failures = self._lost = 0
        self._broken = False
        self._in_hand: list[_Waiting] = []
        self._doubtful: list[_Waiting] = []
        self._carried: list[_Waiting] = []
        self._through = read_mark(self._ledger.path, self.writer)
        self._stored_bytes = self._ledger.unshipped_bytes(self._through)
        self._next_tending = 0.0
        self._thread = threading.Thread(target=self._run, name=f"spool-{worker}", daemon=True)
        self._thread.start()

    async def record(self, entry: Entry) -> None:
        """Store one entry. On return it is durable. A cancelled caller's entry may be stored all the same.

        Raises:
            EvidenceError: full, closed, or the write failed.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(self._admit(entry), loop.create_future(), loop=loop)
        self._put(waiting)
        await waiting.future  # type: ignore[misc]  # made one line above

    def record_end(self, entry: Entry, lost: Callable[[], None]) -> None:
        """Queue the entry that ends a call; it is durable within ``linger_s`` and the time of a commit.

        It is the writer's from here on: nothing that the loop's thread does, or dies of, holds it up.

        Args:
            entry: a terminal one.
            lost: called when the spool closed before it could be stored.

        Raises:
            EvidenceError: full or closed: it is lost now.
        """
        self._put(self._surviving(_Waiting(self._admit(entry), lost=lost, loop=asyncio.get_running_loop())))

    def record_relaxed(self, entry: Entry) -> None:
        """Queue one entry within the window; it is stored soon, and tried again when a write fails.

        Raises:
            EvidenceError: the window is full, the spool is full or closed.
        """
        if self._accepted_relaxed - self._settled_relaxed >= self._limits.relaxed_window:
            raise EvidenceError("the window of relaxed entries is full")
        self._put(self._surviving(_Waiting(self._admit(entry))))
        self._accepted_relaxed += 1

    @property
    def healthy(self) -> bool:
        """False once a write has failed, until one succeeds again; False when closed or full."""
        return not (self._broken or self._closed or self._unshipped >= self._limits.max_spool)

    @property
    def stats(self) -> SpoolStats:
        """Counters for metrics."""
        return SpoolStats(self._ledger.last, self._unshipped, self._commits, self._failures, self._lost)

    def close(self) -> None:
        """Store what is queued, stop the thread, close the file. Blocks; later records are refused."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.close()

    # The loop's thread

    def _surviving(self, waiting: _Waiting) -> _Waiting:
        if self._pending is not None and not self._closed:
            waiting.slot = self._pending.keep(waiting.line.document)
        return waiting

    @property
    def _unshipped(self) -> int:
        return self._stored_bytes + self._accepted_bytes - self._settled_bytes

    def _admit(self, entry: Entry) -> Line:
        line = Line(entry.time_ns, encode_entry(entry))
        limit = self._limits.max_spool
        if entry.kind.terminal:
            limit += limit // TERMINAL_RESERVE
        if self._unshipped + len(line.document) > limit:
            raise EvidenceError("the spool is full: its entries are not being shipped")
        return line

    def _put(self, waiting: _Waiting) -> None:
        with self._gate:
            if self._closed:
                raise EvidenceError("the spool is closed")
            self._accepted_bytes += len(waiting.line.document)
            self._queue.put(waiting)

    # The writer thread

    def _run(self) -> None:
        try:
            self._work()
        finally:  # however this thread ends, nobody may wait for it
            with self._gate:
                self._closed = True
            left = self._doubtful + self._carried + self._in_hand
            while not self._queue.empty():
                one = self._queue.get_nowait()
                left += [one] if one else []
            self._lost += sum(one.kept for one in left)
            self._settle(left, "the entry cannot be stored: the spool is closed")
            self._ledger.shut()

    def _work(self) -> None:
        ending = False
        while not ending:
            self._in_hand, ending = self._take()
            if self._in_hand or self._broken or self._carried:
                self._store(self._in_hand)
            self._in_hand = []
            self._tend()

    def _take(self) -> tuple[list[_Waiting], bool]:
        """What is queued, and whether that was the last of it. What may wait for company does."""
        taken: list[_Waiting] = []
        try:
            one = self._queue.get(timeout=self._limits.tend_every_s)
            linger_until = time.monotonic() + self._limits.linger_s
            while one is not None:
                taken.append(one)
                if len(taken) >= self._limits.batch:
                    return taken, False
                if one.lost is None:  # no end of a call
                    linger_until = 0.0
                left = linger_until - time.monotonic() if linger_until else 0.0
                one = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
        except Empty:
            return taken, False
        return taken, True

    def _store(self, fresh: list[_Waiting]) -> None:
        try:
            self._mend()
        except Exception as error:  # noqa: BLE001 - a dead writer would hold every call for ever
            self._carried += self._refuse(fresh, error)
            return
        batch, self._carried = self._carried + fresh, []
        if not batch:
            return
        try:
            self._ledger.append([one.line for one in batch])
        except Exception as error:  # noqa: BLE001 - as above
            self._broken = True
            self._doubtful = self._refuse(batch, error)
            return
        self._commits += 1
        self._stored_bytes += _size(batch)
        self._settle(batch, "")

    def _mend(self) -> None:
        """After a failure: learn whether its batch happened all the same, before any number is used again."""
        if not self._broken:
            return
        happened = self._ledger.recover()
        self._stored_bytes = self._ledger.unshipped_bytes(self._through)
        if happened:
            self._settle(self._doubtful, "")
        else:
            self._carried = self._doubtful + self._carried
        self._doubtful = []
        self._broken = False

    def _refuse(self, batch: list[_Waiting], error: Exception) -> list[_Waiting]:
        """Fail the entries that somebody waits for; returns the others."""
        self._failures += 1
        self._settle([one for one in batch if not one.kept], f"the entry cannot be stored: {describe(error)}")
        return [one for one in batch if one.kept]

    def _settle(self, batch: list[_Waiting], error: str) -> None:
        self._settled_bytes += _size(batch)
        self._settled_relaxed += sum(one.relaxed for one in batch)
        told: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        for one in batch:
            if one.slot is not None and self._pending is not None and not error:
                self._pending.stored(one.slot)
            if one.loop is not None and (error or one.future is not None):
                told.setdefault(one.loop, []).append(one)
        for loop, some in told.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_tell, some, error)

    def _tend(self) -> None:
        """Follow the shipper's mark, and drop what is shipped and old enough."""
        if self._broken or time.monotonic() < self._next_tending:
            return
        self._next_tending = time.monotonic() + self._limits.tend_every_s
        try:
            through = min(read_mark(self._ledger.path, self.writer), self._ledger.last)
            if through > self._through:
                self._through, self._stored_bytes = through, self._ledger.unshipped_bytes(through)
            before_ns = self._clock() - int(self._limits.retention_s * 1e9)
            self._ledger.trim(self._through, before_ns, TRIM_ROWS)
        except Exception:  # noqa: BLE001 - as above; the next write tells what is wrong
            self._broken = True


def _tell(batch: Iterable[_Waiting], error: str) -> None:
    for one in batch:
        if one.lost is not None:
            one.lost()
        elif one.future is None or one.future.done():  # its caller was cancelled
            continue
        elif error:
            one.future.set_exception(EvidenceError(error))
        else:
            one.future.set_result(None)


def _size(batch: list[_Waiting]) -> int:
    return sum(len(one.line.document) for one in batch)
