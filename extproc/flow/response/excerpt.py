"""The excerpt of a streamed response that the record keeps: its beginning."""

from collections.abc import Callable

from extproc.codecs.content_type import EVENT_STREAM, essence
from extproc.codecs.sse import Reader
from extproc.codecs.unreadable import Unreadable

LINE_END = b"\n"


class ResponseExcerpt:
    """The first ``limit`` bytes of a response. Text is cut at the limit; binary formats keep whole pieces."""

    def __init__(
        self, content_type: str = "", *, limit: int = 0, readable: Callable[[bytes], bytes] | None = None
    ) -> None:
        """Begin a response.

        Args:
            content_type: of the excerpt.
            limit: bytes of text to keep. In a binary format no piece is added once they are reached. With 0
                nothing is kept.
            readable: turns a piece of a binary format into text; None for text.
        """
        self.content_type = content_type
        """The content-type of the excerpt."""
        self._limit = limit
        self._readable = readable
        self._events = Reader(limit=limit) if essence(content_type) == EVENT_STREAM else None
        self._kept = b""
        self._seen = 0
        self._ended = False
        self._full = limit <= 0

    def add(self, out: bytes, *, last: bool) -> None:
        """Add a piece that goes to the caller.

        Args:
            out: the piece.
            last: whether the response ends with it.
        """
        self._seen += len(out)
        self._ended = last
        if self._full or not out:
            return
        if self._events:
            self._add_events(self._events, out)
            return
        self._kept += self._readable(out) if self._readable else out[: self._limit - len(self._kept)]
        self._full = len(self._kept) >= self._limit

    def _add_events(self, events: Reader, out: bytes) -> None:
        """Add whole events, as long as they fit. Comments, by which servers keep a stream open, are none."""
        try:
            whole = [event.raw for event in events.feed(out) if not event.is_empty]
        except Unreadable:
            self._full = True
            return
        for raw in whole:
            self._full = self._full or len(self._kept) + len(raw) > self._limit
            self._kept += b"" if self._full else raw

    def text(self) -> bytes:
        """Return the excerpt. Unless it is the whole response, it ends with its last whole line or event.

        It is masked again for the record, and an entity must not be cut in two before that.
        """
        kept = self._kept
        if self._events or (self._ended and len(kept) == self._seen):
            return kept
        return kept[: kept.rfind(LINE_END) + 1]
