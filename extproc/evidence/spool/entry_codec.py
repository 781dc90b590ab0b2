"""Encodes entries as documents: bytes that are stored, hashed, shipped, verified, and never encoded again."""

import hashlib
from dataclasses import fields, replace
from typing import Any

import orjson

from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.masking import Finding, Side

LEAF_PREFIX = b"\x00"
INT64_END = 1 << 63
"""The first integer that a column cannot hold."""


def leaf_hash(document: bytes) -> bytes:
    """Return the SHA-256 of a Merkle tree's leaf.

    Args:
        document: the stored bytes of one entry.

    Returns:
        32 bytes.

    Source: RFC 6962 section 2.1.
    """
    return hashlib.sha256(LEAF_PREFIX + document).digest()


def encode_entry(entry: Entry) -> bytes:
    """Encode an entry as JSON in UTF-8, with keys in the order of ``Entry``'s fields. Accepts any text.

    A lone surrogate has no UTF-8 form; it is stored as its escape, so that an odd character never loses an entry.

    Raises:
        EvidenceError: a field has a value that its type does not allow.
    """
    try:
        return orjson.dumps(entry)
    except TypeError:
        return _encode_escaped(entry)


def decode_entry(document: bytes) -> Entry:
    """Decode an entry. Unknown keys are ignored; missing keys take the field's default.

    Raises:
        ValueError: the document is not a JSON object, or a value has the wrong type.
    """
    values = orjson.loads(document)
    try:
        return _typed({name: values[name] for name in FIELDS if name in values})
    except (TypeError, KeyError) as error:
        raise ValueError(f"the document is not an entry: {type(error).__name__}") from None


FIELDS: tuple[str, ...] = tuple(one.name for one in fields(Entry))
"""The names of ``Entry``'s fields, in order."""

DEFAULTS: Entry = Entry(EntryKind.FAILED, "", 0)
"""An entry with all defaults; its values show the fields' types."""


def _typed(known: dict[str, Any]) -> Entry:
    known["kind"] = EntryKind(known["kind"])
    known["findings"] = tuple(map(_read_finding, known.get("findings", ())))
    for name in ("groups", "shadow", "approvers", "policy_bundles", "definition_accepted_by", "denied_by"):
        known[name] = tuple(_text(item) for item in known.get(name, ()))
    entry = Entry(**known)
    for name in FIELDS:
        _check_type(getattr(entry, name), getattr(DEFAULTS, name))
    return entry


def _read_finding(values: Any) -> Finding:
    if not isinstance(values, dict):
        raise TypeError
    count = values.get("count", 1)
    _check_type(count, 1)
    return Finding(
        entity=_text(values["entity"]),
        path=_text(values["path"]),
        how=_text(values.get("how", "")),
        count=count,
        side=Side(_text(values.get("side", ""))),
    )


def _check_type(value: object, like: object) -> None:
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
