"""Check all names in ``data.guard`` against the configuration.

Not checked, because nothing lists them: groups, and arguments and results without a description. ``extproc policy
unused`` shows those that no recorded call had.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.masking.plan.json_path import compile_path
from extproc.model.call import Json
from extproc.model.decision import Action, ApprovalTerms
from extproc.model.errors import ConfigError
from extproc.model.json_shape import ANYTHING, CallShape, Followed, Reach, Step, follow
from extproc.model.masking import MASKED_VALUE, MaskOperator
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.contract.read_decision import UNREADABLE, read_decision
from extproc.policy.names import guard_data
from extproc.policy.names.guard_data import DataName, DataPath, KeyPath, MaskItem, NameKind, label
from extproc.policy.names.guard_shape import hold_problems, misspelled_guard
from extproc.policy.names.known_names import KnownNames, listed, misspelled, quoted, suggestion

RULE_KEYS = frozenset({"path", "entity", "how"})
OPERATORS = frozenset(each.value for each in MaskOperator)
EVERY_ENTITY = "*"
ANONYMOUS = "anonymous"
"""The role of calls without an identity."""
NEVER_ANONYMOUS = "give the function `identity: none`, or remove it from this role"
OTHER_GROUP = "if this group is another one than the role's, there is nothing to do"
UNTESTED = "describe it there, or remove the condition; a misspelled argument tests nothing"


@dataclass(frozen=True, slots=True)
class DataCheck:
    """What a check of the data found. Each error has the key of the data that it is about."""

    problems: tuple[ConfigError, ...] = ()
    """Names that nothing has: the data must not be used."""
    doubts: tuple[ConfigError, ...] = ()
    """Names that may exist, although a description does not have them."""
    undescribed: tuple[str, ...] = ()
    """Functions whose arguments or results the data names, and that have no description of them."""
    groups: tuple[str, ...] = ()
    """Groups that the data names. Identity providers define them, so they are not checked."""


def check_data(data: Json, known: KnownNames | None) -> DataCheck:
    """Check all names of the data.

    Args:
        data: all data. In ``guard``, parts of an unknown shape are skipped.
        known: the configuration's names; None: only what needs no configuration is checked.

    Raises:
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    guard = data.get("guard") if isinstance(data, dict) else None
    problems = [*misspelled_guard(data), *_mask_rules(guard, known), *_thresholds(guard)]
    names = tuple(guard_data.names(guard))
    groups = tuple(sorted({name.text for name in names if name.kind is NameKind.GROUP}))
    doubts = [*_misspelled_groups(names)]
    if known is None:
        return DataCheck(tuple(problems), tuple(doubts), groups=groups)
    problems += [wrong for name in names for wrong in _name(name, known)]
    doubts += _never_anonymous(names, known)
    undescribed: set[str] = set()
    for path in guard_data.paths(guard):
        _path(path, known, problems, doubts)
        undescribed.update(_undescribed(path, known))
    return DataCheck(tuple(problems), tuple(doubts), tuple(sorted(undescribed)), groups)


def _wrong(key: KeyPath, why: str, *, within: int = 1, hint: str = "") -> ConfigError:
    """An error about a key, which names the key without its last ``within`` parts."""
    return ConfigError(f"{label(key[: len(key) - within])}: {why}", hint=hint, key=key)


def _name(name: DataName, known: KnownNames) -> Iterator[ConfigError]:
    why = ""
    if name.kind is NameKind.PATTERN:
        why = known.wrong_pattern(name.text)
    elif name.kind is NameKind.ENTITY:
        why = known.wrong_entity(name.text)
    if why:
        yield _wrong(name.key, why)


def _is_role(name: DataName) -> bool:
    return name.key[1] == "roles"


def _misspelled_groups(names: Sequence[DataName]) -> Iterator[ConfigError]:
    """Doubt groups that are probably those of a role: an exception, or an approval, that is nobody's."""
    groups = [name for name in names if name.kind is NameKind.GROUP]
    roles = {name.text for name in groups if _is_role(name)}
    for name in groups:
        if name.text not in roles and (meant := misspelled(name.text, roles)):
            what = f'no role has the name {quoted(name.text)}; did you mean "{meant}"?'
            yield _wrong(name.key, what, within=0, hint=OTHER_GROUP)


def _never_anonymous(names: Sequence[DataName], known: KnownNames) -> Iterator[ConfigError]:
    """Doubt functions that the role of anonymous calls grants, and that no anonymous call reaches."""
    for name in names:
        if name.kind is NameKind.PATTERN and _is_role(name) and name.key[2] == ANONYMOUS:
            granted = known.matching(name.text)
            if granted and known.anonymous.isdisjoint(granted):
                what = f"no anonymous call reaches {quoted(name.text)}: it has no `identity: none`"
                yield _wrong(name.key, what, within=0, hint=NEVER_ANONYMOUS)


