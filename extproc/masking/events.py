"""Mask a stream of events, one by one."""

from extproc.codecs.sse import Event, Line, Reader
from extproc.masking.edits import Edit, apply
from extproc.masking.media import decode_text
from extproc.masking.port import failed
from extproc.masking.walk import Walk
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding

KNOWN_FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})
"""All others are ignored by readers, so that their names are text like any other."""


class EventsMasker:
    """Masks one stream of server-sent events. Every event's data is a document, or text, by itself.

    An entity that is spread over several events is not seen.
    """

    def __init__(self, walk: Walk, *, limit: int) -> None:
        """Begin a stream.

        Args:
            walk: masks text and collects findings.
            limit: bytes one event may have.
        """
        self._walk = walk
        self._reader = Reader(limit=limit)
        self._broken = False

    def feed(self, piece: bytes) -> bytes:
        """See ``EventMasker.feed``."""
        if self._broken:
            raise MaskingError("the stream was broken off")
        self._broken = True
        try:
            masked = b"".join(self._event(event) for event in self._reader.feed(piece))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, nothing more is sent
            raise failed(error, "event") from None
        self._broken = False
        return masked

    def finish(self) -> bytes:
        """Nothing: an event that did not end is none (WHATWG HTML section 9.2.6)."""
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``EventMasker.findings``."""
        return self._walk.findings

    def _event(self, event: Event) -> bytes:
        data = event.data
        if data:  # an empty one holds nothing, and is what removing leaves
            edits = self._walk.text(decode_text(data))
            event = event.with_data(apply(decode_text(data), edits).encode()) if edits else event
        return Event(tuple(self._line(line) for line in event.lines)).raw

    def _line(self, line: Line) -> Line:
        """Mask a line other than data."""
        if line.name == b"data" or not (line.head or line.value):
            return line
        if line.name not in KNOWN_FIELDS:
            whole = decode_text(line.head + line.value)
            return Line(b":", b"", line.end, line.mark) if self._walk.plain(whole) else line
        value = decode_text(line.value)
        edits: list[Edit] = self._walk.plain(value)
        return line.with_value(apply(value, edits).encode()) if edits else line


class Unmasked:
    """A stream that no rule applies to."""

    findings: tuple[Finding, ...] = ()

    def feed(self, piece: bytes) -> bytes:
        """All of it."""
        return piece

    def finish(self) -> bytes:
        """Nothing was held back."""
        return b""
