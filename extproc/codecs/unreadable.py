"""The error of all codecs."""

from dataclasses import dataclass

from extproc.model.errors import ExtprocError
from extproc.model.reasons import Uninspectable


@dataclass
class Unreadable(ExtprocError):
    """Bytes do not have the format that they claim, or exceed a limit. Holds nothing of the bytes."""

    kind: Uninspectable
    """The reason, as policy sees it."""

    def __str__(self) -> str:
        return self.kind.value
