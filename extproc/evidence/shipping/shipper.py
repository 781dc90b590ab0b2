"""Ships entries from the spools to ClickHouse: at least once in flight, exactly once in the table.

1. A block's boundaries become durable. A repeated block is then the same block, with the same deduplication token.
2. The block is inserted.
3. The writer's last shipped sequence number becomes durable, after ClickHouse has confirmed the insert.
"""

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from extproc.concurrency.locked_file import open_locked
from extproc.evidence.shipping.clickhouse import ClickHouseClient, Parameters
from extproc.evidence.shipping.entry_rows import insert_row
from extproc.evidence.shipping.shipping_state import InFlightBlock, ShippingState
from extproc.evidence.shipping.tables import ENTRY_COLUMNS, INSERT_COLUMNS, LOG_COLUMNS, feed_again
from extproc.evidence.spool.spool_file import SUFFIX, describe
from extproc.evidence.spool.spool_reader import SpoolReader, StoredRow
from extproc.evidence.spool.watermark import read_mark, write_mark
from extproc.model.errors import EvidenceError

BLOCK_BYTES = 8 << 20
"""Bytes of the documents of one block; further rows go into the next block."""

BLOCKS_IN_TURN = 10
"""Blocks of one spool before the next spool has its turn."""

COLUMN_TYPES = [*LOG_COLUMNS.values(), *ENTRY_COLUMNS.values()]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts that fail: each is twice as long as the one before, up to a limit."""

    first_s: float = 0.5
    max_s: float = 30.0

    def pause_s(self, failures: int) -> float:
        """Return the seconds until the next attempt, after that many failures in a row."""
        return min(self.max_s, self.first_s * 2.0 ** min(failures, 10))


@dataclass(frozen=True, slots=True)
class Progress:
    """Counters of a shipper, for health and metrics."""

    rows: int = 0
    """Rows that this process shipped."""
    blocks: int = 0
    failures: int = 0
    """Rounds that failed, because of ClickHouse or the shipper's own state."""
    failing: int = 0
    """Failures since the last success."""
    last_error: str = ""
    """Name of the latest failure, until a round succeeds."""
    behind: int = 0
    """Sequence numbers of all spools that were not shipped yet at the end of the last round."""
    damaged: int = 0
    """Rows that were shipped as damaged."""
    faults: dict[str, str] = field(default_factory=dict)
    """Faults of spools, by file name. Missing rows stay listed; other faults while they last."""


