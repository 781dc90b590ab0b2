"""What the record keeps of a response that goes piece by piece: its beginning."""

from collections.abc import Callable

from extproc.codecs.content_type import EVENT_STREAM, essence

LINE_ENDS = (b"\n",)
EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


class ResponseExcerpt:
    """The first bytes of a text; of what is no text, whole pieces, so that they can be read."""

    def __init__(
        self, content_type: str = "", *, limit: int = 0, readable: Callable[[bytes], bytes] | None = None
    ) -> None:
        """Begin a response.

        Args:
            content_type: of what is kept.
            limit: bytes that are kept, and of a readable form those after which no piece begins. With 0 nothing
                is, and nothing is made readable.
            readable: makes text of what goes; None where it is text.
        """
        self._content_type = content_type
        self._limit = limit
        self._readable = readable
        self._kept = b""
        self._seen = 0
        self._ended = False

    def add(self, out: bytes, *, last: bool) -> None:
        """Note what goes to the caller, and whether it is the end."""
        self._seen += len(out)
        self._ended = last
        room = self._limit - len(self._kept)
        if out and room > 0:
            self._kept += self._readable(out) if self._readable else out[:room]

    def text(self) -> bytes:
        """All of it, or up to the last line's end, or event's: what is masked again for the record is whole."""
        kept = self._kept
        if self._ended and len(kept) == self._seen:
            return kept
        ends = EVENT_ENDS if essence(self._content_type) == EVENT_STREAM else LINE_ENDS
        return kept[: max(kept.rfind(end) + len(end) if end in kept else 0 for end in ends)]
