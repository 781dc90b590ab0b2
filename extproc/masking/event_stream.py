"""Mask a stream of server-sent events. Events that arrive together are prescanned together.

Events are masked one by one, but for the texts that a language model sends piece by piece
(``extproc.masking.model_streams``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from extproc.codecs.sse import Event, Line, Reader
from extproc.detectors.analyzer import Prescan
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import Edit, apply
from extproc.masking.findings import add_up
from extproc.masking.formats import decode_text
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.model_streams.model_stream import ModelStream
from extproc.model.errors import Undecodable
from extproc.model.masking import Finding

OPAQUE_FIELDS: Mapping[bytes, re.Pattern[bytes]] = {
    b"id": re.compile(rb"[^\0]*"),
    b"retry": re.compile(rb"[0-9]{1,9}"),
}
"""The fields by which a client resumes a stream, and their values (WHATWG HTML section 9.2.6)."""
NO_FIELDS: Mapping[bytes, re.Pattern[bytes]] = {}
KNOWN_FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})
"""Readers ignore all other fields, so that their names are masked as text."""


class EventStreamMasker:
    """Masks one stream of server-sent events. Every event's data is a document, or text, by itself.

    Not found: an entity that is spread over several events of other shapes than those of language models.
    """

    def __init__(
        self, make_masker: Callable[[], JsonMasker], *, limit: int, text_limit: int, max_depth: int
    ) -> None:
        """Begin a stream.

        Args:
            make_masker: makes a masker with an empty log, always by the same plan.
            limit: most bytes of an event.
            text_limit: most characters of a model's texts that may be held back.
            max_depth: most nested arrays and objects of a document with a piece of a model's text.
        """
        self._masker = make_masker()
        shape = self._masker.shape
        self._tokens = OPAQUE_FIELDS if shape is not None and shape.tokens_of_events else NO_FIELDS
        """Fields that stay as they are."""
        self._models = ModelStream[Event](self._masker, make_masker, limit=text_limit, max_depth=max_depth)
        self._reader = Reader(limit=limit)

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._masked(self._reader.feed(piece)))

    def finish(self) -> bytes:
        """Return the rest of a model's texts.

        Readers ignore an event without an end (WHATWG HTML section 9.2.6).
        """
        return b"".join(_again(event, text) for event, text in self._models.finish())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return add_up(self._masker.findings, self._models.findings)

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
            searched = not (
                batch.any_in(first, end)
                or any(map(may_match, texts[first:end]))
                or (end > first and self._masker.may_hold_encoded(texts[first]))
            )
            if searched and not (end > first and self._models.may_concern(texts[first])):
                yield event.raw
            else:
                yield self._event(event, map(batch.prescan_of, range(first, end)), searched=searched)

    def _event(self, event: Event, prescans: Iterator[Prescan | None], *, searched: bool) -> bytes:
        """Mask one event. The prescans of its texts come in the order of ``_texts``."""
        data = event.data or b""  # empty data holds no entity: it is left where a value was removed
        text, prescan = (decode_text(data), next(prescans)) if data else ("", None)
        if not searched:
            lines = [line.raw if line.is_data else self._line(line, prescans).raw for line in event.lines()]
            event = event._replace(raw=b"".join(lines))
        documents = self._models.masked(event, text, searched=searched) if data else None
        if documents is not None:
            *others, (_, masked) = documents
            rests = b"".join(_again(*each) for each in others)
            return rests + (event if masked == text else event.with_data(masked.encode())).raw
        edits = self._masker.text(text, prescan) if data and not searched else []
        return event.with_data(apply(text, edits).encode()).raw if edits else event.raw

    def _line(self, line: Line, prescans: Iterator[Prescan | None]) -> Line:
        """Mask a line other than data."""
        text = _text(line)
        prescan = next(prescans) if text else None
        token = self._tokens.get(line.name)
        if token is not None and token.fullmatch(line.value):
            self._masker.keep(text)
            return line
        edits: list[Edit] = self._masker.plain(text, prescan) if text else []
        if not edits:
            return line
        if line.name not in KNOWN_FIELDS:
            return Line(b":", b"", line.end, line.mark)
        return line.with_value(apply(text, edits).encode())


def _again(event: Event, text: str) -> bytes:
    """Return an event of the same name with other data, to be sent in front of another event."""
    named, end = b"", b"\n"
    for line in event.lines():
        if line.is_data:
            end = line.end
        elif line.name == b"event":
            named += line._replace(mark=b"").raw
    return named + b"".join(b"data: " + each + end for each in text.encode().split(b"\n")) + end


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