class Shipper:
    """Ships every spool of a folder, including the spools of dead workers. A lock refuses a second shipper.

    All methods block; run it in its own thread.
    """

    def __init__(
        self,
        folder: Path,
        connect: Callable[[], ClickHouseClient],
        database: str,
        *,
        batch: int = 5_000,
        backoff: Backoff | None = None,
    ) -> None:
        """Take the lock and open the shipper's state.

        Args:
            folder: the spools' folder.
            connect: opens a client of a database that has the tables; called again after each failure.
            database: has the table ``entries``.
            batch: maximum rows of one block.
            backoff: the pauses of ``run`` after failures.

        Raises:
            EvidenceError: another shipper works here, or the folder is not writable.
        """
        self._folder = folder
        self._connect = connect
        self._database = database
        self._batch = batch
        self._backoff = backoff or Backoff()
        self._client: ClickHouseClient | None = None
        self._progress = Progress()
        self._gaps: dict[str, str] = {}
        self._logged_faults: dict[str, str] = {}
        self._lock = _lock(folder)
        try:
            self._state = ShippingState(folder / "shipper.db")
        except sqlite3.Error as error:
            os.close(self._lock)
            raise EvidenceError(f"the shipper's state cannot be opened: {describe(error)}") from error

    @property
    def progress(self) -> Progress:
        """A snapshot; safe from any thread."""
        return self._progress

    def run(self, stop: threading.Event, every_s: float) -> None:
        """Ship until ``stop`` is set, then once more. After failures the pauses grow."""
        while not stop.wait(self._pause(every_s)):
            self.ship()
        self.ship()
        self.close()

    def ship(self) -> int:
        """Ship one round: each spool to its end, or for its turn.

        Returns:
            The number of shipped rows. Failures do not raise; see ``progress``.
        """
        before, behind = self._progress.rows, 0
        faults: dict[str, str] = {}
        seen: set[str] = set()
        try:
            for path in self._spools():
                behind += self._ship_spool(path, faults, seen)
        except Exception as error:  # noqa: BLE001 - whatever the driver raises, it is tried again
            self._failed(error)
        else:
            self._progress = replace(self._progress, failing=0, last_error="", behind=behind)
        self._report(faults)
        return self._progress.rows - before

    def close(self) -> None:
        """Close the client and the state, and release the lock."""
        self._drop_client()
        self._state.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _spools(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    # One spool

    def _ship_spool(self, path: Path, faults: dict[str, str], seen: set[str]) -> int:
        try:
            reader = SpoolReader(path)
        except sqlite3.Error as error:
            faults[path.name] = f"cannot be opened: {describe(error)}"
            return 0
        with contextlib.closing(reader):
            if reader.writer in seen:
                faults[path.name] = "is a copy of another spool"
                return 0
            seen.add(reader.writer)
            return self._ship_blocks(path, reader, faults)

    def _ship_blocks(self, path: Path, reader: SpoolReader, faults: dict[str, str]) -> int:
        acked_seq = self._acked_seq(reader.writer)
        if read_mark(path, reader.writer) != acked_seq:  # the process ended between the two writes
            write_mark(path, reader.writer, acked_seq)
        for _ in range(BLOCKS_IN_TURN):
            try:
                block, rows = self._next_block(reader, acked_seq)
            except _SpoolFault as fault:
                faults[path.name] = str(fault)
                return 0
            if block is None:
                break
            self._check_gaps(path, acked_seq, block, rows)
            self._send(block, rows)
            # At this point the block is in ClickHouse.
            self._state.finish(block)
            acked_seq = block.last
            write_mark(path, block.writer, acked_seq)
        return max(0, reader.last() - acked_seq)

    def _next_block(self, reader: SpoolReader, acked_seq: int) -> tuple[InFlightBlock | None, list[StoredRow]]:
        block = self._state.in_flight(reader.writer)
        try:
            if reader.last() < acked_seq:
                raise _SpoolFault(f"its sequence went back: {reader.last()} after {acked_seq}")
            if block is None:
                end = reader.block_end(acked_seq, self._batch, BLOCK_BYTES)
                if end is None:
                    return None, []
                block = InFlightBlock(reader.writer, acked_seq + 1, end)
            rows = reader.read(block.first, block.last)
        except sqlite3.Error as error:
            raise _SpoolFault(f"cannot be read: {describe(error)}") from error
        self._state.start(block)
        return block, rows

    def _acked_seq(self, writer: str) -> int:
        """Return the last shipped sequence number of a writer; ClickHouse knows it if our state does not."""
        known = self._state.acked_seq(writer)
        if known is None:
            query = f"SELECT max(seq) FROM {self._database}.entries WHERE writer = {{writer:String}}"  # noqa: S608
            known = int(self._open().query(query, parameters={"writer": writer}).result_rows[0][0])
            self._state.add_writer(writer, known)
        return known

    def _send(self, block: InFlightBlock, rows: list[StoredRow]) -> None:
        made = [insert_row(block.writer, row) for row in rows]
        if not (block.in_doubt and self._is_there(block, len(rows))):
            self._insert(block, [row for row, _ in made])
        if block.in_doubt:
            self._open().command(feed_again(self._database), parameters=_span(block))
        damaged = sum(bool(damage) for _, damage in made)
        now = self._progress
        self._progress = replace(
            now, rows=now.rows + len(rows), blocks=now.blocks + 1, damaged=now.damaged + damaged
        )

    def _insert(self, block: InFlightBlock, rows: list[list[object]]) -> None:
        self._open().insert(
            "entries",
            rows,
            column_names=INSERT_COLUMNS,
            column_type_names=COLUMN_TYPES,
            database=self._database,
            settings={
                "insert_deduplicate": 1,
                "insert_deduplication_token": f"{block.writer}:{block.first}-{block.last}",
                "max_partitions_per_insert_block": 0,
                "async_insert": 0,
            },
        )

    def _is_there(self, block: InFlightBlock, rows: int) -> bool:
        """Return whether a block that may have been sent before has arrived.

        A second check beside the token: ClickHouse forgets tokens after a while, and may do so after a power loss.
        """
        query = (
            f"SELECT uniqExact(seq) FROM {self._database}.entries"  # noqa: S608
            " WHERE writer = {writer:String} AND seq BETWEEN {first:Int64} AND {last:Int64}"
        )
        return int(self._open().query(query, parameters=_span(block)).result_rows[0][0]) == rows

    def _check_gaps(self, path: Path, acked_seq: int, block: InFlightBlock, rows: list[StoredRow]) -> None:
        missing = block.last - acked_seq - len(rows)
        if missing:
            self._gaps[path.name] = f"{missing} sequence numbers after {acked_seq} are missing"

    # Failures

    def _open(self) -> ClickHouseClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _failed(self, error: Exception) -> None:
        self._drop_client()
        now = self._progress
        kind = describe(error)
        if kind != now.last_error:
            log.warning("evidence is not being shipped: %s", kind)
        self._progress = replace(
            now, failures=now.failures + 1, failing=now.failing + 1, last_error=kind, behind=self._backlog()
        )

    def _backlog(self) -> int:
        behind = 0
        for path in self._spools():
            with contextlib.suppress(sqlite3.Error), contextlib.closing(SpoolReader(path)) as reader:
                behind += max(0, reader.last() - (self._state.acked_seq(reader.writer) or 0))
        return behind

    def _drop_client(self) -> None:
        with contextlib.suppress(Exception):
            if self._client is not None:
                self._client.close()
        self._client = None

    def _report(self, faults: dict[str, str]) -> None:
        """Publish the faults. A fault is logged in its second round: a spool that is being made looks broken."""
        faults = self._gaps | faults
        for name, fault in faults.items():
            if self._progress.faults.get(name) == fault != self._logged_faults.get(name):
                log.error("spool %s: %s", name, fault)
                self._logged_faults[name] = fault
        self._progress = replace(self._progress, faults=faults)

    def _pause(self, every_s: float) -> float:
        failing = self._progress.failing
        return self._backoff.pause_s(failing) if failing else every_s


class _SpoolFault(Exception):
    """A spool cannot be shipped until a person has repaired it."""


def _span(block: InFlightBlock) -> Parameters:
    return {"writer": block.writer, "first": block.first, "last": block.last}


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open_locked(folder / "shipper.lock", os.O_CREAT)
    except BlockingIOError:
        raise EvidenceError("another process ships this folder's spools") from None
    except OSError as error:
        raise EvidenceError(f"the folder of spools cannot be used: {error.strerror}") from error
