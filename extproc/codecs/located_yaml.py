"""Read YAML (and so JSON) files with the place of every key, and without YAML's traps.

Refused are duplicate keys (the last would win silently), aliases and merge keys (they hide the effective value,
and can expand without bound), keys that are lists or mappings, several documents in one file, and files over
``MAX_BYTES``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from extproc.model.errors import ConfigError, SourceLocation

MAX_BYTES = 4 << 20
"""Bytes of one file: generous for a configuration or an OpenAPI document."""
NOT_PERMITTED = "run the command as a user that may read it, or name another file"
PLAIN_KEY = re.compile(r"[a-z][a-z_-]{0,39}")
"""Keys that an error may repeat: a misspelled key, but not a secret in the place of a key."""
QUOTED = re.compile(r"""(alias|anchor|handle|tag) (['"]).+\2""", re.DOTALL)
"""The parts of PyYAML's messages that repeat text of the file, beyond single characters and kinds of tokens."""
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class LocatedDocument:
    """A document and the places of its keys."""

    file: Path
    data: Any
    places: dict[KeyPath, SourceLocation] = field(repr=False)
    """Key path → where the key is (for items of a list: where the item begins)."""

    def place(self, path: KeyPath) -> SourceLocation:
        """Return the place of a key; if the file does not have it, of its nearest parent."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, SourceLocation(self.file))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without aliases and without implicit dates."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not supported", problem_mark=mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_located(file: Path) -> LocatedDocument:
    """Read one YAML or JSON file.

    Raises:
        ConfigError: it cannot be read, is too large, or is not one clean document.
    """
    text = _read(file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError("the file is empty", SourceLocation(file), "see docs/reference/configuration.md")
        places = dict(_places(node, (), file))
        return LocatedDocument(file, loader.construct_document(node), places)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(parser_message(error), _place(file, error.problem_mark)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError("not YAML", SourceLocation(file)) from error
    except RecursionError as error:
        raise ConfigError("nested too deeply", SourceLocation(file)) from error


def parser_message(error: yaml.MarkedYAMLError) -> str:
    """Return PyYAML's message without text of the file, such as names of tags and anchors."""
    return QUOTED.sub(r"\1", error.problem or "not YAML")


def shown(key: str) -> str:
    """Return a key of the file as an error may show it."""
    return repr(key) if PLAIN_KEY.fullmatch(key) else "(not shown: not a plain word)"


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        hint = NOT_PERMITTED if isinstance(error, PermissionError) else ""
        raise ConfigError(f"cannot be read: {error.strerror}", SourceLocation(file), hint) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"larger than {MAX_BYTES} bytes", SourceLocation(file))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", SourceLocation(file, line)) from error


def _place(file: Path, mark: yaml.Mark | None) -> SourceLocation:
    return SourceLocation(file, mark.line + 1, mark.column + 1) if mark else SourceLocation(file)


def _places(node: Node, path: KeyPath, file: Path) -> Iterator[tuple[KeyPath, SourceLocation]]:
    """Yield every key path with its place. Duplicate keys are refused: a ``dict`` would silently drop one."""
    if not path:
        yield path, _place(file, node.start_mark)
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), _place(file, item.start_mark)
            yield from _places(item, (*path, index), file)
    elif isinstance(node, MappingNode):
        seen: dict[str, SourceLocation] = {}
        for key, value in node.value:
            name, place = _key(key, file), _place(file, key.start_mark)
            if name in seen:
                raise ConfigError(f"key {shown(name)} is written twice", place, f"the first is at {seen[name]}")
            seen[name] = place
            yield (*path, name), place
            yield from _places(value, (*path, name), file)


def _key(key: Node, file: Path) -> str:
    """Return the text of a key. The schema of the reader checks its type."""
    place = _place(file, key.start_mark)
    if key.tag == "tag:yaml.org,2002:merge":
        raise ConfigError("merge keys are not supported", place, "write the keys out")
    if isinstance(key, ScalarNode):
        return str(key.value)
    raise ConfigError("a key must be plain text", place)
