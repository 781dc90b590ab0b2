"""Report which configuration each process runs, in small files in the state folder, one per process."""

from dataclasses import dataclass
from pathlib import Path

from extproc.concurrency.process_ids import exists
from extproc.concurrency.process_reports import read_reports, write_report
from extproc.config.snapshot import FOLDER

SUFFIX = ".status.json"


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
    """Write this process's file: see ``write_report``."""
    report = {"process": process, "digest": digest, "since_ns": now_ns}
    write_report(state / FOLDER, process, report, SUFFIX)


def running(state: Path) -> list[ConfigurationStatus]:
    """Read the files of all processes that still run. Files that cannot be read are left out."""
    found = read_reports(state / FOLDER, SUFFIX, lambda report, pid: ConfigurationStatus(**report, pid=pid))
    return [each for each in found if exists(each.pid)]
