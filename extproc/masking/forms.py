"""Mask forms. Each value is a text or a document, located at the name of its field."""

from extproc.codecs.form import Part, offsets, read_form, spell
from extproc.codecs.multipart import Part as MultiPart
from extproc.codecs.multipart import boundary_of, read_parts
from extproc.codecs.unreadable import Unreadable
from extproc.masking.edits import Edit, apply
from extproc.masking.formats import Media, decode_text, media_of
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.plan.json_path import PathState
from extproc.masking.plan.operators import REDACTED
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import MaskOperator

TEXTS = frozenset({Media.TEXT, Media.JSON})
"""Kinds of part that can be searched."""
PLAIN = "text/plain"
"""The type of a part that names none (RFC 7578 section 4.4)."""


def mask_form(body: bytes, masker: JsonMasker) -> bytes:
    """Mask ``application/x-www-form-urlencoded``. A field ``a`` is at ``$.a``, however often it occurs.

    Raises:
        Unreadable: see ``read_form``.
    """
    text = body.decode("latin-1")
    edits: list[Edit] = []
    for name, value in read_form(text):
        edits += _spelled(text, name, masker.part(name.text, (), None))
        edits += _spelled(text, value, masker.part(value.text, (name.text,), _state_of(masker, name.text)))
    return apply(text, edits).encode("latin-1") if edits else body


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
    pieces, at = [], 0
    for part in parts:
        head = decode_text(body[slice(*part.head)])
        pieces += [body[at : part.head[0]], apply(head, masker.part(head, (), None)).encode()]
        pieces += [body[part.head[1] : part.content[0]], _content(body, part, masker, binary=binary)]
        at = part.content[1]
    masked = b"".join([*pieces, body[at:]])
    if masked != body:
        _check_same(masked, boundary, len(parts))
    return masked


def _content(body: bytes, part: MultiPart, masker: JsonMasker, *, binary: bool) -> bytes:
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
    return apply(text, masker.part(text, location, state)).encode()


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
