"""Snapshots of the configuration: what is in force stays in the state folder, whatever happens to the files.

::

    state/configuration/
      <digest>.yaml       the settings, with absolute paths
      files/<sha256>.pb   copies of the files that they name
      in-force.json       the digest in force, and the file that it was taken from

A process that is started again loads the snapshot in force, so that it runs what its siblings run. No secret is
copied: credentials and passwords are read where they are, and of keys only a digest is kept, in the digest of the
whole. Files of equal content share a copy, so that its path changes only with its content.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel

from extproc.config.configuration import SNAPSHOT, Configuration, configuration_digest, load_configuration
from extproc.config.load import load_settings
from extproc.config.path_fields import Role, replace_paths, role_of
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError, SourceLocation

FOLDER = "configuration"
"""Below the state folder."""
FILES = "files"
IN_FORCE = "in-force.json"
COPY = re.compile(rf"/{FILES}/([0-9a-f]{{64}}[.\w-]*)")
MAX_FILE = 64 << 20
"""Bytes of one file that is copied."""
MAX_IN_FORCE = 1 << 16


@dataclass(frozen=True, slots=True)
class SnapshotInForce:
    """The content of ``in-force.json``."""

    digest: str
    file: str
    """The configuration file that the snapshot was taken from."""
    since_ns: int
    """When it took effect, wall-clock nanoseconds."""


class Snapshots:
    """The snapshots of one state folder. Only ``extproc up`` writes them."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def take(self, file: Path) -> Configuration:
        """Take a snapshot of a configuration file, and of the files that it names.

        Returns:
            The configuration as it was read back from the snapshot.

        Raises:
            ConfigError: the configuration cannot be used, changes while it is read, or cannot be stored. Nothing
                that is in force has changed then.
        """
        digest = configuration_digest(load_settings(file))
        try:
            stored = self._store(load_settings(file, to_serve=False), digest)
        except OSError as error:
            raise _unstored(self._folder, error) from error
        try:
            return load_configuration(stored)
        except ConfigError:
            with contextlib.suppress(OSError):
                stored.unlink()
            hint = "wait until all files are written, and try again"
            raise ConfigError("it changed while it was read", SourceLocation(file), hint) from None

    def path(self, digest: str) -> Path:
        """Return the file of a snapshot."""
        return self._folder / f"{digest}.yaml"

    def put_in_force(self, in_force: SnapshotInForce) -> None:
        """Say which snapshot is in force.

        Raises:
            ConfigError: it cannot be stored.
        """
        document = {"digest": in_force.digest, "file": in_force.file, "since_ns": in_force.since_ns}
        try:
            _write(self._folder / IN_FORCE, orjson.dumps(document))
        except OSError as error:
            raise _unstored(self._folder, error) from error

    def in_force(self) -> SnapshotInForce | None:
        """Return which snapshot is in force; None if none is, or it is not known."""
        try:
            with (self._folder / IN_FORCE).open("rb") as opened:
                return SnapshotInForce(**orjson.loads(opened.read(MAX_IN_FORCE)))
        except (OSError, ValueError, TypeError):
            return None

    def keep_only(self, *digests: str) -> None:
        """Remove all other snapshots, and copies that no kept one names. What cannot be removed stays."""
        kept = {self.path(digest) for digest in digests}
        with contextlib.suppress(OSError):
            named = {name for file in kept for name in COPY.findall(file.read_text(encoding="utf-8"))}
            for file in self._old(kept, named):
                file.unlink()

    def _old(self, kept: set[Path], named: set[str]) -> Iterator[Path]:
        for file in self._folder.iterdir():
            if SNAPSHOT.fullmatch(file.name) and file not in kept:
                yield file
        for file in (self._folder / FILES).iterdir():
            if file.name not in named:
                yield file

    def _store(self, settings: Settings, digest: str) -> Path:
        (self._folder / FILES).mkdir(mode=0o700, parents=True, exist_ok=True)
        copied = replace_paths(settings, self._copy)
        text = yaml.dump(copied.model_dump(mode="json"), Dumper=_Plain, sort_keys=False, allow_unicode=False)
        stored = self.path(digest)
        _write(stored, text.encode())
        return stored

    def _copy(self, owner: type[BaseModel], field: str, path: Path) -> Path:
        """Copy a file whose content is a part of the configuration; leave all others where they are."""
        if role_of(owner, field) is not Role.CONTENT:
            return path
        with path.open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise ConfigError(f"larger than {MAX_FILE} bytes", SourceLocation(path))
        copy = self._folder / FILES / f"{hashlib.sha256(content).hexdigest()}{path.suffix}"
        if not copy.exists():
            _write(copy, content)
        return copy


class _Plain(yaml.SafeDumper):
    """Writes every value in full: aliases are refused when the file is read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own signature
        return True


def _write(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = file.with_name(f".{file.name}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content)
        fresh.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def _unstored(folder: Path, error: OSError) -> ConfigError:
    hint = "let the user that runs extproc write there; the disk may be full"
    return ConfigError(f"the configuration cannot be stored in {folder}: {error.strerror}", hint=hint)
