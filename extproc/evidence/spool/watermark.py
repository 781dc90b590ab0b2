"""The watermark of a spool: a small file beside it with the last shipped sequence number.

The shipper writes it; the spool's worker reads it, and deletes entries up to it.
"""

import contextlib
import os
from pathlib import Path

import orjson


def mark_path(spool: Path) -> Path:
    """Return the path of a spool's watermark."""
    return spool.with_suffix(".shipped")


def write_mark(spool: Path, writer: str, acked_seq: int) -> None:
    """Write that everything up to a sequence number is in ClickHouse. Replaces the file in one step.

    Raises:
        OSError: the file cannot be written.
    """
    path = mark_path(spool)
    draft = path.with_suffix(".shipped-draft")
    with draft.open("wb") as out:
        out.write(orjson.dumps({"writer": writer, "through": acked_seq}))
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def read_mark(spool: Path, writer: str) -> int:
    """Return the last shipped sequence number; 0 if the file is missing, unreadable, or of another writer."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        mark = orjson.loads(mark_path(spool).read_bytes())
        if mark["writer"] == writer and isinstance(mark["through"], int):
            return max(0, mark["through"])
    return 0
