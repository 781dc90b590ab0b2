"""All names in ``data.guard``, the data of the starter policies, each with its key.

Parts of another shape are skipped: ``data.extproc.settings`` refuses them, and a changed copy of the policies may
have others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from extproc.model.call import Json
from extproc.model.json_shape import Step
from extproc.policy.contract.read_decision import APPROVAL_KEYS

KeyPath = tuple[str | int, ...]


class NameKind(StrEnum):
    """What a name in the data names."""

    PATTERN = "function"
    """A function, or a pattern of functions."""
    ENTITY = "entity"
    GROUP = "group"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class DataName:
    """One name in the data."""

    kind: NameKind
    text: str
    key: KeyPath
    """Its key, which begins with ``guard``."""


@dataclass(frozen=True, slots=True)
class DataPath:
    """One path into arguments or results."""

    functions: tuple[str, ...]
    """The patterns of the functions whose arguments or results it leads into."""
    steps: tuple[Step, ...]
    key: KeyPath
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class MaskItem:
    """One mask rule in the data."""

    functions: tuple[str, ...]
    rule: Json
    key: KeyPath
    is_result: bool


CONDITIONS = ("arguments", "windows", "duties", "limits", "responses", "masks")
"""Parts that are lists of objects with ``functions``."""


def names(guard: Json) -> Iterator[DataName]:
    """Yield all names, in the order of the parts."""
    root: KeyPath = ("guard",)
    parts = _object(guard)
    for group, role in _object(parts.get("roles")).items():
        key = (*root, "roles", group)
        yield from [DataName(NameKind.GROUP, group, key)] if group != "*" else []
        yield from _listed(NameKind.PATTERN, _object(role), key, "functions")
    for part in CONDITIONS:
        for key, item in _items(parts.get(part), (*root, part)):
            yield from _condition_names(item, key)
    for name, kind in (("functions", NameKind.PATTERN), ("findings", NameKind.ENTITY)):
        for text in _object(_object(parts.get("risk")).get(name)):
            yield DataName(kind, text, (*root, "risk", name, text))
    for key, item in _items(parts.get("hold"), (*root, "hold")):
        yield from _threshold_names(item, key)
    for part, listed in (("masked_values", "allowed"), ("protocol_messages", "denied")):
        yield from _listed(NameKind.PATTERN, _object(parts.get(part)), (*root, part), listed)


def _condition_names(item: Mapping[str, Any], key: KeyPath) -> Iterator[DataName]:
    if isinstance(rule := item.get("rule"), str):
        yield DataName(NameKind.RULE, rule, (*key, "rule"))
    yield from _listed(NameKind.PATTERN, item, key, "functions")
    yield from _listed(NameKind.PATTERN, item, key, "not_with")
    yield from _listed(NameKind.GROUP, item, key, "unless_groups")
    for entity in _object(item.get("at_most_found")):
        yield DataName(NameKind.ENTITY, entity, (*key, "at_most_found", entity))


def _threshold_names(item: Mapping[str, Any], key: KeyPath) -> Iterator[DataName]:
    at = item.get("at")
    if isinstance(at, int | float):
        yield DataName(NameKind.RULE, f"risk-{int(at)}", (*key, "at"))
    yield from _listed(NameKind.GROUP, item, key, "groups")
    yield from _listed(NameKind.GROUP, item, key, "break_glass")
    for index, together in enumerate(_list(_object(item.get("groups")).get("any"))):
        for place, group in enumerate(_list(together)):
            if isinstance(group, str):
                yield DataName(NameKind.GROUP, group, (*key, "groups", "any", index, place))


def mask_items(guard: Json) -> Iterator[MaskItem]:
    """Yield all mask rules."""
    parts, root = _object(guard), ("guard",)
    for key, item in _items(parts.get("masks"), (*root, "masks")):
        for side in ("request", "response"):
            for index, rule in enumerate(_list(item.get(side))):
                yield MaskItem(_texts(item.get("functions")), rule, (*key, side, index), side == "response")
    for key, item in _items(parts.get("responses"), (*root, "responses")):
        for index, rule in enumerate(_list(item.get("mask"))):
            yield MaskItem(_texts(item.get("functions")), rule, (*key, "mask", index), is_result=True)


def paths(guard: Json) -> Iterator[DataPath]:
    """Yield all paths of conditions on arguments and results."""
    for part in ("arguments", "responses"):
        for key, item in _items(_object(guard).get(part), ("guard", part)):
            steps = item.get("path")
            if isinstance(steps, list) and all(isinstance(step, str | int) for step in steps):
                functions = _texts(item.get("functions"))
                yield DataPath(functions, tuple(steps), (*key, "path"), is_result=part == "responses")


def thresholds(guard: Json) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Yield the approval terms of each threshold in ``hold``."""
    for key, item in _items(_object(guard).get("hold"), ("guard", "hold")):
        yield key, {name: item[name] for name in APPROVAL_KEYS if name in item}


def label(key: KeyPath) -> str:
    """A key as an error names it: ``arguments[0].functions``."""
    text = ""
    for part in key[1:]:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _listed(kind: NameKind, owner: Mapping[str, Any], key: KeyPath, name: str) -> Iterator[DataName]:
    for index, text in enumerate(_list(owner.get(name))):
        if isinstance(text, str):
            yield DataName(kind, text, (*key, name, index))


def _items(value: object, key: KeyPath) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    for index, item in enumerate(_list(value)):
        if isinstance(item, dict):
            yield (*key, index), item


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in _list(value) if isinstance(each, str))
