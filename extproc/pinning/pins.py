"""The port of the store of definitions, and the guarantees of every implementation."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

PINNED_MAX = 4_096
"""Functions of one connection whose definitions are kept. A listing with more is an error."""
KEPT_MAX = 32
"""Definitions of one function that nobody accepted and that are kept: the newest."""


class Verdict(StrEnum):
    """One definition of a function, as the store has it."""

    FIRST_SIGHT = "first-sight"
    """The first that was seen of its function. Nobody looked at it."""
    CHANGED = "changed"
    """Unlike the first, and not accepted."""
    ACCEPTED = "accepted"
    """Enough people accepted it."""
    REJECTED = "rejected"
    """A person rejected it. It is ``changed`` again when it is seen again."""


class PinState(StrEnum):
    """The facts about a called function's definition that policy sees."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    """The server listed a definition that nobody accepted."""
    UNSEEN = "unseen"
    """The server listed none since the store was made."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One person's word that a definition is good."""

    person: str
    """``Identity.person``, or ``Identity.name`` where no claim joins accounts."""
    note: str
    """The reason, masked."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class PinnedDefinition:
    """One definition of one function, as the store knows it."""

    connection: str
    name: str
    digest: str
    """``sha256:`` and hex."""
    verdict: Verdict
    first_seen_ns: int
    last_seen_ns: int
    acceptances: tuple[Acceptance, ...] = ()
    """In order of time; too few as long as it is ``changed``."""
    text: str = ""
    """Masked JSON of the definition, for people. Empty where it was not asked for or could not be masked."""


@dataclass(frozen=True, slots=True)
class SeenDefinition:
    """A definition in a listing."""

    name: str
    digest: str
    text: str = ""
    """Masked JSON. Needed for definitions that the store does not know."""


@dataclass(frozen=True, slots=True)
class PinFact:
    """The definition of a called function, for policy and the record."""

    state: PinState
    digest: str = ""
    """The digest of the newest definition in that state; empty if none was seen."""
    accepted_by: tuple[str, ...] = ()
    """Who accepted it; empty where it was pinned at first sight or configured."""
    note: str = ""
    """Their reasons, masked."""


class PinStore(Protocol):
    """Stores definitions for all workers and the control process. Raises ``DefinitionError`` if it cannot be used.

    Guarantees: ``saw`` and decisions are durable on return, and every later read of every process sees them. The
    first definition of a function is stored as such once, however many processes see one.
    """

    def of(self, connection: str, names: Iterable[str]) -> dict[str, tuple[PinnedDefinition, ...]]:
        """Return the definitions of these functions, without texts. A function without any is left out."""
        ...

    def saw(self, connection: str, seen: tuple[SeenDefinition, ...], now_ns: int, *, first_sight: bool) -> None:
        """Store what a listing showed.

        A definition that is new is ``changed``. It is ``first-sight`` if ``first_sight`` is true, its function had
        none, and the listing has no other of it. A rejected one is ``changed`` again.

        Raises:
            DefinitionError: more functions of one connection than ``PINNED_MAX``, too.
        """
        ...

    def accept(self, connection: str, name: str, digest: str, by: Acceptance, minimum: int) -> PinnedDefinition:
        """Count one person's acceptance; the definition is accepted when ``minimum`` people have accepted it.

        Does not check who that is, and whether the note is one.

        Raises:
            VoteRefused: it is unknown or accepted already, or the person has accepted it already.
        """
        ...

    def reject(self, connection: str, name: str, digest: str) -> PinnedDefinition:
        """Reject a definition: nobody has accepted it any more. Raises ``VoteRefused`` for an unknown one."""
        ...

    def all(self, *, limit: int) -> list[PinnedDefinition]:
        """Return the definitions of all connections without texts, by connection and name, the newest first."""
        ...

    def one(self, connection: str, name: str) -> tuple[PinnedDefinition, ...]:
        """Return the definitions of one function with their texts, the newest first."""
        ...
