"""Report which policy each process uses, in small files in the state folder, one per process."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from extproc.concurrency.process_ids import exists
from extproc.concurrency.process_reports import read_reports, write_report

STATUS_FOLDER = "policy"
"""Below the state folder."""
SUFFIX = ".json"


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
    """Write one process's file: see ``write_report``."""
    write_report(folder, status.process, asdict(status), SUFFIX)


def read_statuses(folder: Path) -> list[tuple[PolicyStatus, bool]]:
    """Read all processes' files.

    Returns:
        Each status, and True if its process still runs. Files that cannot be read are left out.
    """
    return read_reports(folder, SUFFIX, lambda report, pid: (_status(report), exists(pid)))


def _status(raw: dict[str, Any]) -> PolicyStatus:
    """Read a status. May raise ``TypeError``, ``KeyError``."""
    refused = raw.pop("refused")
    bundles, rules = (tuple(map(str, raw.pop(key, ()))) for key in ("bundles", "rules"))
    candidate = RefusedCandidate(**refused) if refused else None
    return PolicyStatus(**raw, bundles=bundles, rules=rules, refused=candidate)