def _thresholds(guard: Json) -> Iterator[ConfigError]:
    """Find approval terms that every hold would fail on, by making the decision that the policies would make."""
    shape = hold_problems(guard)
    yield from shape
    for key, terms in () if shape else guard_data.thresholds(guard):
        answer: dict[str, Any] = {"action": Action.HOLD.value, "reason": Reason.HIGH_RISK.value, "approval": terms}
        decision = read_decision(answer, revision="", defaults=ApprovalTerms(Quorum.any_of("anyone")))
        if decision.rule == UNREADABLE:
            detail = decision.detail.removeprefix("approval: ")
            name = detail.partition(":")[0]
            at = (*key, name) if name in terms else key
            yield _wrong(at, f"cannot be used to hold a call: {detail.removeprefix(f'{name}: ')}", within=0)


def _mask_rules(guard: Json, known: KnownNames | None) -> Iterator[ConfigError]:
    for item in guard_data.mask_items(guard):
        wrong = next(_mask_rule(item, known), None)
        if wrong is not None:
            yield wrong


def _mask_rule(item: MaskItem, known: KnownNames | None) -> Iterator[ConfigError]:
    rule = item.rule
    if not isinstance(rule, dict):
        yield _wrong(item.key, "a mask rule is an object with path or entity", within=0)
        return
    for name in rule.keys() - RULE_KEYS:
        yield _wrong((*item.key, name), f"unknown key {quoted(name)}{suggestion(name, RULE_KEYS)}")
    path, entity, how = rule.get("path"), rule.get("entity"), rule.get("how", MaskOperator.REDACT.value)
    if not isinstance(how, str) or how not in OPERATORS:
        close = suggestion(how, OPERATORS) if isinstance(how, str) else ""
        which = close or listed(OPERATORS)
        yield _wrong((*item.key, "how"), f"unknown mask operator{which}", within=0)
    if isinstance(path, str) == isinstance(entity, str):
        yield _wrong(item.key, "a mask rule has exactly one of path and entity", within=0)
    elif isinstance(path, str):
        yield from _mask_path(item, path, known)
    elif entity == MASKED_VALUE:
        yield _wrong((*item.key, "entity"), "a masked value is only found: there is nothing to mask", within=0)
    elif isinstance(entity, str) and entity != EVERY_ENTITY and known and (why := known.wrong_entity(entity)):
        yield _wrong((*item.key, "entity"), why, within=0)


def _mask_path(item: MaskItem, path: str, known: KnownNames | None) -> Iterator[ConfigError]:
    key = (*item.key, "path")
    try:
        segments = compile_path(path)
    except ValueError as error:
        yield _wrong(key, str(error), within=0)
        return
    if known is None or not segments:
        return
    steps = tuple(segment.selector for segment in segments)
    anywhere = frozenset(number for number, segment in enumerate(segments) if segment.anywhere)
    found = _followed(item.functions, steps, known, is_result=item.is_result, anywhere=anywhere)
    if why := _why(found, steps, is_result=item.is_result):
        yield _wrong(key, why, within=0)


def _path(path: DataPath, known: KnownNames, problems: list[ConfigError], doubts: list[ConfigError]) -> None:
    found = _followed(path.functions, path.steps, known, is_result=path.is_result)
    if why := _why(found, path.steps, is_result=path.is_result):
        problems.append(_wrong(path.key, why, within=0))
    elif found and all(each.reach is Reach.UNDESCRIBED for _, each in found):
        name, missed = found[0]
        what = f"the description of {name} does not have {_step(path.steps[missed.at])}"
        doubts.append(_wrong(path.key, what, within=0, hint=UNTESTED))


def _undescribed(path: DataPath, known: KnownNames) -> Iterator[str]:
    """Yield the functions of a path for which nothing says whether it exists."""
    for pattern in path.functions:
        for name in known.matching(pattern):
            shape = _shape(known, name)
            followed = follow(shape.result if path.is_result else shape.arguments, path.steps)
            if followed.reach is Reach.UNKNOWN:
                yield name


def _followed(
    patterns: Sequence[str],
    steps: Sequence[Step],
    known: KnownNames,
    *,
    is_result: bool,
    anywhere: frozenset[int] = frozenset(),
) -> list[tuple[str, Followed]]:
    """Follow a path in each function that a pattern matches; empty if one of them may have it."""
    found = []
    for name in dict.fromkeys(each for pattern in patterns for each in known.matching(pattern)):
        shape = _shape(known, name)
        followed = follow(shape.result if is_result else shape.arguments, steps, anywhere=anywhere)
        if followed.reach in (Reach.FOUND, Reach.UNKNOWN):
            return []
        found.append((name, followed))
    return found


def _shape(known: KnownNames, function: str) -> CallShape:
    connection, _, name = function.partition(".")
    return known.connections[connection].shapes.get(name, CallShape(ANYTHING, ANYTHING))


def _why(found: list[tuple[str, Followed]], steps: Sequence[Step], *, is_result: bool) -> str:
    """Why a path leads nowhere: no function can have the name, or one describes a similar name."""
    what = "no field" if is_result else "no argument"
    for name, missed in found:
        step = steps[missed.at]
        close = suggestion(step, missed.names) if isinstance(step, str) else ""
        if close:
            return f"{name} has {what} {_step(step)}{close}"
    if found and all(each.reach is Reach.IMPOSSIBLE for _, each in found):
        name, missed = found[0]
        return f"{name} has {what} {_step(steps[missed.at])}{listed(missed.names)}"
    return ""


def _step(step: Step) -> str:
    return quoted(step) if isinstance(step, str) else "[*]" if step is None else f"[{step}]"
