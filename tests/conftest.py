"""Fixtures that several test folders share."""

import functools
import gc
import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from extproc.demo import install
from tests.compiled import keep_databases
from tests.support.postgresql import PostgresServer, run_postgresql

REPOSITORY = Path(__file__).resolve().parent.parent
PROCESSES_MOST = 4

# How long an example takes says how busy the machine is. In CI the examples are the same each time.
settings.register_profile(
    "extproc",
    settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("extproc")
# Ports are chosen, and only later listened on: each process of a test run has some that no other chooses.
install.UNGIVEN = install.UNGIVEN[
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % PROCESSES_MOST :: PROCESSES_MOST
]
# The time of day that gzip writes would be in what tests send, and in some tests' names: each process has its own.
gzip.compress = functools.partial(gzip.compress, mtime=0)
keep_databases()  # before a test file is imported: some have detectors of their own


def pytest_collection_finish() -> None:
    """Spare each later garbage collection the hundreds of thousands of objects that live as long as the run."""
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many a test waits for another process, and not for this one."""
    return min(PROCESSES_MOST, (os.cpu_count() or 1) + 1)


def find_opa() -> Path | None:
    """An OPA binary: named by EXTPROC_OPA, on PATH, or fetched into .tools/bin."""
    named = os.environ.get("EXTPROC_OPA") or shutil.which("opa") or str(REPOSITORY / ".tools" / "bin" / "opa")
    return Path(named) if os.access(named, os.X_OK) else None


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """A real OPA. Without one the test is skipped on a person's machine, and fails where CI is set."""
    found = find_opa()
    if found is None and os.environ.get("CI"):
        pytest.fail("no opa binary: set EXTPROC_OPA, or put one on PATH or into .tools/bin")
    if found is None:
        pytest.skip("no opa binary (EXTPROC_OPA, PATH, .tools/bin)")
    return found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A real PostgreSQL. Without its binaries the test is skipped, and fails in CI where they can be installed."""
    with run_postgresql() as server:
        yield server


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes that are no text are named by their number: compressed ones differ from run to run."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return f"{len(val)}-bytes"
    return None
