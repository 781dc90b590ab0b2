"""Hyperscan databases, compiled once for all processes of a test run.

The same patterns make the same database, and take 0.7 s of a processor each time: for each test file that makes an
analyzer when it is imported, and for each worker process that a test starts.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from extproc.detectors.databases import use_cache

FOLDER = "EXTPROC_TESTS_COMPILED"
"""Environment variable: the folder of the databases. Processes that tests start inherit it."""


class FolderCache:
    """Databases in a folder (``extproc.detectors.databases.DatabaseCache``)."""

    def __init__(self, folder):
        self._folder = folder

    def load(self, key):
        file = self._folder / key
        return file.read_bytes() if file.exists() else None

    def store(self, key, database):
        """Store it whole or not at all: other processes read at the same time."""
        number, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(number, "wb") as out:
            out.write(database)
        Path(name).replace(self._folder / key)


def keep_databases() -> None:
    """From now on this process takes databases from the folder, and stores there those that it had to compile."""
    use_cache(FolderCache(_folder()))


def _folder() -> Path:
    """Made by the first process of a run, and removed with it."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="xp-compiled-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    return Path(os.environ[FOLDER])
