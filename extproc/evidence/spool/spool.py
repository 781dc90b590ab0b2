"""A worker's durable log: entries from the event loop, one writer thread, one commit for many entries."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from extproc.evidence.spool.entry_codec import encode_entry
from extproc.evidence.spool.queue_journal import QueueJournal
from extproc.evidence.spool.spool_file import SUFFIX, Connect, NewRow, SpoolFile, connect, describe
from extproc.evidence.spool.watermark import read_mark
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND

TERMINAL_RESERVE = 8
"""Terminal entries may use an eighth more than ``max_spool``: an admitted call must not lose its end."""

TRIM_ROWS = 2_000
"""Rows deleted at once, so that no entry waits long for the deletion."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """The limits of a spool."""

    relaxed_window: int = 1_000
    """Entries that ``record_relaxed`` may have in flight."""
    max_spool: int = 1 << 30
    """Bytes of unshipped documents before calls are refused."""
    batch: int = 512
    """Entries of one commit."""
    retention_s: float = 600.0
    """Seconds that shipped entries stay."""
    linger_s: float = 0.02
    """Seconds that terminal entries may wait for other entries, so that one commit stores many."""
    maintain_every_s: float = 1.0
    """Seconds between readings of the shipper's watermark, and between attempts to recover a failed spool."""


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """Counters for metrics."""

    last: int
    """Sequence number of the newest durable entry."""
    unshipped_bytes: int
    commits: int
    failures: int
    """Refused batches."""
    lost: int
    """Entries without a waiting caller that could not be stored before the spool closed."""


@dataclass(slots=True, eq=False)
class _Queued:
    """One entry between its acceptance and its outcome."""

    row: NewRow
    future: asyncio.Future[None] | None = None
    """Resolved when the entry is durable or refused; None if no caller waits."""
    lost: Callable[[], None] | None = None
    """For a terminal entry: called on the loop's thread if the spool closed before the entry was stored."""
    loop: asyncio.AbstractEventLoop | None = None
    slot: int | None = None
    """The entry's slot in the queue journal."""

    @property
    def retried(self) -> bool:
        """No caller waits for it: it is tried again until it is stored, or the spool closes."""
        return self.future is None

    @property
    def relaxed(self) -> bool:
        """It counts in the relaxed window; a terminal entry does not."""
        return self.retried and self.lost is None


