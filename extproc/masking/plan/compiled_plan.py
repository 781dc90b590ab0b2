"""Compiled plans: rules, made ready to be applied."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from extproc.masking.plan.entity_plan import ANY_ENTITY, EntityPlan, strictest
from extproc.masking.plan.json_path import Location, PathState, Segment, compile_path, root_state
from extproc.model.errors import MaskingError
from extproc.model.masking import Exemption, Listed, MaskOperator, MaskRule, RuleSource

PLANS_CACHED = 1_024
"""Compiled plans that are remembered; policies name few different ones."""
_ESCAPED_IN_JSON = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """The operators for each field and each kind of entity."""

    root: PathState | None
    """The state of all paths at the root of a document; None without paths."""
    path_operators: tuple[MaskOperator | None, ...]
    """One per path; None for the path of an exemption."""
    passing: frozenset[int]
    """Numbers of the paths whose fields may pass in allow-list mode."""
    rest: frozenset[int]
    """Numbers of the paths at and below which only such fields may pass."""
    of_connection: frozenset[int]
    """Numbers of the paths of rules that a connection has for fields: its word about the entities in them, too."""
    exempting: Mapping[int, tuple[str, Exemption]]
    """Exemptions at and below a path, each with its entity, by the number of the path."""
    entities: EntityPlan
    """The rules for entities where no path of this plan ends."""
    names: tuple[str, ...]
    """One of these names occurs in every document in which a path of a rule matches, unless the plan is
    ``blind``."""
    blind: bool
    """Some path has no such name: only a walk through a document tells whether it matches."""
    names_of_exemptions: tuple[str, ...]
    """The same for paths of exemptions; an empty name occurs everywhere."""
    _entities_at: dict[tuple[int, ...], EntityPlan] = field(default_factory=dict, repr=False)

    @property
    def masks(self) -> bool:
        """True if the plan masks anything; without rules, entities are only found."""
        return self.root is not None or bool(self.entities.operators)

    def entities_at(self, state: PathState | None) -> EntityPlan:
        """Return the rules for entities in the value at a location."""
        if state is None or not state.matched:
            return self.entities
        plan = self._entities_at.get(state.matched)
        if plan is None:
            plan = self.entities.with_exemptions(
                tuple(self.exempting[number] for number in state.matched if number in self.exempting)
            )
            plan = plan if self.of_connection.isdisjoint(state.matched) else plan.without_connection()
            self._entities_at[state.matched] = plan
        return plan

    def operator_at(self, state: PathState | None) -> MaskOperator | None:
        """Return the operator that masks the value at a location as a whole; None if none does."""
        if state is None:
            return None
        passes = not self.passing.isdisjoint(state.matched)
        return self._strictest_of(
            [
                number
                for number in state.matched
                if number not in self.passing and not (passes and number in self.rest)
            ]
        )

    def container_operator_at(self, state: PathState | None) -> MaskOperator | None:
        """As ``operator_at``, for an array or object: also None if something below may pass."""
        if state is None or self.passing.isdisjoint(state.open):
            return self.operator_at(state)
        return self._strictest_of(
            [number for number in state.matched if number not in self.passing and number not in self.rest]
        )

    def state_at(self, location: Location) -> PathState | None:
        """Return the state of the paths at a location; None if no path ends there or below."""
        state = self.root
        for component in location:
            state = state.step(component) if state else None
        return state

    def may_match(self, document: str) -> bool:
        r"""Return whether the path of a rule could match in a document, or in JSON inside it.

        Args:
            document: has no ``\u`` and no ``\/`` escapes.
        """
        return self.blind or any(name in document for name in self.names)

    def may_exempt(self, document: str) -> bool:
        """As ``may_match``, for the paths of exemptions."""
        return any(name in document for name in self.names_of_exemptions)

    def _strictest_of(self, numbers: list[int]) -> MaskOperator | None:
        found = [self.path_operators[number] for number in numbers]
        return strictest([operator for operator in found if operator is not None])


@lru_cache(maxsize=PLANS_CACHED)
def compile_plan(rules: tuple[MaskRule, ...], known: frozenset[str]) -> CompiledPlan:
    """Compile rules.

    Args:
        rules: what to mask.
        known: entities that can be found.

    Raises:
        MaskingError: a path cannot be read, or no detector finds an entity: it would pass unmasked.
    """
    for rule in rules:
        _check_target(rule, known)
    exempt = [rule for rule in rules if rule.exempt and not rule.exempt.header]
    by_path = [rule for rule in (*(each for each in rules if not each.exempt), *exempt) if rule.path]
    paths = tuple(_compile(rule.path) for rule in by_path)
    passing = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.DECLARED)
    rest = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.REST)
    exempting = {number: (rule.entity, rule.exempt) for number, rule in enumerate(by_path) if rule.exempt}
    names = [_last_name(path) for number, path in enumerate(paths) if number not in {*passing, *rest, *exempting}]
    return CompiledPlan(
        root=root_state(paths, passing | rest | frozenset(exempting)),
        path_operators=tuple(None if rule.exempt else MaskOperator(rule.how) for rule in by_path),
        passing=passing,
        rest=rest,
        of_connection=frozenset(number for number, rule in enumerate(by_path) if _is_word_about_path(rule)),
        exempting=exempting,
        entities=EntityPlan(
            _by_entity(rules),
            tuple((rule.entity, rule.exempt) for rule in exempt if rule.exempt and not rule.path),
        ),
        names=tuple({name for name in names if name}),
        blind=not all(names) or bool(rest),
        names_of_exemptions=tuple({_last_name(paths[number]) for number in exempting}),
    )


def _check_target(rule: MaskRule, known: frozenset[str]) -> None:
    if not rule.exempt and bool(rule.path) == bool(rule.entity):
        raise MaskingError("a rule must name either a path or an entity")
    if rule.exempt and not rule.entity:
        raise MaskingError("an exemption must name an entity")
    if rule.entity and rule.entity not in known and rule.entity != ANY_ENTITY:
        raise MaskingError(f"no detector finds {rule.entity}")


def _is_word_about_path(rule: MaskRule) -> bool:
    """Return whether the rule's operator applies to the entities in its field, whatever other rules say."""
    return rule.source is RuleSource.CONNECTION and rule.listed is Listed.NOT and not rule.exempt


