"""Read what ``policy.paths`` names: a Rego file, a folder, or a bundle as ``opa build`` makes it.

In folders and bundles, as in OPA's, ``data.json`` and ``data.yaml`` are data below the names of their folders, and
``.manifest`` says which names the bundle owns. Folders whose name begins with a dot are not read.
"""

import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.bundle.data_files import MAX_DATA, as_object, decoded, merge_data, parse_data, read_file
from extproc.policy.contract.policy_sources import DataFile, Module

MAX_FILE = 1 << 20
"""Bytes of one Rego file."""
MAX_BUNDLE = 64 << 20
"""Bytes of all files of a bundle."""
MAX_MEMBERS = 10_000
REGO = ".rego"
DATA_NAMES = frozenset({"data.json", "data.yaml", "data.yml"})
MANIFEST, SIGNATURES, PATCH, WASM = ".manifest", ".signatures.json", "patch.json", "policy.wasm"
OWN = frozenset({MANIFEST, SIGNATURES, PATCH, WASM})
"""Files of a bundle's root that are neither policy nor data."""
BUNDLE_SUFFIXES = (".tar.gz", ".tgz")
PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)
UNSIGNED = "the embedded engine does not check signatures: verify it, unpack it and remove .signatures.json"


@dataclass(frozen=True, slots=True)
class PolicyTree:
    """The policy and data of one path."""

    modules: tuple[Module, ...]
    data: dict[str, Any] = field(default_factory=dict)
    data_files: tuple[DataFile, ...] = ()


def read_tree(path: Path) -> PolicyTree:
    """Read a Rego file, a folder or a bundle.

    Raises:
        ConfigError: it is missing, malformed, too large, or holds what the embedded engine cannot apply.
    """
    if not path.exists():
        raise ConfigError("no such file or folder", SourceLocation(path), "check the path (policy.paths)")
    if path.is_dir():
        return _tree(path, ((_below(file, path), read_file(file, MAX_DATA)) for file in files_of(path)))
    if path.name.endswith(BUNDLE_SUFFIXES):
        return _tree(path, sorted(_members(path)))
    if path.suffix != REGO:
        hint = "policy.paths takes .rego files, folders and bundles (.tar.gz); name data in policy.data"
        raise ConfigError("not a Rego file", SourceLocation(path), hint)
    return PolicyTree((Module(str(path), decoded(read_file(path, MAX_FILE), path)),))


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that are read, in order."""
    found = (file for file in folder.rglob("*") if _is_read(_below(file, folder)) and not file.is_dir())
    return sorted(found)


def _below(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _is_read(below: str) -> bool:
    """True for policy and data outside of hidden folders, and for the bundle's own files at the root."""
    *folders, name = below.split("/")
    if any(folder.startswith(".") for folder in folders):
        return False
    return name in DATA_NAMES or name.endswith(REGO) or (not folders and name in OWN)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a bundle that are read. Nothing is written to disk.

    Raises:
        ConfigError: it is not a gzip-compressed tar file, or too large.
    """
    left = MAX_BUNDLE
    try:
        with tarfile.open(path, "r:gz") as archive:
            for count, member in enumerate(archive):
                left -= member.size
                if left < 0 or count >= MAX_MEMBERS:
                    hint = f"at most {MAX_BUNDLE >> 20} MiB in {MAX_MEMBERS} files"
                    raise ConfigError("the bundle is too large", SourceLocation(path), hint)
                opened = archive.extractfile(member) if member.isreg() else None
                below = str(PurePosixPath(member.name.lstrip("/")))
                if opened and _is_read(below):
                    yield below, opened.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        hint = "a bundle is a gzip-compressed tar file, as `opa build` makes it"
        raise ConfigError("the bundle cannot be read", SourceLocation(path), hint) from error


def _tree(path: Path, files: Iterable[tuple[str, bytes]]) -> PolicyTree:
    modules: list[Module] = []
    data: dict[str, Any] = {}
    data_files: list[DataFile] = []
    manifest: dict[str, Any] = {}
    for below, raw in files:
        name = path / below
        if below in OWN:
            manifest = _manifest(name, raw)
        elif below.endswith(REGO):
            modules.append(Module(str(name), decoded(_at_most(raw, MAX_FILE, name), name), below))
        else:
            merge_data(data, _data(name, below, decoded(raw, name)), name)
            data_files.append(DataFile(str(name), tuple(below.split("/")[:-1])))
    tree = PolicyTree(tuple(modules), data, tuple(data_files))
    _check_roots(path, manifest, tree)
    return tree


def _at_most(raw: bytes, largest: int, name: Path) -> bytes:
    if len(raw) > largest:
        raise ConfigError(f"larger than {largest} bytes", SourceLocation(name), "split the file")
    return raw


def _data(name: Path, below: str, text: str) -> dict[str, Any]:
    """The file's value, below the names of its folders."""
    value = parse_data(text, name)
    for folder in reversed(below.split("/")[:-1]):
        value = {folder: value}
    return as_object(value, name)


def _manifest(name: Path, raw: bytes) -> dict[str, Any]:
    """Read ``.manifest``.

    Raises:
        ConfigError: it is malformed, or the bundle has a part that the embedded engine cannot apply.
    """
    if name.name == SIGNATURES:
        raise ConfigError("the bundle is signed", SourceLocation(name), f"{UNSIGNED}, or use engine: opa")
    if name.name == PATCH:
        raise ConfigError("a delta bundle", SourceLocation(name), "use a whole bundle, or engine: opa")
    if name.name == WASM:
        hint = "build the bundle with `--target rego`, or use engine: opa"
        raise ConfigError("policy that is compiled to WebAssembly", SourceLocation(name), hint)
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise ConfigError("not JSON", SourceLocation(name), "`opa build` writes it") from error
    if not isinstance(found, dict) or not _are_texts(found.get("roots", [])):
        raise ConfigError("not a bundle's manifest", SourceLocation(name), '{"revision": …, "roots": […]}')
    versions = [found.get("rego_version", 1), *(found.get("file_rego_versions") or {}).values()]
    if 0 in versions:
        hint = "`opa fmt --v0-v1 --write` rewrites it"
        raise ConfigError("the bundle holds Rego v0", SourceLocation(name), f"{hint}, or use engine: opa")
    return found


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_roots(path: Path, manifest: dict[str, Any], tree: PolicyTree) -> None:
    """Packages and data outside of the manifest's roots are refused, as in OPA."""
    roots = [tuple(part for part in root.split("/") if part) for root in manifest.get("roots", [""])]
    packages = (found for module in tree.modules if (found := PACKAGE.search(module.text)))
    for names in (*(tuple(found[1].split(".")) for found in packages), *_leaves(tree.data, ())):
        if not any(names[: len(root)] == root for root in roots):
            message = f"the manifest's roots do not permit data.{'.'.join(names)}"
            raise ConfigError(message, SourceLocation(path), "name it in roots, or remove it")


def _leaves(value: Any, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*names, key))
    elif names:
        yield names
