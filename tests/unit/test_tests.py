"""House rules of the tests themselves, read from their source.

A test that uses a private name breaks when code is rearranged that behaves as before. A test that compares times fails
on a busy machine: costs are counted, or measured in ``benchmarks``.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCKS = {"perf_counter", "process_time", "thread_time"}
PATCHES = {"delattr", "patch", "setattr"}
OWN = {"self", "cls"}
EXCEPTIONS = {
    "tests/recording/hooks.py": "reads the registry of prometheus_client, which has no public way to list metrics",
}
"""Files that use private names of other libraries, and why."""


@pytest.fixture(scope="module")
def nodes():
    """All nodes of all files, each with its file and line."""
    files = [file for folder in ("tests", "benchmarks") for file in sorted((ROOT / folder).rglob("*.py"))]
    named = [(file.relative_to(ROOT).as_posix(), file) for file in files]
    return [
        (f"{name}:{getattr(node, 'lineno', 0)}", node)
        for name, file in named
        if name not in EXCEPTIONS
        for node in ast.walk(ast.parse(file.read_text()))
    ]


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def private_names(node):
    """Names that this node takes from a module or an object that is not its own."""
    match node:
        case ast.ImportFrom(module=str(module), names=names) if module.startswith("extproc"):
            return [each for each in (*module.split("."), *(alias.name for alias in names)) if is_private(each)]
        case ast.Attribute(value=ast.Name(id=name)) if name in OWN:
            return []
        case ast.Attribute(attr=name):
            return [name] if is_private(name) else []
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=args) if called in PATCHES:
            named = [each.value for each in args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            return [each for name in named for each in name.split(".") if is_private(each)]
        case _:
            return []


def test_private_names_are_neither_imported_nor_used_nor_patched(nodes):
    assert [f"{place} {name}" for place, node in nodes for name in private_names(node)] == []


def test_clocks_of_the_processor_are_read_in_benchmarks_only(nodes):
    read = [(place, getattr(node, "attr", getattr(node, "id", ""))) for place, node in nodes]
    assert [place for place, name in read if name in CLOCKS and not place.startswith("benchmarks/")] == []


def test_a_private_name_is_found_in_each_form():
    for line in (
        "from extproc.a import _b",
        "from extproc._a import b",
        "a._b",
        "self.a._b",
        "super()._a()",
        "monkeypatch.setattr(a, '_b', 1)",
        "monkeypatch.setattr('extproc.a._b', 1)",
    ):
        assert any(private_names(node) for node in ast.walk(ast.parse(line))), line
    for line in ("self._a.b", "from extproc.a import b", "monkeypatch.setattr(a, 'b', 1)", "a.__dict__"):
        assert not any(private_names(node) for node in ast.walk(ast.parse(line))), line
