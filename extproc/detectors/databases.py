"""Hyperscan databases: numbered expressions, compiled once.

Compiling those of the built-in detectors takes some seconds of CPU. A cache keeps compiled databases: the folder
that ``usual_folder`` returns, or another one (``use_cache``).
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import hyperscan

from extproc.detectors.database_folder import usual_folder


class Expression(NamedTuple):
    """One expression of a database."""

    number: int
    """The report of a match."""
    pattern: bytes
    flags: int = 0
    """Hyperscan's flags."""


class DatabaseCache(Protocol):
    """Keeps serialized databases by a key that names their expressions.

    Whoever can write to the cache decides what is found: it must be as well protected as the code.
    """

    def load(self, key: str) -> bytes | None:
        """Return what was stored under this key; None if nothing was."""
        ...

    def store(self, key: str, database: bytes) -> None:
        """Keep a database. Another process may store the same one at the same time."""
        ...


class _Caches:
    """The cache of this process."""

    current: DatabaseCache | None = usual_folder()


def use_cache(cache: DatabaseCache | None) -> None:
    """Take databases that this process compiles from now on out of a cache; None: compile each of them."""
    _Caches.current = cache


def compile_database(expressions: Sequence[Expression]) -> "hyperscan.Database | None":
    """Compile expressions, or load them from the cache. Returns None for no expressions."""
    if not expressions:
        return None
    cache = _Caches.current
    if cache is None:
        return _compiled(expressions)
    key = hashlib.sha256(repr([tuple(each) for each in expressions]).encode()).hexdigest()
    serialized = cache.load(key)
    if serialized is not None:
        with suppress(hyperscan.error):  # made for another processor or version
            return _deserialized(serialized)
    database = _compiled(expressions)
    cache.store(key, hyperscan.dumpb(database))
    return database


def _compiled(expressions: Sequence[Expression]) -> "hyperscan.Database":
    database = hyperscan.Database()
    database.compile(
        expressions=[each.pattern for each in expressions],
        ids=[each.number for each in expressions],
        flags=[each.flags for each in expressions],
    )
    return database


def _deserialized(serialized: bytes) -> "hyperscan.Database":
    database = hyperscan.loadb(serialized, mode=hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database=database)
    return database
