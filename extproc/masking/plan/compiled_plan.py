"""Rules, made ready to be applied."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from extproc.masking.plan.json_path import Place, Segment, compile_path, root_of
from extproc.model.errors import MaskingError
from extproc.model.masking import Listed, MaskOperator, MaskRule

ALL = "*"
_ESCAPED_IN_JSON = re.compile(r'["\\\x00-\x1f]')


_STRICTNESS = {how: how.strictness for how in MaskOperator}
_strictness = _STRICTNESS.__getitem__


def strictest(hows: list[MaskOperator]) -> MaskOperator | None:
    """The one that hides most; None of none."""
    return max(hows, key=_strictness, default=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each field and each kind of entity."""

    root: Place | None
    """Where to begin following the paths."""
    path_hows: tuple[MaskOperator, ...]
    """One per path."""
    passing: frozenset[int]
    """Numbers of the paths whose fields may pass in allow-list mode."""
    rest: frozenset[int]
    """Numbers of the paths at and below which only such fields may."""
    entities: dict[str, MaskOperator]
    """By entity; ``*`` for all."""
    names: tuple[str, ...]
    """Names of which one occurs in every document that a path matches in."""
    blind: bool
    """Whether some path has no such name, so that documents have to be walked to know."""

    def how(self, entity: str) -> MaskOperator | None:
        """How this kind of entity is masked; None when it is not."""
        named, any_ = self.entities.get(entity), self.entities.get(ALL)
        return any_ if named is None else named if any_ is None else max(named, any_, key=_strictness)

    def how_at(self, place: Place | None) -> MaskOperator | None:
        """How the value at this place is masked as a whole; None when it is not."""
        if place is None:
            return None
        passes = not self.passing.isdisjoint(place.matched)
        return strictest(
            [
                self.path_hows[number]
                for number in place.matched
                if number not in self.passing and not (passes and number in self.rest)
            ]
        )

    def how_whole(self, place: Place | None) -> MaskOperator | None:
        """As ``how_at``, for an array or object: None as well where something below may pass."""
        if place is None or self.passing.isdisjoint(place.open):
            return self.how_at(place)
        return strictest(
            [self.path_hows[each] for each in place.matched if each not in self.passing and each not in self.rest]
        )

    def may_match(self, document: str) -> bool:
        r"""Whether a path could match in a document without ``\u`` and ``\/`` escapes, or in JSON inside it."""
        return self.blind or any(name in document for name in self.names)


def make_plan(rules: tuple[MaskRule, ...], known: frozenset[str]) -> Plan:
    """Compile rules.

    Args:
        rules: what to mask.
        known: entities that can be found.

    Raises:
        MaskingError: a path that cannot be read, or an entity that nothing detects: it would pass unmasked.
    """
    entities: dict[str, MaskOperator] = {}
    for rule in rules:
        if bool(rule.path) == bool(rule.entity):
            raise MaskingError("a rule must name either a path or an entity")
        if rule.entity:
            if rule.entity not in known and rule.entity != ALL:
                raise MaskingError(f"nothing detects {rule.entity}")
            entities[rule.entity] = max(rule.how, entities.get(rule.entity, rule.how), key=_strictness)
    by_path = [rule for rule in rules if rule.path]
    paths = tuple(_compile(rule.path) for rule in by_path)
    passing = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.DECLARED)
    rest = frozenset(number for number, rule in enumerate(by_path) if rule.listed is Listed.REST)
    names = [_last_name(path) for number, path in enumerate(paths) if number not in passing | rest]
    return Plan(
        root_of(paths, passing | rest),
        tuple(MaskOperator(rule.how) for rule in by_path),
        passing,
        rest,
        entities,
        tuple({name for name in names if name}),
        not all(names) or bool(rest),
    )


def check_names(path: str, wrong: Mapping[str, str]) -> None:
    """Refuse a path with a name that a field does not have: it would mask nothing.

    Args:
        path: of a rule; empty for one without.
        wrong: names that are none, and what to write instead.

    Raises:
        MaskingError: it has one.
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
    r"""The last name in a path that JSON spells in one way only, but for ``\u`` and ``\/``; else empty."""
    names = [segment.selector for segment in path if isinstance(segment.selector, str)]
    return names[-1] if names and not _ESCAPED_IN_JSON.search(names[-1]) else ""
