"""Mask forms: each value is a text, or a document, under its field's name."""

from extproc.codecs.form import Part, offsets, read_form, spell
from extproc.codecs.multipart import Part as MultiPart
from extproc.codecs.multipart import boundary_of, read_parts
from extproc.codecs.unreadable import Unreadable
from extproc.masking.edits import Edit, apply
from extproc.masking.formats import Media, decode_text, media_of
from extproc.masking.json.json_masker import Walk
from extproc.masking.plan.json_path import Place
from extproc.model.errors import MaskingError, Undecodable

TEXTS = frozenset({Media.TEXT, Media.JSON})
"""Kinds of part that are looked into."""
PLAIN = "text/plain"
"""What a part is that does not say (RFC 7578 section 4.4)."""


def mask_form(body: bytes, walk: Walk) -> bytes:
    """Mask ``application/x-www-form-urlencoded``. A field ``a`` is at ``$.a``, however often it occurs.

    Raises:
        Unreadable: see ``read_form``.
    """
    text = body.decode("latin-1")
    edits: list[Edit] = []
    for name, value in read_form(text):
        edits += _spelled(text, name, walk.part(name.text, (), None))
        edits += _spelled(text, value, walk.part(value.text, (name.text,), _place(walk, name.text)))
    return apply(text, edits).encode("latin-1") if edits else body


def _place(walk: Walk, name: str) -> Place | None:
    """What paths say of a field. One that ends at the form itself ends at each of its fields."""
    root = walk.plan.root
    if root is None or walk.plan.how_whole(root) is not None:
        return root
    return root.step(name)


def _spelled(text: str, part: Part, edits: list[Edit]) -> list[Edit]:
    """Edits of a decoded part, in the form's offsets and spelling."""
    if not edits:
        return []
    places = offsets(text[part.start : part.end])
    return [
        Edit(part.start + places[start], part.start + places[end], spell(new), entity)
        for start, end, new, entity in edits
    ]


def mask_multipart(body: bytes, content_type: str, walk: Walk) -> bytes:
    """Mask ``multipart/form-data``. A part is at ``$.name``; its header fields are text.

    Raises:
        Unreadable: see ``read_parts``.
        Undecodable: a part that is not text.
    """
    boundary = boundary_of(content_type)
    parts = read_parts(body, boundary)
    pieces, at = [], 0
    for part in parts:
        head = decode_text(body[slice(*part.head)])
        pieces += [body[at : part.head[0]], apply(head, walk.part(head, (), None)).encode()]
        pieces += [body[part.head[1] : part.content[0]], _content(body, part, walk)]
        at = part.content[1]
    masked = b"".join([*pieces, body[at:]])
    if masked != body:
        _check_same(masked, boundary, len(parts))
    return masked


def _content(body: bytes, part: MultiPart, walk: Walk) -> bytes:
    content = body[slice(*part.content)]
    if media_of(part.content_type or PLAIN, ascii_only=content.isascii()) not in TEXTS:
        raise Undecodable("a part is not text")
    text = decode_text(content)
    return apply(text, walk.part(text, (part.name,), _place(walk, part.name))).encode()


def _check_same(masked: bytes, boundary: bytes, count: int) -> None:
    """What is left around a removed value must not look like a delimiter."""
    try:
        found = len(read_parts(masked, boundary))
    except Unreadable:
        found = -1
    if found != count:
        raise MaskingError("masking would change where parts end")
