"""The one error of the codecs."""

from dataclasses import dataclass

from extproc.model.errors import ExtprocError
from extproc.model.reasons import Uninspectable


@dataclass
class Unreadable(ExtprocError):
    """Bytes are not what they claim to be, or exceed a limit. Holds nothing of the bytes."""

    kind: Uninspectable
    """Why, as policy is told."""

    def __str__(self) -> str:
        return self.kind.value
