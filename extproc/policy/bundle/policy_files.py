"""Read policy and data files, as one value with a revision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.bundle.data_files import DATA_SUFFIXES, merge_data, read_data
from extproc.policy.bundle.policy_tree import PolicyTree, files_of, read_tree
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.input_settings import HIDE_SECRETS, InputSettings
from extproc.policy.contract.policy_sources import DataFile, Module, Sources

Fingerprint = tuple[tuple[str, int, int, int, int], ...]
"""For each file: its name, size, times of the last changes of its content and of itself (ns), and inode."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The files of a policy, and its query."""

    paths: tuple[Path, ...]
    """Rego files, folders or bundles; empty: the starter policies."""
    data: tuple[Path, ...]
    query: str
    settings: InputSettings = HIDE_SECRETS
    """The settings on which the input's keys depend."""

    def read(self) -> Sources:
        """Read all files as they are now. The starter policies come without their tests, which need not run again.

        Raises:
            ConfigError: a file is missing or malformed.
        """
        sources = replace(read_sources(self.paths, self.data, self.query), settings=self.settings)
        return sources if self.paths else replace(sources, tests=())

    def fingerprint(self) -> Fingerprint:
        """A value that changes whenever a file is added, removed or written. Reads no file."""
        return tuple(_stamp(file) for file in sorted(self._files()))

    def _files(self) -> Iterator[Path]:
        for path in self.paths or (starter_folder(),):
            yield from files_of(path) if path.is_dir() else (path,)
        yield from self.data

    def unread(self) -> tuple[Path, ...]:
        """JSON and YAML files in policy folders that are not read: only ``data.json`` and ``data.yaml`` are."""
        found = [file for path in self.paths if path.is_dir() for file in sorted(path.rglob("*"))]
        read = {file.resolve() for file in (*self._files(), *self.data)}
        visible = (file for file in found if not any(part.startswith(".") for part in file.parts if part != ".."))
        return tuple(file for file in visible if file.suffix in DATA_SUFFIXES and file.resolve() not in read)


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), -1, 0, 0, 0)
    return (str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def read_sources(paths: Sequence[Path], data_paths: Sequence[Path], query: str) -> Sources:
    """Read all files.

    Args:
        paths: Rego files, folders and bundles: see ``read_tree``. Empty: the starter policies.
        data_paths: JSON or YAML files, each an object, merged under ``data`` in this order.
        query: ``data.<package>.<rule>``.

    Raises:
        ConfigError: a path is missing, unreadable, not UTF-8, too large, or two data files disagree.
    """
    trees = [read_tree(path) for path in paths] if paths else [_starters()]
    modules = [module for tree in trees for module in tree.modules]
    policy = tuple(module for module in modules if not module.is_test)
    if not policy:
        raise ConfigError(
            "no Rego file found, except for tests" if modules else "no Rego file found",
            SourceLocation(paths[0] if paths else starter_folder()),
            "name .rego files, or folders that hold some (policy.paths)",
        )
    tests = tuple(module for module in modules if module.is_test)
    merged: dict[str, object] = {}
    for tree, path in zip(trees, paths, strict=False):
        merge_data(merged, tree.data, path)
    files = [file for tree in trees for file in tree.data_files] + [DataFile(str(path)) for path in data_paths]
    return Sources(policy, read_data(data_paths, merged), query, tests, data_files=tuple(files))


def _starters() -> PolicyTree:
    tree = read_tree(starter_folder())
    return PolicyTree(tuple(Module(module.below, module.text) for module in tree.modules), {})
