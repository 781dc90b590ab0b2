"""A streamed response under way: masked and without the credential, piece by piece."""

import hashlib
from dataclasses import dataclass, field

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.flow.response.fed import Fed, PieceFeeder, broken_by
from extproc.model.errors import MaskingError


@dataclass(slots=True)
class ResponseStream:
    """One response on its way. How it was cut into pieces makes no difference to the bytes that go."""

    feeder: PieceFeeder
    redact_credential: CredentialRedactor
    limit: int
    """Bytes that may be held back."""
    excerpt: ResponseExcerpt
    """The beginning, for the record."""
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

    async def feed(self, piece: bytes, *, last: bool) -> Fed:
        """Take the next piece, and return the bytes that may go now."""
        try:
            known = self._without_credential(piece, last=last)
        except MaskingError as error:
            return Fed(b"", broken_by(error))
        return await self.feeder.feed(known, last=last)

    def goes(self, out: bytes, *, last: bool) -> None:
        """Note the bytes that go in place of one piece.

        Args:
            out: those that came of it, or the guard's own.
            last: whether the stream ends with them.
        """
        self.pieces += 1
        self.sent += len(out)
        self._sha256.update(out)
        self.excerpt.add(out, last=last)

    def end_without_body(self) -> None:
        """Note that trailers follow: Envoy takes no more of the body.

        Raises:
            MaskingError: a part of it is still held back.
        """
        if self.feeder.unfinished() or self._held:
            raise MaskingError("the response ended (trailers) with an incomplete line still unmasked")

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
