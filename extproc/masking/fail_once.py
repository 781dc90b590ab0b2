"""Stop a stream for good once a piece could not be masked."""

from collections.abc import Callable

from extproc.masking.stream_masker import StreamMasker, failed
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding


class FailOnce:
    """A ``StreamMasker`` that refuses everything after it failed or finished."""

    def __init__(self, masker: StreamMasker, what: str, unreadable: type[MaskingError] = MaskingError) -> None:
        """Begin a stream.

        Args:
            masker: may raise any exception.
            what: name of one piece in errors.
            unreadable: class of the error if a codec cannot read a piece.
        """
        self._masker, self._what, self._unreadable = masker, what, unreadable
        self._stopped = False

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        sent = self._step(lambda: self._masker.feed(piece))
        self._stopped = False
        return sent

    def finish(self) -> bytes:
        """See ``StreamMasker.finish``."""
        return self._step(self._masker.finish)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._masker.findings

    def _step(self, step: Callable[[], bytes]) -> bytes:
        if self._stopped:
            raise MaskingError("the stream was stopped")
        self._stopped = True
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, nothing more is sent
            raise failed(error, self._what, self._unreadable) from None
