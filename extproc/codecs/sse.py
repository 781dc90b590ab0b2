"""Reads event streams in pieces (WHATWG HTML, section 9.2: server-sent events).

A stream consists of lines; LF, CR and CRLF each end one. A line is a field (``name``, or ``name:value`` without
one space after the colon) or, if it begins with a colon, a comment. An empty line ends an event. The stream may
begin with one byte order mark. Lines after the last empty line are not an event. A comment in front of an event is
taken by itself: servers keep connections open with lines of comments, which must not wait for an event.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT_END = re.compile(rb"[\r\n](?>(?:(?<=\r)\n)?)(?:\r\n?|\n)")
_LF, _CR, _CRLF = b"\n", b"\r", b"\r\n"
DATA_HEADS = frozenset({b"data", b"data:", b"data: "})


class Line(NamedTuple):
    """One line, in parts that together are its bytes."""

    head: bytes
    """The field's name with the colon and the space after it; of a comment, its colon."""
    value: bytes
    end: bytes
    """LF, CR or CRLF."""
    mark: bytes = b""
    """The byte order mark before the stream's first line."""

    @property
    def name(self) -> bytes:
        """The field's name; empty for a comment and for an empty line."""
        return self.head.partition(b":")[0]

    @property
    def is_data(self) -> bool:
        """True if the field's name is ``data``."""
        return self.head in DATA_HEADS

    @property
    def raw(self) -> bytes:
        """The line's bytes as received."""
        return self.mark + self.head + self.value + self.end

    def with_value(self, value: bytes) -> "Line":
        """Return the line with another value."""
        head = self.head + b":" if value and b":" not in self.head else self.head
        if value.startswith(b" ") and head.endswith(b":"):
            head += b" "  # the reader drops one space
        return Line(head, value, self.end, self.mark)


class Event(NamedTuple):
    """One event with its empty line. A comment in front of one, and a stray line end, are events without data.

    It is stored as received: lines are short, and as objects they would take fifty times their bytes.
    """

    raw: bytes
    """The event's bytes."""
    first: bool = False
    """True for the stream's first event, which may begin with a byte order mark."""

    def lines(self) -> Iterator[Line]:
        """Yield the lines."""
        at = 0
        for match in _LINE_END.finditer(self.raw):
            yield _line(self.raw[at : match.start()], match[0], at_start=self.first and not at)
            at = match.end()

    @property
    def is_empty(self) -> bool:
        """True for comments and line ends alone: readers see nothing of them."""
        return all(not line.name for line in self.lines())

    @property
    def data(self) -> bytes | None:
        """The ``data`` lines joined by LF; None if there are none."""
        values = [line.value for line in self.lines() if line.is_data]
        return b"\n".join(values) if values else None

    def with_data(self, data: bytes) -> "Event":
        """Return the event with other data. Unchanged lines keep their bytes.

        Args:
            data: the new data; each LF begins a new line.

        Raises:
            ValueError: the new data has a CR, which data cannot hold; or the event has no data.
        """
        if _CR in data:
            raise ValueError("CR in an event's data")
        values, lines = data.split(b"\n"), [*self.lines()]
        data_lines = sum(line.is_data for line in lines)
        if not data_lines:
            raise ValueError("an event without data")
        first_goes = self.first and len(values) == 1 < data_lines and lines[0].is_data
        written, used, first = bytearray(), 0, None
        for line in lines:
            if not line.is_data:
                written += line.raw
                continue
            data_lines, first = data_lines - 1, first or line
            if not data_lines:
                for more, value in enumerate(values[used:]):
                    written += (Line(first.head, b"", line.end) if more else line).with_value(value).raw
            elif used < len(values) - 1:
                written += line.with_value(values[used]).raw
                used += 1
        if first_goes and BOM in (self.raw[: len(BOM)], written[: len(BOM)]):
            written[:0] = BOM  # otherwise readers would remove one that is part of a name
        return self._replace(raw=bytes(written))


class Reader:
    """Splits a stream into events, which do not depend on how the stream was split into pieces.

    Their joined bytes are the stream's, without an unfinished event at the end.
    """

    def __init__(self, *, limit: int) -> None:
        """Args: ``limit``: maximum bytes of one event; CRLF counts as one byte."""
        self._limit = limit
        self._held = bytearray()
        """Bytes of the unfinished event."""
        self._crlfs = 0
        """Number of CRLF in it."""
        self._first = True
        self._after_cr = False
        """True if CR ended the last event, and no byte came since."""

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next piece; return the events that it completes.

        Raises:
            Unreadable: ``too-large`` for an event above the limit.
        """
        events: list[Event] = []
        if not piece:
            return events
        at, known = self._stray(piece, events), len(self._held)
        if known:
            self._held += piece
            self._crlfs += self._held.count(_CRLF, known - 1)
        text = self._held if known else piece
        scan = max(at, known - 1)
        while end := self._end(text, at, scan):
            event = Event(bytes(text[at:end]), self._first)
            self._first = False
            self._check(event.raw)
            events.append(event)
            at = scan = end
        if at or not known:
            self._held = bytearray(text[at:])
            self._crlfs = self._held.count(_CRLF)
        self._after_cr = not self._held and piece.endswith(_CR)
        if len(self._held) - self._crlfs > self._limit:
            raise Unreadable(Uninspectable.TOO_LARGE)
        return events

    def _stray(self, piece: bytes, events: list[Event]) -> int:
        """Return the offset of the next event, after an LF that belongs to the CR that ended the last event."""
        if not (self._after_cr and piece.startswith(_LF)):
            return 0
        events.append(Event(_LF))
        return 1

    def _end(self, text: bytes | bytearray, at: int, scan: int) -> int:
        """Return the end of the event that begins at ``at``, not before ``scan``; 0 if it does not end."""
        begin = at + len(BOM) if self._first and text.startswith(BOM, at) else at
        match text[begin : begin + 1]:
            case b"\n" | b"\r":
                found = _LINE_END.match(text, begin)
            case b":":
                found = _LINE_END.search(text, max(begin, scan))
            case _:
                found = _EVENT_END.search(text, scan)
        return found.end() if found else 0

    def _check(self, raw: bytes) -> None:
        if len(raw) > self._limit and len(raw) - raw.count(_CRLF) > self._limit:
            raise Unreadable(Uninspectable.TOO_LARGE)


def _line(content: bytes, end: bytes, *, at_start: bool) -> Line:
    mark = BOM if at_start and content.startswith(BOM) else b""
    content = content[len(mark) :]
    name, colon, value = content.partition(b":")
    if not colon:
        return Line(content, b"", end, mark)
    space = b" " if value.startswith(b" ") else b""
    return Line(name + colon + space, value[len(space) :], end, mark)
