"""Read data files: JSON or YAML, each an object, merged under ``data``."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from extproc.codecs.located_yaml import parser_message
from extproc.model.call import Json
from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.contract.policy_sources import RESERVED
from extproc.policy.regorus.unambiguous_json import parse_unique

MAX_DATA = 32 << 20
"""Bytes of one data file."""
DATA_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def read_data(paths: Iterable[Path], folders: Mapping[str, Any] | None = None) -> Json:
    """Merge data files. Objects merge; any other value must not be given twice with different values.

    Args:
        paths: the files.
        folders: the data that policy folders and bundles have; None: none.

    Raises:
        ConfigError: a file is missing, malformed, not an object, or disagrees with an earlier one.
    """
    merged: dict[str, Any] = dict(folders or {})
    for path in paths:
        if not path.is_file():
            raise ConfigError("no such file", SourceLocation(path), "check the path (policy.data)")
        if path.suffix not in DATA_SUFFIXES:
            hint = "policy.data takes .json, .yaml and .yml files; name bundles in policy.paths"
            raise ConfigError("not a data file", SourceLocation(path), hint)
        merge_data(merged, as_object(parse_data(decoded(read_file(path, MAX_DATA), path), path), path), path)
    return merged


def parse_data(text: str, path: Path) -> Json:
    """Parse JSON or YAML, by the file's suffix.

    Raises:
        ConfigError: it is malformed, or a key is given twice.
    """
    try:
        if path.suffix == ".json":
            return parse_unique(text)  # type: ignore[no-any-return]
        return _plain(yaml.load(text, _UniqueKeys))  # type: ignore[no-any-return] # noqa: S506 - a SafeLoader
    except json.JSONDecodeError as error:
        raise ConfigError(error.msg, SourceLocation(path, error.lineno, error.colno)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = SourceLocation(path, mark.line + 1, mark.column + 1) if mark else SourceLocation(path)
        words = parser_message(error) if isinstance(error, yaml.MarkedYAMLError) else "not YAML"
        raise ConfigError(words, place) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(error), SourceLocation(path)) from error


def as_object(parsed: Json, path: Path) -> dict[str, Any]:
    """The root of ``data``, checked.

    Raises:
        ConfigError: it is not an object, or has a key of the loader.
    """
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


def merge_data(into: dict[str, Any], new: dict[str, Any], path: Path, where: str = "data") -> None:
    """Merge an object into another.

    Raises:
        ConfigError: a value other than an object is given twice, with different values.
    """
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge_data(into[key], value, path, f"{where}.{key}")
        elif key in into and into[key] != value:
            raise ConfigError(
                f"{where}.{key} is given by an earlier file too", SourceLocation(path), "keep one of the two"
            )
        else:
            into[key] = value


def read_file(path: Path, largest: int) -> bytes:
    """Read a file of at most ``largest`` bytes.

    Raises:
        ConfigError: it cannot be read, or is too large.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", SourceLocation(path)) from error
    if len(raw) > largest:
        raise ConfigError(f"larger than {largest} bytes", SourceLocation(path), "split the file")
    return raw


def decoded(raw: bytes, path: Path) -> str:
    """The bytes as text.

    Raises:
        ConfigError: they are not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", SourceLocation(path)) from error
