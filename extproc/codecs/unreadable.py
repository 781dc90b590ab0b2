"""The error of all codecs."""

from dataclasses import dataclass

from extproc.model.errors import ExtprocError
from extproc.model.odd_bodies import Odd, remedy
from extproc.model.reasons import Uninspectable


@dataclass
class Unreadable(ExtprocError):
    """Bytes do not have the format that they claim, or exceed a limit. Holds nothing of the bytes."""

    kind: Uninspectable
    """The reason, as policy sees it."""
    odd: Odd | None = None
    """Which odd but common body it is; None if that is not known."""

    @property
    def remedy(self) -> str:
        """One line that says which body it is, and what to do; may be empty."""
        return remedy(self.kind, self.odd)

    def __str__(self) -> str:
        return self.kind.value
