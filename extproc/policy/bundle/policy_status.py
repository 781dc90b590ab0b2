"""Which policy each process decides by: small files in the state folder, one per process."""

import contextlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

STATUS_FOLDER = "policy"
"""Below the state folder."""
MAX_STATUS = 1 << 16
"""Bytes of one process's file."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that was not taken."""

    revision: str
    """Of the candidate; empty when its files could not be read."""
    at_ns: int
    """Wall-clock nanoseconds."""
    why: str
    """For people: file, line, hint. Nothing of any call."""


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """What one process decides by."""

    process: str
    """``worker-0``."""
    engine: str
    """``embedded`` or ``opa``."""
    revision: str
    """Lower-case hex; empty where the process does not know it (OPA tells with each answer)."""
    query: str
    since_ns: int
    """Wall-clock nanoseconds: since when this revision is in force."""
    refused: Refusal | None = None
    """The latest candidate, if it was refused."""
    trouble: str = ""
    """What keeps the engine from deciding; empty when nothing is known of."""


def write_status(folder: Path, status: PolicyStatus) -> None:
    """Write one process's file, whole or not at all. A folder that cannot be written stops nothing."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{status.process}.{os.getpid()}"
        fresh.write_bytes(orjson.dumps(asdict(status) | {"pid": os.getpid()}))
        fresh.replace(folder / f"{status.process}.json")


def read_statuses(folder: Path) -> list[tuple[PolicyStatus, bool]]:
    """All processes' files.

    Returns:
        Each status, and whether its process still runs; files that cannot be read are left out.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            raw = orjson.loads(file.read_bytes()[:MAX_STATUS])
            pid, refused = int(raw.pop("pid")), raw.pop("refused")
            found.append((PolicyStatus(**raw, refused=Refusal(**refused) if refused else None), _runs(pid)))
    return found


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
