"""Reports of processes: small files in one folder, one per process, that others read."""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

MAX_REPORT = 1 << 16
"""Bytes of one process's file."""

T = TypeVar("T")


def write_report(folder: Path, process: str, report: Mapping[str, Any], suffix: str) -> None:
    """Write this process's file, whole or not at all. A folder that cannot be written is not an error.

    Args:
        folder: made if it is missing, for its owner alone.
        process: the process's name; the file has it.
        report: JSON. This process's id is added as ``pid``.
        suffix: the end of the file's name.
    """
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{process}.{os.getpid()}"
        fresh.write_bytes(orjson.dumps({**report, "pid": os.getpid()}))
        fresh.replace(folder / f"{process}{suffix}")


def read_reports(folder: Path, suffix: str, make: Callable[[dict[str, Any], int], T]) -> list[T]:
    """Read the files of all processes, in the order of their names. Those that cannot be read are left out.

    Args:
        folder: it may be missing.
        suffix: the end of the files' names.
        make: makes a value of a report and its process's id. A report of another shape may raise ``ValueError``,
            ``TypeError`` or ``KeyError``.
    """
    found = []
    for file in sorted(folder.glob(f"*{suffix}")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError), file.open("rb") as opened:
            report = orjson.loads(opened.read(MAX_REPORT))
            found.append(make(report, int(report.pop("pid"))))
    return found
