"""Event streams, piece by piece (WHATWG HTML, section 9.2: server-sent events).

Rules: a stream is lines; LF, CR and CRLF each end one. A line is a field (``name``, or ``name:value`` with one
space after the colon dropped) or, when it begins with a colon, a comment. An empty line ends an event. One byte
order mark may lead the stream. What follows the last empty line is no event.
"""

import re
from typing import NamedTuple

from extproc.codecs.errors import Unreadable
from extproc.model.reasons import Uninspectable

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LF, _CR = b"\n", b"\r"
DATA_HEADS = frozenset({b"data", b"data:", b"data: "})


class Line(NamedTuple):
    """One line, in three parts that together are its bytes."""

    head: bytes
    """The field's name with the colon and the space behind it; of a comment, its colon."""
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
        """Whether the field's name is ``data``."""
        return self.head in DATA_HEADS

    @property
    def raw(self) -> bytes:
        """The line's bytes as they came."""
        return self.mark + self.head + self.value + self.end

    def with_value(self, value: bytes) -> "Line":
        """The same line with another value."""
        head = self.head + b":" if value and b":" not in self.head else self.head
        if value.startswith(b" ") and head.endswith(b":"):
            head += b" "  # the reader drops one space
        return Line(head, value, self.end, self.mark)


class Event(NamedTuple):
    """One event with its empty line. Comments alone, and stray line ends, come as events without data."""

    lines: tuple[Line, ...]

    @property
    def raw(self) -> bytes:
        """The event's bytes."""
        return b"".join([line.raw for line in self.lines])

    @property
    def data(self) -> bytes | None:
        """The ``data`` lines joined by LF; None when there is none."""
        values = [line.value for line in self.lines if line.is_data]
        return b"\n".join(values) if values else None

    def with_data(self, data: bytes) -> "Event":
        """The same event with other data. Lines that stay the same keep their bytes.

        Args:
            data: the new data; each LF begins a line of its own.

        Raises:
            ValueError: CR occurs in it, which no data can hold.
        """
        if _CR in data:
            raise ValueError("CR in an event's data")
        values = data.split(b"\n")
        places = [at for at, line in enumerate(self.lines) if line.is_data]
        first, last = self.lines[places[0]], places[-1]
        made: list[Line] = []
        for at, line in enumerate(self.lines):
            if not line.is_data:
                made.append(line)
            elif at == last:
                made += [
                    (line if not more else _extra(first, line)).with_value(v) for more, v in enumerate(values)
                ]
            elif len(values) > 1:
                made.append(line.with_value(values.pop(0)))
        return Event(tuple(made))


def _extra(first: Line, last: Line) -> Line:
    return Line(first.head, b"", last.end)


class Reader:
    """Cuts a stream into events. The events never depend on how the stream was cut into pieces.

    Their bytes joined are the stream's, without an unfinished event at its end.
    """

    def __init__(self, *, limit: int) -> None:
        """Read a stream whose events have up to ``limit`` bytes each; CRLF counts as one byte."""
        self._limit = limit
        self._line = bytearray()
        self._lines: list[Line] = []
        self._size = 0
        self._at_start = True
        self._after_cr = False

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next piece; return the events it completes.

        Raises:
            Unreadable: ``too-large`` for an event above the limit.
        """
        events: list[Event] = []
        at = self._join_crlf(piece, events) if piece else 0
        for match in _LINE_END.finditer(piece, at):
            content = piece[at : match.start()]
            at = match.end()
            if self._line:
                content = bytes(self._line) + content
                self._line.clear()
            self._end_line(content, match[0], events)
        self._line += piece[at:]
        self._after_cr = self._after_cr if not piece else piece.endswith(_CR)
        self._check(len(self._line))
        return events

    def _join_crlf(self, piece: bytes, events: list[Event]) -> int:
        """Where a CR ended the last piece and this one begins with LF, the two are one line end."""
        if not (self._after_cr and piece.startswith(_LF)):
            return 0
        if self._lines:
            last = self._lines[-1]
            self._lines[-1] = Line(last.head, last.value, last.end + _LF, last.mark)
        else:
            events.append(Event((Line(b"", b"", _LF),)))
        return 1

    def _end_line(self, content: bytes, end: bytes, events: list[Event]) -> None:
        line = _line(content, end, at_start=self._at_start)
        self._at_start = False
        self._check(len(content) + 1)
        self._size += len(content) + 1
        self._lines.append(line)
        if not line.head:
            events.append(Event(tuple(self._lines)))
            self._lines = []
            self._size = 0

    def _check(self, more: int) -> None:
        if self._size + more > self._limit:
            raise Unreadable(Uninspectable.TOO_LARGE)


def _line(content: bytes, end: bytes, *, at_start: bool) -> Line:
    mark = BOM if at_start and content.startswith(BOM) else b""
    content = content[len(mark) :]
    name, colon, value = content.partition(b":")
    if not colon:
        return Line(content, b"", end, mark)
    space = b" " if value.startswith(b" ") else b""
    return Line(name + colon + space, value[len(space) :], end, mark)
