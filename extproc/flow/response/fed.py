"""The result of feeding one piece of a streamed response to its masker."""

from typing import NamedTuple, Protocol

from extproc.codecs.unreadable import Unreadable
from extproc.masking.stream_masker import StreamMasker
from extproc.model.errors import MaskingError, Refused, ResponseBrokenOff
from extproc.model.masking import Finding


class Fed(NamedTuple):
    """The bytes that may go, and whether the stream ends with them."""

    out: bytes
    broken: ResponseBrokenOff | None = None
    """Set where the stream must not go on behind these bytes."""
    has_answer: bool = False
    """True if the call's answer is among the bytes: the caller has all that it waits for, and may leave."""


class PieceFeeder(Protocol):
    """Makes bytes that may go of the pieces of one stream, however the stream was cut into them."""

    async def feed(self, piece: bytes, *, last: bool) -> Fed:
        """Take the next piece. Nothing may be fed behind one that broke the stream."""
        ...

    def unfinished(self) -> bytes:
        """Return what is still held back, where trailers follow.

        Raises:
            MaskingError: it cannot be masked.
        """
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        ...


class MaskedPieces:
    """Pieces that are masked, and that nothing else is decided about."""

    def __init__(self, masker: StreamMasker) -> None:
        """Args: ``masker``: of the stream."""
        self._masker = masker

    async def feed(self, piece: bytes, *, last: bool) -> Fed:
        """Mask the next piece."""
        try:
            return Fed(self._masker.feed(piece) + (self._masker.finish() if last else b""))
        except MaskingError as error:
            return Fed(b"", broken_by(error))

    def unfinished(self) -> bytes:
        """See ``PieceFeeder``."""
        return self._masker.finish()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``PieceFeeder``."""
        return self._masker.findings


def broken_by(error: MaskingError | Unreadable | Refused) -> ResponseBrokenOff:
    """Return the end of a stream in which one piece failed, or was refused."""
    if isinstance(error, Refused):
        return ResponseBrokenOff(error.detail or error.reason.answer.title, error.reason, error.rule)
    detail = f"an event is {error.kind.value}" if isinstance(error, Unreadable) else str(error)
    return ResponseBrokenOff(detail)