class Spool:
    """Implements ``Recorder`` on one SQLite file that only this process writes.

    The loop's thread encodes and queues entries. The writer thread takes all queued entries, commits them once and
    resolves the waiting futures. Terminal entries delay nobody, so the writer lets them wait a little for other
    entries. A failed batch refuses the entries that a caller waits for; the others are tried again.

    Create it in the process that uses it, after any fork; call it from the loop's thread.
    """

    def __init__(
        self,
        folder: Path,
        worker: str,
        limits: SpoolLimits | None = None,
        *,
        clock: Clock = time.time_ns,
        connect: Connect = connect,
        journal: bool = False,
    ) -> None:
        """Open ``folder/worker.spool`` and start the writer thread.

        Args:
            folder: the spools' folder.
            worker: names the file.
            limits: of this spool.
            clock: wall-clock nanoseconds.
            connect: opens the file.
            journal: keep a queue journal beside the spool, from which the next worker recovers queued entries if
                this process is killed.

        Raises:
            EvidenceError: the file cannot be opened, or another process has it.
        """
        self._limits = limits or SpoolLimits()
        self._clock = clock
        self._file = SpoolFile(folder / f"{worker}{SUFFIX}", worker, connect=connect)
        try:
            self._journal = QueueJournal(folder, worker) if journal else None
        except EvidenceError:
            self._file.close()
            raise
        self.writer = self._file.writer
        """Identity of this log: the worker's name, and a random part that is made with the file."""
        self._queue: SimpleQueue[_Queued | None] = SimpleQueue()
        self._closing = threading.Lock()
        """Held while an entry is queued, and while ``_closed`` is set: no entry is queued afterwards."""
        self._closed = False
        # Each counter has one writing thread and so needs no lock: accepted_* the loop's, the others the writer's.
        self._accepted_bytes = self._resolved_bytes = 0
        self._accepted_relaxed = self._resolved_relaxed = 0
        self._commits = self._failures = self._lost = 0
        self._broken = False
        """A write failed, and recovery has not succeeded since."""
        self._batch: list[_Queued] = []
        """Taken from the queue, and not stored yet."""
        self._in_doubt: list[_Queued] = []
        """Of the batch whose commit failed: stored or not, ``_recover`` finds out."""
        self._retry: list[_Queued] = []
        """Not stored for certain; part of the next batch."""
        self._acked_seq = read_mark(self._file.path, self.writer)
        """Everything up to this sequence number is in ClickHouse."""
        self._stored_bytes = self._file.unshipped_bytes(self._acked_seq)
        self._next_maintenance = 0.0
        self._thread = threading.Thread(target=self._run, name=f"spool-{worker}", daemon=True)
        self._thread.start()

    async def record(self, entry: Entry) -> None:
        """Store one entry. On return the entry is durable. The entry of a cancelled caller may still be stored.

        Raises:
            EvidenceError: the spool is full or closed, or the write failed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Queued(self._admit(entry), future, loop=loop))
        await future

    def record_end(self, entry: Entry, lost: Callable[[], None]) -> None:
        """Queue a terminal entry; it is durable within ``linger_s`` and the time of a commit.

        From here on the writer thread owns the entry: it is stored even if the loop's thread is busy or dies.

        Args:
            entry: ends a call.
            lost: called if the spool closed before the entry could be stored.

        Raises:
            EvidenceError: the spool is full or closed: the entry is lost.
        """
        self._put(self._journalled(_Queued(self._admit(entry), lost=lost, loop=asyncio.get_running_loop())))

    def record_relaxed(self, entry: Entry) -> None:
        """Queue one entry within the window; it is stored soon, and tried again if a write fails.

        Raises:
            EvidenceError: the window is full, or the spool is full or closed.
        """
        if self._accepted_relaxed - self._resolved_relaxed >= self._limits.relaxed_window:
            raise EvidenceError("the window of relaxed entries is full")
        self._put(self._journalled(_Queued(self._admit(entry))))
        self._accepted_relaxed += 1

    @property
    def healthy(self) -> bool:
        """False once a write has failed, until one succeeds again; False if closed or full."""
        return not (self._broken or self._closed or self._unshipped >= self._limits.max_spool)

    @property
    def stats(self) -> SpoolStats:
        """Counters for metrics."""
        return SpoolStats(self._file.last, self._unshipped, self._commits, self._failures, self._lost)

    def close(self) -> None:
        """Store the queued entries, stop the thread, close the file. Blocks; later records are refused."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    # The loop's thread

    def _journalled(self, queued: _Queued) -> _Queued:
        if self._journal is not None and not self._closed:
            queued.slot = self._journal.add(queued.row.document)
        return queued

    @property
    def _unshipped(self) -> int:
        return self._stored_bytes + self._accepted_bytes - self._resolved_bytes

    def _admit(self, entry: Entry) -> NewRow:
        row = NewRow(entry.time_ns, encode_entry(entry))
        limit = self._limits.max_spool
        if entry.kind.terminal:
            limit += limit // TERMINAL_RESERVE
        if self._unshipped + len(row.document) > limit:
            raise EvidenceError("the spool is full: its entries are not being shipped")
        return row

    def _put(self, queued: _Queued) -> None:
        with self._closing:
            if self._closed:
                raise EvidenceError("the spool is closed")
            self._accepted_bytes += len(queued.row.document)
            self._queue.put(queued)

    # The writer thread

    def _run(self) -> None:
        try:
            self._write_batches()
        finally:  # however this thread ends, no caller may wait for it any longer
            with self._closing:
                self._closed = True
            unstored = self._in_doubt + self._retry + self._batch
            while not self._queue.empty():
                queued = self._queue.get_nowait()
                unstored += [queued] if queued else []
            self._lost += sum(one.retried for one in unstored)
            self._resolve(unstored, "the entry cannot be stored: the spool is closed")
            self._file.close()

    def _write_batches(self) -> None:
        last = False
        while not last:
            self._batch, last = self._take()
            if self._batch or self._broken or self._retry:
                self._store(self._batch)
            self._batch = []
            self._maintain()

    def _take(self) -> tuple[list[_Queued], bool]:
        """Take the queued entries; terminal entries alone wait up to ``linger_s`` for others.

        Returns:
            The entries, and True if the spool is closing and these are the last ones.
        """
        taken: list[_Queued] = []
        try:
            queued = self._queue.get(timeout=self._limits.maintain_every_s)
            linger_until = time.monotonic() + self._limits.linger_s
            while queued is not None:
                taken.append(queued)
                if len(taken) >= self._limits.batch:
                    return taken, False
                if queued.lost is None:  # not a terminal entry
                    linger_until = 0.0
                wait_s = linger_until - time.monotonic() if linger_until else 0.0
                queued = self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()
        except Empty:
            return taken, False
        return taken, True

    def _store(self, fresh: list[_Queued]) -> None:
        try:
            self._recover()
        except Exception as error:  # noqa: BLE001 - a dead writer thread would hold every call for ever
            self._retry += self._refuse(fresh, error)
            return
        batch, self._retry = self._retry + fresh, []
        if not batch:
            return
        try:
            self._file.append([one.row for one in batch])
        except Exception as error:  # noqa: BLE001 - as above
            self._broken = True
            self._in_doubt = self._refuse(batch, error)
            return
        # At this point the batch is durable.
        self._commits += 1
        self._stored_bytes += _size(batch)
        self._resolve(batch, "")

    def _recover(self) -> None:
        """After a failure, find out whether the batch was stored, before any sequence number is used again."""
        if not self._broken:
            return
        stored = self._file.recover()
        self._stored_bytes = self._file.unshipped_bytes(self._acked_seq)
        if stored:
            self._resolve(self._in_doubt, "")
        else:
            self._retry = self._in_doubt + self._retry
        self._in_doubt = []
        self._broken = False

    def _refuse(self, batch: list[_Queued], error: Exception) -> list[_Queued]:
        """Fail the entries that a caller waits for; return the others."""
        self._failures += 1
        self._resolve([one for one in batch if not one.retried], f"the entry cannot be stored: {describe(error)}")
        return [one for one in batch if one.retried]

    def _resolve(self, batch: list[_Queued], error: str) -> None:
        """Account for entries that are stored (no error) or given up, and tell their callers."""
        self._resolved_bytes += _size(batch)
        self._resolved_relaxed += sum(one.relaxed for one in batch)
        by_loop: dict[asyncio.AbstractEventLoop, list[_Queued]] = {}
        for one in batch:
            if one.slot is not None and self._journal is not None and not error:
                self._journal.remove(one.slot)
            if one.loop is not None and (error or one.future is not None):
                by_loop.setdefault(one.loop, []).append(one)
        for loop, entries in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_notify, entries, error)

    def _maintain(self) -> None:
        """Read the shipper's watermark, and delete entries that are shipped and past their retention."""
        if self._broken or time.monotonic() < self._next_maintenance:
            return
        self._next_maintenance = time.monotonic() + self._limits.maintain_every_s
        try:
            acked_seq = min(read_mark(self._file.path, self.writer), self._file.last)
            if acked_seq > self._acked_seq:
                self._acked_seq, self._stored_bytes = acked_seq, self._file.unshipped_bytes(acked_seq)
            before_ns = self._clock() - int(self._limits.retention_s * NANOSECONDS_PER_SECOND)
            self._file.trim(self._acked_seq, before_ns, TRIM_ROWS)
        except Exception:  # noqa: BLE001 - as above; the next write says what is wrong
            self._broken = True


def _notify(entries: Iterable[_Queued], error: str) -> None:
    for one in entries:
        if one.lost is not None:
            one.lost()
        elif one.future is None or one.future.done():  # its caller was cancelled
            continue
        elif error:
            one.future.set_exception(EvidenceError(error))
        else:
            one.future.set_result(None)


def _size(batch: list[_Queued]) -> int:
    return sum(len(one.row.document) for one in batch)
