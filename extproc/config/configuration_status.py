"""Report which configuration each process runs, in small files in the state folder, one per process."""

import contextlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from extproc.concurrency.process_ids import exists
from extproc.config.snapshot import FOLDER

SUFFIX = ".status.json"
MAX_STATUS = 1 << 16
"""Bytes of one process's file."""


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """The configuration that one process runs. ``extproc config status --json`` prints these names."""

    process: str
    """``worker-0``, ``control``."""
    digest: str
    since_ns: int
    """When it took effect in this process, wall-clock nanoseconds."""
    pid: int = 0


def write_status(state: Path, process: str, digest: str, now_ns: int) -> None:
    """Write this process's file, whole or not at all. A folder that cannot be written is not an error."""
    folder = state / FOLDER
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{process}.{os.getpid()}"
        fresh.write_bytes(orjson.dumps(asdict(ConfigurationStatus(process, digest, now_ns, os.getpid()))))
        fresh.replace(folder / f"{process}{SUFFIX}")


def running(state: Path) -> list[ConfigurationStatus]:
    """Read the files of all processes that still run. Files that cannot be read are left out."""
    found = []
    for file in sorted((state / FOLDER).glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError, ValueError, TypeError), file.open("rb") as opened:
            found.append(ConfigurationStatus(**orjson.loads(opened.read(MAX_STATUS))))
    return [each for each in found if exists(each.pid)]
