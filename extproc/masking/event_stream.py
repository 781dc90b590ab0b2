"""Mask a stream of events, one by one. Those that come together are looked at together."""

from collections.abc import Iterator
from itertools import pairwise

from extproc.codecs.sse import Event, Line, Reader
from extproc.detectors.analyzer import Look
from extproc.masking.edits import Edit, apply
from extproc.masking.formats import decode_text
from extproc.masking.json.json_masker import Walk
from extproc.masking.protobuf.prescan import Looks
from extproc.model.errors import Undecodable
from extproc.model.masking import Finding

KNOWN_FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})
"""All others are ignored by readers, so that their names are text like any other."""


class EventStreamMasker:
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

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._masked(self._reader.feed(piece)))

    def finish(self) -> bytes:
        """Nothing: an event that did not end is none (WHATWG HTML section 9.2.6)."""
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._walk.findings

    def _masked(self, events: list[Event]) -> Iterator[bytes]:
        texts: list[str] = []
        unreadable: list[int] = []
        ends = [0]
        """Of each event's texts among all."""
        for event in events:
            try:
                texts += _texts(event)
            except Undecodable:
                unreadable.append(len(texts))  # it is refused when its turn comes
                texts.append("")
            ends.append(len(texts))
        looks, may_match = Looks(self._walk.mask.detectors, texts, also=unreadable), self._walk.plan.may_match
        for event, (first, end) in zip(events, pairwise(ends), strict=True):
            touched = looks.any_of(first, end) or any(map(may_match, texts[first:end]))
            yield self._event(event, map(looks.of, range(first, end))) if touched else event.raw

    def _event(self, event: Event, looks: Iterator[Look | None]) -> bytes:
        """Mask one event. What was told of its texts comes in their order."""
        data = event.data
        if data:  # an empty one holds nothing, and is what removing leaves
            text = decode_text(data)
            edits = self._walk.text(text, next(looks))
            event = event.with_data(apply(text, edits).encode()) if edits else event
        masked = bytearray()
        for line in event.lines():
            masked += self._line(line, looks).raw
        return bytes(masked)

    def _line(self, line: Line, looks: Iterator[Look | None]) -> Line:
        """Mask a line other than data."""
        text = _text(line)
        edits: list[Edit] = self._walk.plain(text, next(looks)) if text else []
        if not edits:
            return line
        if line.name not in KNOWN_FIELDS:
            return Line(b":", b"", line.end, line.mark)
        return line.with_value(apply(text, edits).encode())


def _texts(event: Event) -> list[str]:
    """All that is looked into: the data first."""
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
    """What is looked into of a line other than data."""
    if line.is_data or not line.head:
        return ""
    return decode_text(line.value if line.name in KNOWN_FIELDS else line.head + line.value)


class Unmasked:
    """A stream that no rule applies to."""

    findings: tuple[Finding, ...] = ()

    def feed(self, piece: bytes) -> bytes:
        """All of it."""
        return piece

    def finish(self) -> bytes:
        """Nothing was held back."""
        return b""
