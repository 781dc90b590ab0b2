"""Read policy and data files, as one value with a revision."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from extproc.codecs.located_yaml import parser_message
from extproc.model.call import Json
from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import RESERVED, Module, Sources
from extproc.policy.regorus.unambiguous_json import parse_unique

MAX_FILE = 1 << 20
"""Bytes of one Rego file."""
MAX_DATA = 32 << 20
"""Bytes of one data file."""
DATA_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
Fingerprint = tuple[tuple[str, int, int, int, int], ...]
"""For each file: its name, size, times of the last changes of its content and of itself (ns), and inode."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The files of a policy, and its query."""

    paths: tuple[Path, ...]
    """Rego files or folders; empty: the starter policies."""
    data: tuple[Path, ...]
    query: str

    def read(self) -> Sources:
        """Read all files as they are now. The starter policies come without their tests, which need not run again.

        Raises:
            ConfigError: a file is missing or malformed.
        """
        sources = read_sources(self.paths, self.data, self.query)
        return sources if self.paths else replace(sources, tests=())

    def fingerprint(self) -> Fingerprint:
        """A value that changes whenever a file is added, removed or written. Reads no file."""
        return tuple(_stamp(file) for file in sorted(self._files()))

    def _files(self) -> Iterator[Path]:
        for path in self.paths or (starter_folder(),):
            yield from path.rglob("*.rego") if path.is_dir() else (path,)
        yield from self.data


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), -1, 0, 0, 0)
    return (str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def read_sources(paths: Sequence[Path], data_paths: Sequence[Path], query: str) -> Sources:
    """Read all files.

    Args:
        paths: Rego files, or folders with ``.rego`` files at any depth; empty: the starter policies.
        data_paths: JSON or YAML files, each an object, merged under ``data`` in this order.
        query: ``data.<package>.<rule>``.

    Raises:
        ConfigError: a path is missing, unreadable, not UTF-8, too large, or two data files disagree.
    """
    modules = list(_modules(paths) if paths else _starters())
    policy = tuple(module for module in modules if not module.is_test)
    if not policy:
        raise ConfigError(
            "no Rego file found, except for tests" if modules else "no Rego file found",
            SourceLocation(paths[0] if paths else starter_folder()),
            "name .rego files, or folders that hold some (policy.paths)",
        )
    tests = tuple(module for module in modules if module.is_test)
    return Sources(policy, read_data(data_paths), query, tests)


def _modules(paths: Iterable[Path]) -> Iterator[Module]:
    for path in paths:
        if not path.exists():
            raise ConfigError("no such file or folder", SourceLocation(path), "check the path (policy.paths)")
        files = sorted(path.rglob("*.rego")) if path.is_dir() else [path]
        for file in files:
            below = str(file.relative_to(path)) if path.is_dir() else ""
            yield Module(str(file), _text(file, MAX_FILE), below)


def _starters() -> Iterator[Module]:
    for module in _modules([starter_folder()]):
        yield Module(module.below, module.text)


def read_data(paths: Iterable[Path]) -> Json:
    """Merge data files. Objects merge; any other value must not be given twice with different values.

    Raises:
        ConfigError: a file is missing, malformed, not an object, or disagrees with an earlier one.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        if not path.is_file():
            raise ConfigError("no such file", SourceLocation(path), "check the path (policy.data)")
        _merge(merged, _parse_data(path), path, "data")
    return merged


def _parse_data(path: Path) -> dict[str, Any]:
    if path.suffix not in DATA_SUFFIXES:
        raise ConfigError("not a data file", SourceLocation(path), "policy.data takes .json, .yaml and .yml files")
    text = _text(path, MAX_DATA)
    try:
        parsed = parse_unique(text) if path.suffix == ".json" else _plain(yaml.load(text, _UniqueKeys))  # noqa: S506 - a SafeLoader
    except json.JSONDecodeError as error:
        raise ConfigError(error.msg, SourceLocation(path, error.lineno, error.colno)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = SourceLocation(path, mark.line + 1, mark.column + 1) if mark else SourceLocation(path)
        words = parser_message(error) if isinstance(error, yaml.MarkedYAMLError) else "not YAML"
        raise ConfigError(words, place) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(error), SourceLocation(path)) from error
    if not isinstance(parsed, dict):
        raise ConfigError("data must be an object", SourceLocation(path), "write `guard:` with its keys below")
    if taken := RESERVED & parsed.keys():
        raise ConfigError(f"{min(taken)} is the loader's own", SourceLocation(path), "choose another key")
    return parsed


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is given twice. By default the last one wins in YAML."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(problem="a key must be text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(problem="key given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _plain(value: Any) -> Any:
    """The value as JSON has it: YAML's dates and times as text, and keys as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not JSON")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _merge(into: dict[str, Any], new: dict[str, Any], path: Path, where: str) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, path, f"{where}.{key}")
        elif key in into and into[key] != value:
            raise ConfigError(
                f"{where}.{key} is given by an earlier file too", SourceLocation(path), "keep one of the two"
            )
        else:
            into[key] = value


def _text(path: Path, largest: int) -> str:
    try:
        raw = path.read_bytes()
        if len(raw) > largest:
            raise ConfigError(f"larger than {largest} bytes", SourceLocation(path), "split the file")
        return raw.decode()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", SourceLocation(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", SourceLocation(path)) from error
