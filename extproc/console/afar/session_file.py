"""The file with the sessions of the command line: readable by its owner alone, or refused."""

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from extproc.model.errors import ConfigError

FOLDER, FILE, LOCK = "extproc", "sessions.json", "sessions.lock"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
OTHERS = 0o077
LARGEST = 1 << 20
LOCK_S = 60.0
"""Seconds to wait for another command, which may be asking a provider meanwhile."""
POLL_S = 0.05
START_AGAIN = "remove it, and sign in again with `extproc login`"


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One sign-in, at one console."""

    issuer: str
    client_id: str
    token_endpoint: str
    revocation_endpoint: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty: the provider gave none."""
    expires_s: float
    """When the access token ends, seconds since the Unix epoch."""


SESSIONS = TypeAdapter(dict[str, StoredSession])


class SessionFile:
    """The sessions by the console's address, such as ``https://approve.example.com``."""

    def __init__(self, folder: Path) -> None:
        """Open nothing yet.

        Args:
            folder: for this file alone; made with mode 0700 where it is missing.
        """
        self._folder = folder

    def read(self) -> dict[str, StoredSession]:
        """Return all sessions.

        Raises:
            ConfigError: others could read or write the file or its folder, or it is not one of ours.
        """
        if not self._folder_is_private():
            return {}
        try:
            handle = os.open(self._folder / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._wrong(FILE, f"cannot be opened: {error.strerror}") from None
        with os.fdopen(handle, "rb") as opened:
            _check_private(os.fstat(handle), self._folder / FILE)
            raw = opened.read(LARGEST)
        try:
            return SESSIONS.validate_python(json.loads(raw)["sessions"])
        except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
            raise self._wrong(FILE, "does not hold sessions") from None

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, StoredSession]]:
        """Give the sessions to change; they are stored when the block ends without an error.

        No two processes change them at once: what one of them reads is what the other has stored.

        Raises:
            ConfigError: see ``read``; or another command keeps the file for a minute.
        """
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._folder_is_private()
        with self._locked():
            sessions = self.read()
            before = dict(sessions)
            yield sessions
            if sessions != before:
                self._write(sessions)

    def _write(self, sessions: dict[str, StoredSession]) -> None:
        """Replace the file as a whole: after a crash it is the old one or the new one."""
        document: dict[str, Any] = {
            "version": 1,
            "sessions": {name: asdict(each) for name, each in sessions.items()},
        }
        new = self._folder / f"{FILE}.{os.getpid()}.new"
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as opened:
                json.dump(document, opened, indent=2)
                opened.flush()
                os.fsync(handle)
            new.replace(self._folder / FILE)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(self._folder / LOCK, flags, PRIVATE_FILE)
        except OSError as error:
            raise self._wrong(LOCK, f"cannot be opened: {error.strerror}") from None
        try:
            _lock(handle, self._folder / LOCK)
            yield
        finally:
            os.close(handle)

    def _folder_is_private(self) -> bool:
        """Return False where there is no folder.

        Raises:
            ConfigError: others could change what is in it, or it is a link.
        """
        try:
            status = self._folder.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            raise ConfigError(
                f"{self._folder} is no folder, or a link to one", hint="remove it; XDG_CONFIG_HOME names its place"
            )
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS:
            raise ConfigError(f"{self._folder} is open to others", hint=f"run: chmod 700 {self._folder}")
        return True

    def _wrong(self, name: str, what: str) -> ConfigError:
        return ConfigError(f"{self._folder / name} {what}", hint=START_AGAIN)


def _lock(handle: int, path: Path) -> None:
    ends = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise ConfigError(f"another command keeps {path} locked", hint="end it, and try again") from None
            time.sleep(POLL_S)
        else:
            return


def _check_private(status: os.stat_result, path: Path) -> None:
    """Refuse a file that others could have written, or can read (or have read: its tokens are no secret)."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise ConfigError(f"{path} is no file of its own", hint=START_AGAIN)
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS:
        raise ConfigError(
            f"{path} can be read by others, who may have its tokens",
            hint=f"{START_AGAIN}, and sign out everywhere",
        )


def default_folder(environment: dict[str, str]) -> Path:
    """Return the folder of the user's sessions, by the XDG Base Directory Specification.

    Args:
        environment: of this process. A relative ``XDG_CONFIG_HOME`` does not count, as the specification has it.
    """
    given = environment.get("XDG_CONFIG_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".config"
    return base / FOLDER
