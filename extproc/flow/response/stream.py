"""A streamed response under way: masked and without the credential, piece by piece."""

import hashlib
from dataclasses import dataclass, field

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.masking.stream_masker import StreamMasker
from extproc.model.errors import MaskingError
from extproc.protocols.function_protocol import StreamCheck


@dataclass(slots=True)
class ResponseStream:
    """One response on its way. How it was cut into pieces makes no difference to the bytes that go."""

    masker: StreamMasker
    redact_credential: CredentialRedactor
    limit: int
    """Bytes that may be held back."""
    excerpt: ResponseExcerpt
    """The beginning, for the record."""
    check: StreamCheck
    """The protocol's check of the pieces that go."""
    pieces: int = 0
    """Number of pieces that were fed."""
    sent: int = 0
    """Bytes that went to the caller."""
    _held: bytearray = field(default_factory=bytearray)
    """An unfinished word, or line, which may hold a part of the credential."""
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """Lower-case hex, of the bytes that went to the caller."""
        return self._sha256.hexdigest()

    def feed(self, piece: bytes, *, last: bool) -> bytes:
        """Take the next piece, and return the bytes that may go now.

        Raises:
            MaskingError: it cannot be masked, or a word is too long to be searched for the credential.
        """
        out = self.masker.feed(self._without_credential(piece, last=last))
        if last:
            out += self.masker.finish()
        self.check(out)
        self._goes(out, last=last)
        return out

    def end_with(self, told: bytes) -> None:
        """Note that the stream ends with these bytes of the guard's own, since it could not be fed any further."""
        self._goes(told, last=True)

    def end_without_body(self) -> None:
        """Note that trailers follow: Envoy takes no more of the body.

        Raises:
            MaskingError: a part of it is still held back.
        """
        if self.masker.finish() or self._held:
            raise MaskingError("the response ended (trailers) with an incomplete line still unmasked")

    def _goes(self, out: bytes, *, last: bool) -> None:
        self.pieces += 1
        self.sent += len(out)
        self._sha256.update(out)
        self.excerpt.add(out, last=last)

    def _without_credential(self, piece: bytes, *, last: bool) -> bytes:
        """Return the whole words of what came so far, without the credential."""
        if not self.redact_credential:
            return piece
        end = len(piece) if last else _last_end(piece, self.redact_credential.ends)
        whole = bytes(self._held) + piece[:end] if end or last else b""
        if whole:
            self._held.clear()
        self._held += piece[end:]
        if len(self._held) > self.limit:
            raise MaskingError("a line is too-large to be searched for the credential")
        return self.redact_credential(whole)


def _last_end(piece: bytes, ends: bytes) -> int:
    """Return the offset behind the last byte that no form of the credential has within; 0 where there is none."""
    return max(map(piece.rfind, ends)) + 1
