"""Report which policy each process uses, in small files in the state folder, one per process."""

import contextlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from extproc.concurrency.process_ids import exists

STATUS_FOLDER = "policy"
"""Below the state folder."""
MAX_STATUS = 1 << 16
"""Bytes of one process's file."""


@dataclass(frozen=True, slots=True)
class RefusedCandidate:
    """A candidate policy that was refused."""

    revision: str
    """The candidate's revision; empty if its files could not be read."""
    at_ns: int
    """Wall-clock nanoseconds."""
    why: str
    """For people: file, line, hint. Holds nothing of a call."""


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """The policy that one process uses. ``extproc policy status --json`` prints these names."""

    process: str
    """``worker-0``."""
    engine: str
    """``embedded`` or ``opa``."""
    revision: str
    """Lower-case hex; empty while the process does not know it (OPA reports it with each answer)."""
    query: str
    since_ns: int
    """When this status began to hold, wall-clock nanoseconds."""
    refused: RefusedCandidate | None = None
    """The latest candidate, if it was refused; else None."""
    bundles: tuple[str, ...] = ()
    """``name@revision`` of the bundles of an OPA server, as of its latest answer."""
    rules: tuple[str, ...] = ()
    """The names of the policy's rules, as far as they are known."""
    trouble: str = ""
    """The engine's problem: why it cannot decide; empty while it can, as far as is known."""


def write_status(folder: Path, status: PolicyStatus) -> None:
    """Write one process's file, whole or not at all. A folder that cannot be written is not an error."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{status.process}.{os.getpid()}"
        fresh.write_bytes(orjson.dumps(asdict(status) | {"pid": os.getpid()}))
        fresh.replace(folder / f"{status.process}.json")


def read_statuses(folder: Path) -> list[tuple[PolicyStatus, bool]]:
    """Read all processes' files.

    Returns:
        Each status, and True if its process still runs. Files that cannot be read are left out.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            raw = orjson.loads(file.read_bytes()[:MAX_STATUS])
            pid = int(raw.pop("pid"))
            found.append((_status(raw), exists(pid)))
    return found


def _status(raw: dict[str, Any]) -> PolicyStatus:
    """Read a status. May raise ``TypeError``, ``KeyError``."""
    refused = raw.pop("refused")
    bundles, rules = (tuple(map(str, raw.pop(key, ()))) for key in ("bundles", "rules"))
    candidate = RefusedCandidate(**refused) if refused else None
    return PolicyStatus(**raw, bundles=bundles, rules=rules, refused=candidate)
