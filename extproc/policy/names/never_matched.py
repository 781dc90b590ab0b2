"""Names of a policy that no recorded call had: the check of names cannot know groups, and rules may be dead."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from extproc.model.call import Json
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.names import guard_data
from extproc.policy.names.guard_data import NameKind
from extproc.policy.names.rego_literals import LiteralKind, RegoLiteral

KIND_OF: Mapping[LiteralKind, NameKind] = {
    LiteralKind.FUNCTION: NameKind.PATTERN,
    LiteralKind.ENTITY: NameKind.ENTITY,
    LiteralKind.RULE: NameKind.RULE,
}


DENIALS = frozenset({"protocol_messages"})
"""Parts of the data that only deny. That nothing was denied yet makes no name in them useless."""


@dataclass(frozen=True, slots=True)
class Occurred:
    """What recorded calls had."""

    functions: frozenset[str]
    groups: frozenset[str]
    rules: frozenset[str]
    """Rules that decided, and rules in shadow mode that would have."""
    entities: frozenset[str]

    def has(self, kind: NameKind, name: str) -> bool:
        """True if some call had the name, or a function that the pattern matches."""
        if kind is NameKind.PATTERN:
            beginning = name.removesuffix("*")
            return any(
                each == name or (each.startswith(beginning) and name.endswith("*")) for each in self.functions
            )
        found = {NameKind.GROUP: self.groups, NameKind.RULE: self.rules, NameKind.ENTITY: self.entities}
        return name in found[kind]


@dataclass(frozen=True, slots=True, order=True)
class NamedInPolicy:
    """A name of a policy, and where it is first."""

    kind: NameKind
    name: str
    place: str = ""
    """File, line and column of a text in Rego; empty for data."""


def named_in(sources: Sources, literals: Iterable[RegoLiteral]) -> list[NamedInPolicy]:
    """Return all groups, functions, rules and entities that a policy and its data name, each once, sorted.

    Names that the data only denies are left out.
    """
    named = (*_in_data(sources.data), *_in_rego(literals))
    found = {(each.kind, each.name): each for each in named if each.name != "*"}
    return sorted(found.values())


def _in_data(data: Json) -> Iterator[NamedInPolicy]:
    guard = data.get("guard") if isinstance(data, dict) else None
    for each in guard_data.names(guard):
        if each.key[1] not in DENIALS:
            yield NamedInPolicy(each.kind, each.text)
    for item in guard_data.mask_items(guard):
        entity = item.rule.get("entity") if isinstance(item.rule, dict) else None
        if isinstance(entity, str) and entity != "*":
            yield NamedInPolicy(NameKind.ENTITY, entity)


def _in_rego(literals: Iterable[RegoLiteral]) -> Iterator[NamedInPolicy]:
    for each in literals:
        if each.kind in KIND_OF:
            yield NamedInPolicy(KIND_OF[each.kind], each.text, str(each.place))


def never_matched(names: Iterable[NamedInPolicy], occurred: Occurred) -> list[NamedInPolicy]:
    """Return the names that no recorded call had."""
    return [each for each in names if not occurred.has(each.kind, each.name)]
