"""A stream of which nothing more is sent once a piece could not be masked."""

from collections.abc import Callable

from extproc.masking.stream_masker import StreamMasker, failed
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding


class FailOnce:
    """A stream's masker (``StreamMasker``) that is asked nothing more after it failed, or at the end."""

    def __init__(self, masker: StreamMasker, what: str, unreadable: type[MaskingError] = MaskingError) -> None:
        """Begin a stream.

        Args:
            masker: may raise whatever it likes.
            what: one piece's name in errors.
            unreadable: what is raised where a codec cannot read a piece.
        """
        self._masker, self._what, self._unreadable = masker, what, unreadable
        self._over = False

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        sent = self._tried(lambda: self._masker.feed(piece))
        self._over = False
        return sent

    def finish(self) -> bytes:
        """See ``StreamMasker.finish``."""
        return self._tried(self._masker.finish)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._masker.findings

    def _tried(self, step: Callable[[], bytes]) -> bytes:
        if self._over:
            raise MaskingError("the stream was broken off")
        self._over = True
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, nothing more is sent
            raise failed(error, self._what, self._unreadable) from None
