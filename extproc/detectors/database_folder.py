"""Compiled databases in a folder, so that a process that starts again need not compile them.

Compiling all patterns takes several seconds of a processor. The folder must be as well protected as the code: who
can write to it decides what is found. A folder that others could write to is not used.
"""

import hashlib
import os
import platform
import stat
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path

FOLDER = "EXTPROC_PATTERNS"
"""Environment variable: the folder. Empty: compile the patterns at each start."""
DIGEST = hashlib.sha256().digest_size
MODE = 0o700
FILES_MOST = 200
"""Files that are kept; other versions and configurations leave theirs."""


class DatabaseFolder:
    """Keeps databases in a folder (``extproc.detectors.databases.DatabaseCache``). Never fails: it may forget."""

    def __init__(self, folder: Path) -> None:
        """Take a folder, which need not exist yet."""
        self.folder = folder
        """Where they are."""
        self._version = f"{metadata.version('hyperscan')} {platform.machine()} {platform.python_implementation()}"

    def load(self, key: str) -> bytes | None:
        """Return what was stored under this key; None if nothing was, or if it is damaged or not protected."""
        if not self._is_protected():
            return None
        try:
            content = self._file(key).read_bytes()
        except OSError:
            return None
        digest, database = content[:DIGEST], content[DIGEST:]
        return database if hashlib.sha256(database).digest() == digest else None

    def store(self, key: str, database: bytes) -> None:
        """Keep a database, whole or not at all."""
        with suppress(OSError):
            self.folder.mkdir(mode=MODE, parents=True, exist_ok=True)
            if not self._is_protected():
                return
            self._forget_oldest()
            number, name = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            try:
                with os.fdopen(number, "wb") as out:
                    out.write(hashlib.sha256(database).digest() + database)
                Path(name).replace(self._file(key))
            except OSError:
                Path(name).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self.folder / hashlib.sha256(f"{self._version}\n{key}".encode()).hexdigest()

    def _is_protected(self) -> bool:
        """Return whether the folder and its files are this user's alone to change."""
        try:
            about = self.folder.lstat()
        except OSError:
            return False
        mine = about.st_uid == os.geteuid()
        return stat.S_ISDIR(about.st_mode) and mine and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _forget_oldest(self) -> None:
        files = sorted(self.folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in files[FILES_MOST:]:
            old.unlink(missing_ok=True)


def usual_folder() -> DatabaseFolder | None:
    """Return the folder that ``EXTPROC_PATTERNS`` names, or else one in the user's cache; None without both."""
    named = os.environ.get(FOLDER)
    if named is not None:
        return DatabaseFolder(Path(named)) if named else None
    cache = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if (home := os.environ.get("HOME")) else "")
    return DatabaseFolder(Path(cache) / "extproc" / "patterns") if cache.startswith("/") else None
