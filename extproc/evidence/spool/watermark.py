"""How far a spool is shipped: one small file beside it, written by the shipper, read by the worker."""

import contextlib
import os
from pathlib import Path

import orjson


def mark_path(spool: Path) -> Path:
    """Where the mark of a spool is."""
    return spool.with_suffix(".shipped")


def write_mark(spool: Path, writer: str, through: int) -> None:
    """Say that everything up to a sequence number is in ClickHouse. Replaces the mark in one step.

    Raises:
        OSError: it cannot be written.
    """
    path = mark_path(spool)
    draft = path.with_suffix(".shipped-draft")
    with draft.open("wb") as out:
        out.write(orjson.dumps({"writer": writer, "through": through}))
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def read_mark(spool: Path, writer: str) -> int:
    """The last sequence number that is shipped. 0 for no mark, a mark of another writer, or an unreadable one."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        mark = orjson.loads(mark_path(spool).read_bytes())
        if mark["writer"] == writer and isinstance(mark["through"], int):
            return max(0, mark["through"])
    return 0
