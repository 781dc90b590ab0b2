"""Find keys of merged policy data in the files that they came from."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.contract.policy_sources import DataFile
from extproc.policy.names.guard_data import KeyPath

MAX_LOCATED = 4 << 20
"""Bytes of the largest file in which a key is located: it is read a second time, slowly."""


def located(problems: Iterable[ConfigError], files: Sequence[DataFile]) -> tuple[ConfigError, ...]:
    """Give each error about a key of the data its file, line and column; sorted by them.

    Args:
        problems: errors with keys.
        files: the data files, in the order in which they were merged.
    """
    roots = [(file, _root(file.name)) for file in files]
    found = [replace(each, place=_place(each.key, roots)) if each.place is None else each for each in problems]
    return tuple(sorted(found, key=_order))


def _order(problem: ConfigError) -> tuple[str, int, int, str]:
    place = problem.place or SourceLocation("")
    return str(place.file), place.line, place.column, problem.message


def _root(file: str) -> yaml.Node | None:
    """The file's syntax tree; None if it cannot be read any more, or is too large."""
    path = Path(file)
    try:
        if path.stat().st_size > MAX_LOCATED:
            return None
        text = path.read_text("utf-8")
        spaced = text.replace("\t", " ") if path.suffix == ".json" else text  # YAML has no tabs between tokens
        return yaml.compose(spaced, yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _place(key: KeyPath, roots: Sequence[tuple[DataFile, yaml.Node | None]]) -> SourceLocation | None:
    """The place of a key in the first file that has it; else of its nearest parent."""
    best, longest = (SourceLocation(roots[0][0].name) if roots else None), 0
    for file, root in roots:
        within = len(file.below)
        mark, depth = _mark(root, key[within:]) if key[:within] == file.below else (None, 0)
        if mark is not None and within + depth > longest:
            best, longest = SourceLocation(file.name, mark.line + 1, mark.column + 1), within + depth
    return best


def _mark(node: yaml.Node | None, key: KeyPath) -> tuple[yaml.Mark | None, int]:
    """The mark of the key, or of as many of its parts as there are; and their number."""
    mark, depth = None, 0
    for part in key:
        below = _below(node, part)
        if below is None:
            break
        named, node = below
        mark, depth = named.start_mark, depth + 1
    return mark, depth


def _below(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node with a part's mark, and the part's value."""
    if isinstance(node, yaml.MappingNode):
        found = [
            (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.value == part
        ]
        return found[0] if found else None
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
