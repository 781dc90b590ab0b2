"""Values of messages that spell something else: blobs, ``data:`` URIs, URIs. Each stays what it is when masked."""

import re
from typing import NamedTuple, Protocol

from extproc.detectors.packed import base64_runs
from extproc.masking.edits import Edit
from extproc.masking.encoded import data_uris, note, read_base64, read_text
from extproc.masking.json.position import Position
from extproc.masking.plan.compiled_plan import CompiledPlan
from extproc.masking.plan.json_path import Location, PathState
from extproc.masking.plan.operators import FIELD, REDACTED
from extproc.masking.uris import SCHEME, masked_uri
from extproc.model.errors import Undecodable
from extproc.model.masking import MaskOperator

DATA = "data:"
MAX_NESTED = 4
"""Levels of ``data:`` URIs in each other that are decoded. Deeper ones are text."""


_AS_TEXT = re.compile(r".{0,64}|[0-9+/=_\s-]*", re.DOTALL)
"""Text that may be written for people, although it can be decoded. A blob of a file is longer, with letters."""


class Where(NamedTuple):
    """The place of a value."""

    at: Position
    state: PathState | None
    """The state of the paths there."""
    level: int
    """Number of documents around it."""


class Values(Protocol):
    """The masker of the texts that such values spell."""

    plan: CompiledPlan

    def value(self, text: str, where: Where) -> list[Edit]:
        """Return the edits of a text that stands by itself: JSON or not."""
        ...

    def found(self, text: str, where: Where) -> list[Edit]:
        """Return the edits of the entities in a text, without reading it as JSON."""
        ...

    def holds_entity(self, text: str) -> bool:
        """Return whether a text without context holds an entity."""
        ...

    def log_unread(self, location: Location) -> bool:
        """Log text that cannot be read; return true if it has to be redacted, false if nothing is masked."""
        ...

    def redact_container(self, operator: MaskOperator, location: Location) -> MaskOperator:
        """See ``JsonMasker.redact_container``."""
        ...


class EncodedValues:
    """Masks the encoded values of one body or stream."""

    def __init__(self, masker: Values, *, is_recorded: bool) -> None:
        """Mask by a plan.

        Args:
            masker: masks what is decoded, and logs what is found.
            is_recorded: put a note in place of each blob instead.
        """
        self._masker = masker
        self._is_recorded = is_recorded

    def uri(self, value: str, where: Where) -> list[Edit] | None:
        """Return the edits of a URI: it stays one. None if it is none, or if its scheme holds an entity."""
        scheme = SCHEME.match(value)
        if scheme is None or scheme[0].lower() == DATA or self._masker.holds_entity(scheme[0]):
            return None
        edits = self._masker.value(value, where)
        return [Edit(0, len(value), masked_uri(value, edits), edits[0].entity)] if edits else edits

    def blob(self, value: str, mime_type: str, where: Where) -> list[Edit] | None:
        """Return the edits of a blob: it stays Base64. None if it is none.

        Args:
            value: Base64.
            mime_type: that of its bytes; may be empty.
            where: its place.
        """
        coded = read_base64(value)
        if coded is None:
            return None
        if self._is_recorded:
            return [Edit(0, len(value), note(coded.data), FIELD)] if coded.data else []
        masked = self._bytes(coded.data, mime_type, value, where)
        return [] if masked is None else [Edit(0, len(value), coded.written(masked), FIELD)]

    def data_uris(self, text: str, where: Where) -> list[Edit]:
        """Return an edit for the data of each ``data:`` URI that is read here: also where that does not change.

        Percent-encoded data in no other charset than UTF-8 is left to the detectors, which see through it.
        """
        edits: list[Edit] = []
        for uri in data_uris(text) if where.level < MAX_NESTED else ():
            if uri.base64 is None and not uri.names_charset:
                continue
            value = text[uri.start : uri.end]
            inside = where._replace(level=where.level + 1)
            masked = None if self._is_recorded else self._bytes(uri.data, uri.mime_type, value, inside)
            new = note(uri.data) if self._is_recorded else value if masked is None else uri.written(masked)
            edits.append(Edit(uri.start, uri.end, new, FIELD))
        return edits

    def _bytes(self, data: bytes, mime_type: str, value: str, where: Where) -> bytes | None:
        """Mask bytes of a type.

        Args:
            data: the bytes.
            mime_type: their type.
            value: the text that spells them.
            where: their place.

        Returns:
            The masked bytes; None if nothing in them is to be masked.
        """
        try:
            text = read_text(data, mime_type)
        except Undecodable:
            return REDACTED.encode() if self._masker.log_unread(where.at.location()) else None
        if text is not None:
            edits = self._masker.value(text.text, where)
            return text.masked(edits) if edits else None
        operator = self._masker.plan.operator_at(where.state)
        if operator is not None:
            removed = self._masker.redact_container(operator, where.at.location()) is MaskOperator.REMOVE
            return b"" if removed else REDACTED.encode()
        if _AS_TEXT.fullmatch(value) and (edits := self._masker.found(value, where)):
            return edits[0].text.encode()
        for view in base64_runs(value):  # a text with a few other bytes in it, or a compressed one
            if edits := self._masker.found(view.text, where):
                return edits[0].text.encode()
        return None
