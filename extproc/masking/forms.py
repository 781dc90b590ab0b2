"""Mask forms. Each value is a text or a document, located at the name of its field.

One field may name another: ``name=DB_PASSWORD&value=…``, ``env[0][name]=…&env[0][value]=…``.
"""

import re
from collections.abc import Sequence

from extproc.codecs.form import Part, offsets, read_form, spell
from extproc.codecs.json_units import quote
from extproc.codecs.multipart import Part as MultiPart
from extproc.codecs.multipart import boundary_of, read_parts
from extproc.codecs.unreadable import Unreadable
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import Edit, apply
from extproc.masking.formats import Media, decode_text, media_of
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.json.written_document import WrittenDocument
from extproc.masking.plan.json_path import PathState
from extproc.masking.plan.operators import REDACTED
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import MaskOperator

TEXTS = frozenset({Media.TEXT, Media.JSON})
"""Kinds of part that can be searched."""
_LAST_PART = re.compile(r"(.*)(?:\[([^\[\]]+)\]|\.([^.\[\]]+))", re.DOTALL)
"""The last part of a field's name: ``b`` of ``a[0][b]`` and of ``a.b``."""
PLAIN = "text/plain"
"""The type of a part that names none (RFC 7578 section 4.4)."""


def mask_form(body: bytes, masker: JsonMasker) -> bytes:
    """Mask ``application/x-www-form-urlencoded``. A field ``a`` is at ``$.a``, however often it occurs.

    Raises:
        Unreadable: see ``read_form``.
    """
    text = body.decode("latin-1")
    fields = list(read_form(text))
    named = _names_beside([(name.text, value.text) for name, value in fields], masker)
    edits: list[Edit] = []
    for number, (name, value) in enumerate(fields):
        edits += _spelled(text, name, masker.part(name.text, (), None))
        state = _state_of(masker, name.text)
        found = masker.part(value.text, (name.text,), state, name=named.get(number, ""))
        edits += _spelled(text, value, found)
    return apply(text, edits).encode("latin-1") if edits else body


def _names_beside(fields: Sequence[tuple[str, str]], masker: JsonMasker) -> dict[int, str]:
    """Return the names that fields of a form give to the values of others, by the number of the field.

    Fields whose names differ in the last part only are members of one object; a part that comes again begins the
    next one.
    """
    analyzer = masker.analyzer
    if not any(BatchPrescan(analyzer, [value for _, value in fields]).telling()):
        return {}
    objects: list[dict[str, int]] = []
    open_objects: dict[str, dict[str, int]] = {}
    for number, (name, _) in enumerate(fields):
        parts = _LAST_PART.fullmatch(name)
        before, last = (parts[1], parts[2] or parts[3]) if parts else ("", name)
        if last in open_objects.setdefault(before, {}) or not open_objects[before]:
            open_objects[before] = {}
            objects.append(open_objects[before])
        open_objects[before][last] = number
    named: dict[int, str] = {}
    for members in objects if len(fields) > 1 else ():
        written = WrittenDocument()
        written.add("{")
        for place, (last, number) in enumerate(members.items()):
            written.key(last, place)
            written.value(number, quote(fields[number][1]))
        written.add("}")
        named |= written.names(analyzer.tells)
    return named


def _state_of(masker: JsonMasker, name: str) -> PathState | None:
    """Return the state of the paths at a field. A path that ends at the form itself ends at each of its fields."""
    root = masker.plan.root
    if root is None or masker.plan.container_operator_at(root) is not None:
        return root
    return root.step(name)


def _spelled(text: str, part: Part, edits: list[Edit]) -> list[Edit]:
    """Return edits of a decoded part in the form's offsets and spelling."""
    if not edits:
        return []
    encoded = offsets(text[part.start : part.end])
    return [
        Edit(part.start + encoded[start], part.start + encoded[end], spell(new), entity)
        for start, end, new, entity in edits
    ]


def mask_multipart(body: bytes, content_type: str, masker: JsonMasker, *, binary: bool = False) -> bytes:
    """Mask ``multipart/form-data``. A part is at ``$.name``; its header fields are masked as text.

    Args:
        body: the form.
        content_type: names the boundary.
        masker: masks texts and logs findings.
        binary: let parts that are not text pass unchanged; each of them becomes a finding.

    Raises:
        Unreadable: see ``read_parts``.
        Undecodable: a part is not text, no rule masks it as a whole, and it may not pass.
    """
    boundary = boundary_of(content_type)
    parts = read_parts(body, boundary)
    named = _names_beside([(part.name, _shown(body, part)) for part in parts], masker)
    pieces, at = [], 0
    for number, part in enumerate(parts):
        head = decode_text(body[slice(*part.head)])
        pieces += [body[at : part.head[0]], apply(head, masker.part(head, (), None)).encode()]
        pieces += [body[part.head[1] : part.content[0]]]
        pieces.append(_content(body, part, masker, named.get(number, ""), binary=binary))
        at = part.content[1]
    masked = b"".join([*pieces, body[at:]])
    if masked != body:
        _check_same(masked, boundary, len(parts))
    return masked


def _shown(body: bytes, part: MultiPart) -> str:
    """Return the text of a part; nothing if it is not text."""
    try:
        return _text_of(part, body[slice(*part.content)])
    except Undecodable:
        return ""


def _content(body: bytes, part: MultiPart, masker: JsonMasker, name: str, *, binary: bool) -> bytes:
    content, location, state = body[slice(*part.content)], (part.name,), _state_of(masker, part.name)
    try:
        text = _text_of(part, content)
    except Undecodable:
        operator = masker.plan.operator_at(state)
        if operator is not None:
            removed = masker.redact_container(operator, location)
            return b"" if removed is MaskOperator.REMOVE else REDACTED.encode()
        if not binary:
            raise
        masker.log_passed(location)
        return content
    return apply(text, masker.part(text, location, state, name=name)).encode()


def _text_of(part: MultiPart, content: bytes) -> str:
    """Return the text of a part.

    Raises:
        Undecodable: it is not text.
    """
    if media_of(part.content_type or PLAIN, ascii_only=content.isascii()) not in TEXTS:
        raise Undecodable("a part is not text")
    return decode_text(content)


def _check_same(masked: bytes, boundary: bytes, count: int) -> None:
    """Refuse a body in which the text left around a removed value looks like a delimiter."""
    try:
        found = len(read_parts(masked, boundary))
    except Unreadable:
        found = -1
    if found != count:
        raise MaskingError("masking would change where parts end")
