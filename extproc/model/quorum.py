"""Which people must approve a call: any of several sets of groups, and how many people in all."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_ALTERNATIVES = 10_000
"""Most alternatives of two combined quorums; with more, nobody could say who may approve."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """The people who release a call together. Without an alternative nobody does (fail closed).

    ``["sre", "dba"]`` is two alternatives of one group each; ``{"any": [["sre"], ["dba", "security"]]}`` has one
    that needs two people, one of each group.
    """

    alternatives: tuple[tuple[str, ...], ...] = ()
    """Any one of them suffices. Each names groups that must all approve, by a different person each."""
    minimum: int = 1
    """So many different people of the named groups, whichever alternative they fulfil."""

    @classmethod
    def any_of(cls, *groups: str, minimum: int = 1) -> "Quorum":
        """Return the quorum of this many people, each of any of these groups."""
        return cls(tuple((group,) for group in groups), minimum)

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups that are named, each once, in order."""
        return tuple(dict.fromkeys(group for alternative in self.alternatives for group in alternative))

    def met_by(self, people: Mapping[str, frozenset[str]]) -> bool:
        """Return whether these people release a call together.

        Args:
            people: those who approve, each once, with their groups.
        """
        named = frozenset(self.groups)
        voters = {person: groups for person, groups in people.items() if groups & named}
        # A minimum below one would approve what nobody has seen.
        return len(voters) >= max(1, self.minimum) and any(_filled(each, voters) for each in self.alternatives)

    def and_also(self, other: "Quorum") -> "Quorum":
        """Return a quorum that is met only by people who meet both."""
        minimum = max(self.minimum, other.minimum)
        if self.alternatives == other.alternatives:
            return Quorum(self.alternatives, minimum)
        if all(len(each) == 1 for each in (*self.alternatives, *other.alternatives)):
            return Quorum(tuple(each for each in self.alternatives if each in other.alternatives), minimum)
        if len(self.alternatives) * len(other.alternatives) > MAX_ALTERNATIVES:
            return Quorum((), minimum)
        named = {*self.groups, *other.groups}
        ours, theirs = _enough_of_its_own(self, named), _enough_of_its_own(other, named)
        both = (tuple(dict.fromkeys((*one, *two))) for one in ours for two in theirs)
        return Quorum(tuple(dict.fromkeys(both)), minimum)

    def __str__(self) -> str:
        """Say it in words: ``2 of sre, dba``, ``1 of sre, or dba and security``."""
        if all(len(each) == 1 for each in self.alternatives):
            return f"{self.minimum} of {', '.join(self.groups) or 'nobody'}"
        return f"{self.minimum} of {', or '.join(' and '.join(each) for each in self.alternatives)}"


def _enough_of_its_own(quorum: Quorum, named: set[str]) -> list[tuple[str, ...]]:
    """Return the alternatives that no minimum is left open of, where people of all these groups are counted."""
    all_count = named <= set(quorum.groups)
    return [each for each in quorum.alternatives if all_count or len(each) >= quorum.minimum]


def _filled(groups: tuple[str, ...], voters: Mapping[str, frozenset[str]]) -> bool:
    """Return whether each group can have a person of its own: a matching (Kuhn's algorithm)."""
    seat_of: dict[str, str] = {}

    def seated(group: str, tried: set[str]) -> bool:
        for person, theirs in voters.items():
            if group in theirs and person not in tried:
                tried.add(person)
                if person not in seat_of or seated(seat_of[person], tried):
                    seat_of[person] = group
                    return True
        return False

    return bool(groups) and all(seated(group, set()) for group in groups)
