"""A configuration with its digest, by which processes that run the same one know it."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel

from extproc.config.load import load_settings
from extproc.config.path_fields import Role, replace_paths, role_of
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError, SourceLocation

SNAPSHOT = re.compile(r"([0-9a-f]{64})\.yaml")
"""The name of a snapshot: its digest."""
SHOWN = 12
"""Characters of a digest that people are shown."""


@dataclass(frozen=True)
class Configuration:
    """Settings that a process runs."""

    settings: Settings
    digest: str
    """SHA-256 of the settings and of the files that they name, lower-case hex."""
    file: Path
    """The file that they were read from, or its snapshot."""


def load_configuration(file: Path) -> Configuration:
    """Load a configuration to run it.

    Raises:
        ConfigError: it cannot be used; or the file is a snapshot, and what it names is not what it was.
    """
    settings = load_settings(file)
    digest = configuration_digest(settings)
    named = SNAPSHOT.fullmatch(file.name)
    if named and named[1] != digest:
        raise ConfigError(
            "a key or a file of the configuration in force has changed since it took effect",
            SourceLocation(file),
            "run `extproc reload`, so that all processes take the change",
        )
    return Configuration(settings, digest, file)


def configuration_digest(settings: Settings) -> str:
    """Return the digest of complete settings. It covers the content of files, but not where copies of them are.

    Raises:
        ConfigError: a file that the settings name cannot be read.
    """
    document = replace_paths(settings, _by_content).model_dump(mode="json")
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _by_content(owner: type[BaseModel], field: str, path: Path) -> Path:
    """Return the digest of a file's content in place of its path. A key keeps its path too."""
    match role_of(owner, field):
        case Role.CONTENT:
            return Path(f"sha256:{_sha256(path)}")
        case Role.SECRET:
            return Path(f"{path}:sha256:{_sha256(path)}")
        case _:
            return path


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", SourceLocation(path)) from error
