"""A note about the configuration: allowed, but perhaps dangerous or surprising."""

from dataclasses import dataclass

from extproc.codecs.located_yaml import KeyPath


@dataclass(frozen=True, slots=True)
class Note:
    """A setting that is allowed, but may be dangerous or surprising."""

    path: KeyPath
    """The key to change. It need not be in the file."""
    what: str
    hint: str
    refuses_all: bool = False
    """True if every call of the part will be refused."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"

    @property
    def subject(self) -> str:
        """The part of the settings: ``connection crm``, ``policy``."""
        first, *rest = (str(part) for part in self.path)
        return f"connection {rest[0]}" if first == "connections" else first
