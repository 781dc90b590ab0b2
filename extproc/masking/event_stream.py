"""Mask a stream of server-sent events, one by one. Events that arrive together are prescanned together."""

from collections.abc import Iterator
from itertools import pairwise

from extproc.codecs.sse import Event, Line, Reader
from extproc.detectors.analyzer import Prescan
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import Edit, apply
from extproc.masking.formats import decode_text
from extproc.masking.json.json_masker import JsonMasker
from extproc.model.errors import Undecodable
from extproc.model.masking import Finding

KNOWN_FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})
"""Readers ignore all other fields, so that their names are masked as text."""


class EventStreamMasker:
    """Masks one stream of server-sent events. Every event's data is a document, or text, by itself.

    Not found: an entity that is spread over several events.
    """

    def __init__(self, masker: JsonMasker, *, limit: int) -> None:
        """Begin a stream.

        Args:
            masker: masks text and logs findings.
            limit: most bytes of an event.
        """
        self._masker = masker
        self._reader = Reader(limit=limit)

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._masked(self._reader.feed(piece)))

    def finish(self) -> bytes:
        """Return nothing: readers ignore an event without an end (WHATWG HTML section 9.2.6)."""
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._masker.findings

    def _masked(self, events: list[Event]) -> Iterator[bytes]:
        texts: list[str] = []
        unreadable: list[int] = []
        ends = [0]
        """The number of texts before each event, then that of all texts."""
        for event in events:
            try:
                texts += _texts(event)
            except Undecodable:
                unreadable.append(len(texts))  # the event is refused in its turn
                texts.append("")
            ends.append(len(texts))
        batch = BatchPrescan(self._masker.analyzer, texts, also=unreadable)
        may_match = self._masker.plan.may_match
        for event, (first, end) in zip(events, pairwise(ends), strict=True):
            if batch.any_in(first, end) or any(map(may_match, texts[first:end])):
                yield self._event(event, map(batch.prescan_of, range(first, end)))
            else:
                yield event.raw

    def _event(self, event: Event, prescans: Iterator[Prescan | None]) -> bytes:
        """Mask one event. The prescans of its texts come in the order of ``_texts``."""
        data = event.data
        if data:  # empty data holds no entity: it is left where a value was removed
            text = decode_text(data)
            edits = self._masker.text(text, next(prescans))
            event = event.with_data(apply(text, edits).encode()) if edits else event
        masked = bytearray()
        for line in event.lines():
            masked += self._line(line, prescans).raw
        return bytes(masked)

    def _line(self, line: Line, prescans: Iterator[Prescan | None]) -> Line:
        """Mask a line other than data."""
        text = _text(line)
        edits: list[Edit] = self._masker.plain(text, next(prescans)) if text else []
        if not edits:
            return line
        if line.name not in KNOWN_FIELDS:
            return Line(b":", b"", line.end, line.mark)
        return line.with_value(apply(text, edits).encode())


def _texts(event: Event) -> list[str]:
    """Return the texts of an event: the data first."""
    data: list[bytes] = []
    texts: list[str] = []
    for line in event.lines():
        if line.is_data:
            data.append(line.value)
        elif text := _text(line):
            texts.append(text)
    whole = b"\n".join(data)
    return [decode_text(whole), *texts] if whole else texts


def _text(line: Line) -> str:
    """Return the text to search in a line other than data."""
    if line.is_data or not line.head:
        return ""
    return decode_text(line.value if line.name in KNOWN_FIELDS else line.head + line.value)


class Unmasked:
    """A ``StreamMasker`` for a stream that no rule applies to."""

    findings: tuple[Finding, ...] = ()

    def feed(self, piece: bytes) -> bytes:
        """Return the piece unchanged."""
        return piece

    def finish(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""
