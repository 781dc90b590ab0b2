"""Processes that open a new SQLite file at the same time all get it."""

import sqlite3
import threading
from contextlib import closing

import pytest

from extproc.concurrency.sqlite_wal import switch_to_wal


def opened(path):
    return sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)


def test_a_file_that_is_held_for_a_moment_is_waited_for(tmp_path):
    with closing(opened(tmp_path / "a.db")) as other, closing(opened(tmp_path / "a.db")) as own:
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.05, lambda: other.execute("COMMIT")).start()
        switch_to_wal(own, 20)
        assert own.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_stays_held_is_an_error(tmp_path):
    with closing(opened(tmp_path / "a.db")) as other, closing(opened(tmp_path / "a.db")) as own:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError):
            switch_to_wal(own, 0.02)
