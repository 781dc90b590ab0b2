"""Rows of a spool as rows of ``extproc.entries``."""

from dataclasses import replace

from extproc.evidence.shipping.tables import ENTRY_COLUMNS
from extproc.evidence.spool.entry_codec import DEFAULTS, decode_entry, leaf_hash
from extproc.evidence.spool.spool_reader import StoredRow
from extproc.model.entries import Entry

HASH_MISMATCH = "leaf-hash-mismatch"
UNREADABLE = "unreadable"


def insert_row(writer: str, stored: StoredRow) -> tuple[list[object], str]:
    """Make a row for ``INSERT_COLUMNS``. Never fails: a damaged row is shipped with the values that can be read.

    Returns:
        The row, and its damage; empty for an intact row.
    """
    document = stored.document if isinstance(stored.document, bytes) else b""
    leaf = stored.leaf_hash if isinstance(stored.leaf_hash, bytes) else b""
    damage = "" if leaf_hash(document) == leaf else HASH_MISMATCH
    try:
        entry = decode_entry(document)
    except ValueError:
        entry, damage = replace(DEFAULTS, time_ns=_time(stored)), damage or UNREADABLE
    log = [writer, stored.seq, leaf.hex(), document.decode("utf-8", "backslashreplace"), damage]
    return log + _columns(entry, known=damage != UNREADABLE), damage


def _columns(entry: Entry, *, known: bool) -> list[object]:
    values = [getattr(entry, name) for name in ENTRY_COLUMNS]
    at = list(ENTRY_COLUMNS).index("findings")
    values[at] = [(one.entity, one.path, one.how, one.count) for one in entry.findings]
    if not known:
        values[list(ENTRY_COLUMNS).index("kind")] = ""
    return values


def _time(stored: StoredRow) -> int:
    return stored.time_ns if isinstance(stored.time_ns, int) else 0
