"""The results of masking, and the interface of a stream's masker."""

from dataclasses import dataclass
from typing import Protocol

from extproc.codecs.unreadable import Unreadable
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding


def failed(error: Exception, what: str, unreadable: type[MaskingError] = MaskingError) -> MaskingError:
    """Turn any exception into the one error that callers fail closed on. It contains nothing of the text."""
    if isinstance(error, MaskingError):
        return error
    if isinstance(error, Unreadable):
        made = unreadable(f"{what} is {error.kind}" + (f": {error.remedy}" if error.remedy else ""))
        if isinstance(made, Undecodable):
            made.kind, made.odd = error.kind, error.odd
        return made
    return MaskingError(f"masking failed: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Masked:
    """Masked bytes, and the findings."""

    body: bytes
    findings: tuple[Finding, ...] = ()


class StreamMasker(Protocol):
    """Masks one stream that is fed in pieces. The output never depends on where the pieces were cut.

    ``feed`` and ``finish`` raise ``MaskingError`` if the stream cannot be masked; then it must end.
    """

    def feed(self, piece: bytes) -> bytes:
        """Return all bytes that are safe to send now.

        An unfinished event is held back, at most ``limits.event`` bytes.
        """
        ...

    def finish(self) -> bytes:
        """Return the bytes that may still be sent at the end of the stream."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        ...
