"""Hyperscan's databases, compiled once for all processes of a test run.

The same patterns make the same database, and take 0.7 s of a processor each time: for each test file that looks for
something when it is imported, and for each worker process that a test starts.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import hyperscan

from extproc.detectors import analyzer

FOLDER = "EXTPROC_TESTS_COMPILED"
"""Environment variable: where they are. Whatever the tests start inherits it."""


def keep_databases() -> None:
    """From now on this process takes a database from the folder, and puts there what it had to compile."""
    folder = _folder()
    compiled = analyzer._compiled

    def kept(expressions, flags=None):
        file = folder / hashlib.sha256(repr((expressions, flags)).encode()).hexdigest()
        if expressions and file.exists():
            return _read(file)
        database = compiled(expressions, flags)
        if database is not None:
            _write(file, hyperscan.dumpb(database))
        return database

    analyzer._compiled = kept


def _folder() -> Path:
    """Made by the first process of a run, and removed with it."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="xp-compiled-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    return Path(os.environ[FOLDER])


def _read(file: Path) -> hyperscan.Database:
    database = hyperscan.loadb(file.read_bytes(), mode=hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database=database)
    return database


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: others read at the same time."""
    number, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(number, "wb") as out:
        out.write(data)
    Path(name).replace(file)
