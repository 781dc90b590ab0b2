"""Compiled plans: rules, made ready to be applied."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from extproc.masking.plan.json_path import PathState, Segment, compile_path, root_state
from extproc.model.errors import MaskingError
from extproc.model.masking import Listed, MaskOperator, MaskRule

ANY_ENTITY = "*"
PLANS_CACHED = 1_024
"""Compiled plans that are remembered; policies name few different ones."""
_ESCAPED_IN_JSON = re.compile(r'["\\\x00-\x1f]')
_STRICTNESS = {operator: operator.strictness for operator in MaskOperator}


def strictest(operators: list[MaskOperator]) -> MaskOperator | None:
    """Return the operator that hides most; None of none."""
    return max(operators, key=lambda each: _STRICTNESS[each], default=None)


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """The operators for each field and each kind of entity."""

    root: PathState | None
    """The state of all paths at the root of a document; None without paths."""
    path_operators: tuple[MaskOperator, ...]
    """One per path."""
    passing: frozenset[int]
    """Numbers of the paths whose fields may pass in allow-list mode."""
    rest: frozenset[int]
    """Numbers of the paths at and below which only such fields may pass."""
    entities: dict[str, MaskOperator]
    """By entity; ``*`` for all."""
    names: tuple[str, ...]
    """One of these names occurs in every document in which a path matches, unless the plan is ``blind``."""
    blind: bool
    """Some path has no such name: only a walk through a document tells whether it matches."""

    def operator_for(self, entity: str) -> MaskOperator | None:
        """Return the operator for a kind of entity; None if it is not masked."""
        named, any_ = self.entities.get(entity), self.entities.get(ANY_ENTITY)
        if named is None or any_ is None:
            return named or any_
        return strictest([named, any_])

    def operator_at(self, state: PathState | None) -> MaskOperator | None:
        """Return the operator that masks the value at a location as a whole; None if none does."""
        if state is None:
            return None
        passes = not self.passing.isdisjoint(state.matched)
        return strictest(
            [
                self.path_operators[number]
                for number in state.matched
                if number not in self.passing and not (passes and number in self.rest)
            ]
        )

    def container_operator_at(self, state: PathState | None) -> MaskOperator | None:
        """As ``operator_at``, for an array or object: also None if something below may pass."""
        if state is None or self.passing.isdisjoint(state.open):
            return self.operator_at(state)
        return strictest(
            [
                self.path_operators[number]
                for number in state.matched
                if number not in self.passing and number not in self.rest
            ]
        )

    def may_match(self, document: str) -> bool:
        r"""Return whether a path could match in a document, or in JSON inside it.

        Args:
            document: has no ``\u`` and no ``\/`` escapes.
        """
        return self.blind or any(name in document for name in self.names)


@lru_cache(maxsize=PLANS_CACHED)
def compile_plan(rules: tuple[MaskRule, ...], known: frozenset[str]) -> CompiledPlan:
    """Compile rules.

    Args:
        rules: what to mask.
        known: entities that can be found.

    Raises:
        MaskingError: a path cannot be read, or no detector finds an entity: it would pass unmasked.
    """
    entities: dict[str, MaskOperator] = {}
    for rule in rules:
        if bool(rule.path) == bool(rule.entity):
            raise MaskingError("a rule must name either a path or an entity")
        if rule.entity:
            if rule.entity not in known and rule.entity != ANY_ENTITY:
                raise MaskingError(f"no detector finds {rule.entity}")
            entities[rule.entity] = strictest([rule.how, entities.get(rule.entity, rule.how)]) or rule.how
    by_path = [rule for rule in rules if rule.path]
    paths = tuple(_compile(rule.path) for rule in by_path)
    passing = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.DECLARED)
    rest = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.REST)
    names = [_last_name(path) for number, path in enumerate(paths) if number not in passing | rest]
    return CompiledPlan(
        root_state(paths, passing | rest),
        tuple(MaskOperator(rule.how) for rule in by_path),
        passing,
        rest,
        entities,
        tuple({name for name in names if name}),
        not all(names) or bool(rest),
    )


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
