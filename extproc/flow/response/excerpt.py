"""The excerpt of a streamed response that the record keeps: its beginning."""

from collections.abc import Callable

from extproc.codecs.content_type import EVENT_STREAM, essence

LINE_ENDS = (b"\n",)
EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


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
        """Of the excerpt."""
        self._limit = limit
        self._readable = readable
        self._kept = b""
        self._seen = 0
        self._ended = False

    def add(self, out: bytes, *, last: bool) -> None:
        """Add a piece that goes to the caller.

        Args:
            out: the piece.
            last: whether the response ends with it.
        """
        self._seen += len(out)
        self._ended = last
        room = self._limit - len(self._kept)
        if out and room > 0:
            self._kept += self._readable(out) if self._readable else out[:room]

    def text(self) -> bytes:
        """Return the excerpt. Unless it is the whole response, it ends with its last whole line or event.

        It is masked again for the record, and an entity must not be cut in two before that.
        """
        kept = self._kept
        if self._ended and len(kept) == self._seen:
            return kept
        ends = EVENT_ENDS if essence(self.content_type) == EVENT_STREAM else LINE_ENDS
        return kept[: max(kept.rfind(end) + len(end) if end in kept else 0 for end in ends)]
