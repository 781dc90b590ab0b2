"""Entries as bytes: the document that is stored, hashed, shipped and verified, and never re-serialised."""

import hashlib
from dataclasses import fields, replace
from typing import Any

import orjson

from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.masking import Finding, Side

LEAF_PREFIX = b"\x00"
INT64_END = 1 << 63
"""First integer that JSON may hold here and a column cannot."""


def leaf_hash(document: bytes) -> bytes:
    """SHA-256 of a Merkle tree's leaf.

    Args:
        document: the stored bytes of one entry.

    Returns:
        32 bytes.

    Source: RFC 6962 section 2.1.
    """
    return hashlib.sha256(LEAF_PREFIX + document).digest()


def encode_entry(entry: Entry) -> bytes:
    """Write an entry as JSON, UTF-8, keys in the order of ``Entry``'s fields. Never refuses text.

    A lone surrogate has no UTF-8 form; it is stored as its escape, since an odd character must not cost a record.

    Raises:
        EvidenceError: a field holds what its type does not allow.
    """
    try:
        return orjson.dumps(entry)
    except TypeError:
        return _encode_escaped(entry)


def decode_entry(document: bytes) -> Entry:
    """Read an entry back. Unknown keys are left out, missing keys take the field's default.

    Raises:
        ValueError: not JSON, no object, or a value that is not what its field holds.
    """
    values = orjson.loads(document)
    try:
        return _typed({name: values[name] for name in FIELDS if name in values})
    except (TypeError, KeyError) as error:
        raise ValueError(f"the document is no entry: {type(error).__name__}") from None


FIELDS: tuple[str, ...] = tuple(one.name for one in fields(Entry))
"""The names of ``Entry``'s fields, in order: also the columns of ``extproc.entries``."""

DEFAULTS: Entry = Entry(EntryKind.FAILED, "", 0)
"""An entry with every default, to compare types with."""


def _typed(known: dict[str, Any]) -> Entry:
    known["kind"] = EntryKind(known["kind"])
    known["findings"] = tuple(map(_read_finding, known.get("findings", ())))
    for name in ("groups", "shadow", "approvers"):
        known[name] = tuple(_text(item) for item in known.get(name, ()))
    entry = Entry(**known)
    for name in FIELDS:
        _check(getattr(entry, name), getattr(DEFAULTS, name))
    return entry


def _read_finding(values: Any) -> Finding:
    if not isinstance(values, dict):
        raise TypeError
    count = values.get("count", 1)
    _check(count, 1)
    return Finding(
        entity=_text(values["entity"]),
        path=_text(values["path"]),
        how=_text(values.get("how", "")),
        count=count,
        side=Side(_text(values.get("side", ""))),
    )


def _check(value: object, like: object) -> None:
    wanted = (int, float) if isinstance(like, float) else type(like)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise TypeError
    if isinstance(value, int) and value >= INT64_END:
        raise TypeError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _encode_escaped(entry: Entry) -> bytes:
    changes = {name: _escape(getattr(entry, name)) for name in FIELDS if name != "kind"}
    try:
        return orjson.dumps(replace(entry, **changes))
    except TypeError as error:
        raise EvidenceError(f"the entry cannot be written as JSON: {type(error).__name__}") from None


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Finding):
        return replace(value, entity=_escape(value.entity), path=_escape(value.path), how=_escape(value.how))
    if isinstance(value, tuple):
        return tuple(_escape(item) for item in value)
    return value
