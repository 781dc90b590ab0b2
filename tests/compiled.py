"""Hyperscan databases, compiled once for all processes of a test run.

The same patterns make the same database, and take seconds of a processor each time: for each test file that makes an
analyzer when it is imported, and for each process that a test starts.
"""

import atexit
import os
import shutil
import tempfile

from extproc.detectors.database_folder import FOLDER, usual_folder
from extproc.detectors.databases import use_cache


def keep_databases() -> None:
    """From now on this process, and those that it starts, take databases from a folder that is removed at the end."""
    if not os.environ.get(FOLDER):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="xp-compiled-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    use_cache(usual_folder())
