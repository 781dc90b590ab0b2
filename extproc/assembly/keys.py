"""The installation's secret keys: files with at least 32 bytes, named by settings or made at the first start."""

import contextlib
import os
import secrets
from pathlib import Path

from extproc.model.errors import ConfigError

PSEUDONYM_KEY = "pseudonym.key"
SESSION_KEY = "session.key"
"""Files in the state folder."""
KEY_BYTES = 32
"""The fewest bytes a key may have, and the number that a new key gets."""
MAKE_IT = f"write {KEY_BYTES} random bytes: head -c {KEY_BYTES} /dev/urandom"


def read_key(path: Path, key: tuple[str, ...] = ()) -> bytes:
    """Read a key.

    Args:
        path: its file.
        key: the setting that names it, if one does.

    Raises:
        ConfigError: the file cannot be read, or is too short.
    """
    try:
        found = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the key {path}: {error.strerror}", hint=MAKE_IT, key=key) from error
    if len(found) < KEY_BYTES:
        raise ConfigError(f"the key {path} has fewer than {KEY_BYTES} bytes", hint=MAKE_IT, key=key)
    return found


def make_own_key(path: Path) -> bytes:
    """Read the key, or make it once. Processes that start together get the same key: only one link succeeds.

    Raises:
        ConfigError: as ``read_key``; whoever knows a short key could make what it protects.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return read_key(path)