def _by_entity(rules: tuple[MaskRule, ...]) -> dict[RuleSource, dict[str, MaskOperator]]:
    """Return the strictest operator for each entity, by who made the rules."""
    found: dict[RuleSource, dict[str, MaskOperator]] = {}
    for rule in rules:
        if rule.entity and not rule.exempt:
            operators = found.setdefault(rule.source, {})
            operators[rule.entity] = strictest([rule.how, operators.get(rule.entity, rule.how)]) or rule.how
    return found


@lru_cache(maxsize=PLANS_CACHED)
def compile_entity_plan(rules: tuple[MaskRule, ...], known: frozenset[str]) -> CompiledPlan:
    """As ``compile_plan``, for text that is not a body: rules for paths do not apply to it."""
    return compile_plan(tuple(rule for rule in rules if not rule.path), known)


def check_names(path: str, wrong: Mapping[str, str]) -> None:
    """Refuse a path with a name that no field has: it would mask nothing.

    Args:
        path: path of a rule; empty for a rule without one.
        wrong: names that are not names of fields, and what to write instead.

    Raises:
        MaskingError: the path has such a name.
    """
    for segment in _compile(path) if path else ():
        if isinstance(segment.selector, str) and segment.selector in wrong:
            raise MaskingError(f"path {path}: in JSON, {segment.selector} is {wrong[segment.selector]}")


def _compile(path: str) -> tuple[Segment, ...]:
    try:
        return compile_path(path)
    except ValueError as error:
        raise MaskingError(str(error)) from None


def _last_name(path: tuple[Segment, ...]) -> str:
    r"""Return the last name in a path that JSON can escape only with ``\u`` and ``\/``; empty if there is none."""
    names = [segment.selector for segment in path if isinstance(segment.selector, str)]
    return names[-1] if names and not _ESCAPED_IN_JSON.search(names[-1]) else ""
