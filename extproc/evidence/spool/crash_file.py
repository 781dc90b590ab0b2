"""What a worker says before it does what it may not survive: the system keeps it when the process is gone.

When the machine stops, what stands there may be old: whoever tells it looks first whether the end was recorded.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.mmap_file import START, LeftFile, SharedFile, left_behind, read_record, write_record
from extproc.evidence.spool.spool_file import SUFFIX as SPOOL_SUFFIX
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.model.entries import Entry

SUFFIX = ".words"
"""Of a file of last words, beside the spools."""
SIZE = 16 << 10
"""Bytes of the file."""
MOST_WORDS, LONGEST_WORD = 24, 80
"""What is kept of words that are too long for the file: so many, and characters of each (at most 7 bytes each)."""


class LastWords:
    """This process's file of last words. Used by one thread."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Make it.

        Raises:
            EvidenceError: there is no room for it, or the folder is not writable.
        """
        self._file = SharedFile(folder, worker, SUFFIX, SIZE)
        self._map = self._file.memory

    def say(self, words: Sequence[str]) -> None:
        """Say this, if the process ends before ``unsay``. Never raises."""
        try:
            text = orjson.dumps(words)
        except TypeError:  # a lone surrogate
            text = _shortened(words)
        if len(text) > SIZE - START:
            text = _shortened(words)
        write_record(self._map, 0, text)

    def unsay(self) -> None:
        """It was survived."""
        self._map[0] = 0

    def close(self) -> None:
        """Take the file away: nothing was left unsaid."""
        self._file.close()


class Left:
    """Words of a process that is gone. ``forget`` or ``leave`` them in the end."""

    def __init__(self, file: LeftFile) -> None:
        self.said = bool(file.raw) and file.raw[0] != 0
        self.words = _read(file.raw)
        """None: nothing was said, or it cannot be read."""
        self.worker, self.forget, self.leave = file.worker, file.forget, file.leave


def words_left(folder: Path) -> Iterator[Left]:
    """The last words of processes that are gone, whatever they are."""
    return map(Left, left_behind(folder, SUFFIX))


def ends_recorded(folder: Path, *, call_id: str, request_id: str, since_ns: int) -> tuple[Entry, ...]:
    """Entries in the spools that end a call under one of two ids: this call, or another with its request id.

    A spool that cannot be read has none: a call that ends twice is better than one that does not.

    Args:
        folder: the spools'.
        call_id: the guard's id.
        request_id: Envoy's, or the caller's; entries may bear it in place of the guard's.
        since_ns: when the call began: no earlier entry is of it.
    """
    text = orjson.dumps(request_id or call_id)[1:-1].decode()
    return tuple(
        entry
        for entry in _mentions(folder, text, since_ns)
        if entry.kind.terminal and entry.call_id in (call_id, request_id)
    )


def _mentions(folder: Path, text: str, since_ns: int) -> Iterator[Entry]:
    for path in sorted(folder.glob(f"*{SPOOL_SUFFIX}")):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(SpoolReader(path)) as reader:
            for document in reader.mentioning(text, since_ns):
                with contextlib.suppress(ValueError):
                    yield decode_entry(document)


def _shortened(words: Sequence[str]) -> bytes:
    return orjson.dumps(
        [word[:LONGEST_WORD].encode("utf-8", "backslashreplace").decode() for word in words[:MOST_WORDS]]
    )


def _read(raw: bytes) -> tuple[str, ...] | None:
    """What was said; None where it is torn or none of ours."""
    text = read_record(raw)
    if text is None or raw[0] != 1:
        return None
    try:
        words = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return tuple(words)
