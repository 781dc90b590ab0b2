"""What masking gives the exchange."""

from dataclasses import dataclass
from typing import Protocol

from extproc.codecs.unreadable import Unreadable
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding


def failed(error: Exception, what: str, unreadable: type[MaskingError] = MaskingError) -> MaskingError:
    """Whatever went wrong, as the one error that callers fail closed on. It holds nothing of the text."""
    if isinstance(error, MaskingError):
        return error
    if isinstance(error, Unreadable):
        made = unreadable(f"{what} is {error.kind}")
        if isinstance(made, Undecodable):
            made.kind = error.kind
        return made
    return MaskingError(f"masking failed: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Masked:
    """Bytes after masking, and what was found in them."""

    body: bytes
    findings: tuple[Finding, ...] = ()


class StreamMasker(Protocol):
    """Masks one stream, fed in pieces cut anywhere. Output never depends on the cuts.

    ``feed`` and ``finish`` raise ``MaskingError`` for what cannot be masked; after that the stream must end.
    """

    def feed(self, piece: bytes) -> bytes:
        """Everything that is safe to send now; an unfinished event is held back (bounded by ``limits.event``)."""
        ...

    def finish(self) -> bytes:
        """What may still be sent at the end of the stream."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        ...
