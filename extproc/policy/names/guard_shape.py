"""Say where ``data.guard`` does not have the shape that the starter policies read.

``data.extproc.settings.valid`` in ``policy/rego`` decides if data may be used. This module only finds the place
and the reason, once that rule is not true. Unknown keys come with the key that was probably meant.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias
from zoneinfo import available_timezones

from extproc.model.call import Json
from extproc.model.decision import ARGUMENTS, FUNCTION, HoldMode
from extproc.model.errors import ConfigError
from extproc.policy.names.guard_data import KeyPath, NameKind, label, names
from extproc.policy.names.known_names import listed, quoted, similar, suggestion
from extproc.settings.base import NAME

Shape: TypeAlias = Callable[[Any, KeyPath], Iterator[ConfigError]]
"""Yields each place in a value that does not have the shape."""

PATTERN = re.compile(r"\*|[^.*]+\.(?:[^*]*\*?|resource:.*)")
PLAIN_STEPS = re.compile(r"[A-Za-z0-9_]{1,40}(\.[A-Za-z0-9_]{1,40}){0,5}")
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DURATION = re.compile(r"[1-9][0-9]{0,6}[smh]")
MAX_RISK = 100
MAX_APPROVERS = 10
UNLIMITED = 1_000
"""More choices than any error lists."""


def shape_problems(
    data: Json, is_expression: Callable[[str], bool], messages: Collection[str]
) -> list[ConfigError]:
    """Return every place in which the data does not have the shape, each with its key.

    Args:
        data: all data; the starter policies read ``guard`` of it.
        is_expression: true for a regular expression that the engine can match.
        messages: the names of a protocol's messages that the policy allows without a role.
    """
    if not isinstance(data, dict) or "guard" not in data:
        return misspelled_guard(data) or [
            ConfigError('the policy reads data.guard, but no file has the key "guard"')
        ]
    guard = data["guard"]
    found = [
        *_GUARD(guard, ("guard",)),
        *_bad_expressions(guard, is_expression),
        *_unknown_messages(guard, messages),
    ]
    return found or [*_unknown_shadow(guard), *_same_threshold(guard), *_never_open(guard)]


def hold_problems(guard: Json) -> list[ConfigError]:
    """Return every place in ``hold`` that does not have the shape."""
    given = guard.get("hold") if isinstance(guard, dict) else None
    return [] if given is None else list(_PARTS["hold"](given, ("guard", "hold")))


def misspelled_guard(data: Json) -> list[ConfigError]:
    """Return an error for each key of the data that was probably meant to be ``guard``."""
    keys = data if isinstance(data, dict) else {}
    meant = [key for key in keys if key != "guard" and similar(key, ["guard"])]
    return [ConfigError(f'unknown key {quoted(key)}; did you mean "guard"?', key=(key,)) for key in meant]


def _error(key: KeyPath, why: str) -> ConfigError:
    where = label(key)
    return ConfigError(f"{where}: {why}" if where else why, key=key)


def _must(holds: Callable[[Any], bool], why: str) -> Shape:
    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if not holds(value):
            yield _error(key, why)

    return check


def _choice(*choices: str) -> Shape:
    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if value not in choices:
            close = suggestion(value, choices) if isinstance(value, str) else ""
            yield _error(key, f"unknown value{close or listed(choices, UNLIMITED)}")

    return check


def _list_of(item: Shape, *, empty: bool = True) -> Shape:
    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if not isinstance(value, list):
            yield _error(key, "must be a list")
            return
        if not value and not empty:
            yield _error(key, "must not be empty")
        for index, each in enumerate(value):
            yield from item(each, (*key, index))

    return check


def _map_of(item: Shape, name: Shape | None = None, *, empty: bool = True) -> Shape:
    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if not isinstance(value, dict):
            yield _error(key, "must be an object")
            return
        if not value and not empty:
            yield _error(key, "must not be empty")
        for each, inner in value.items():
            yield from name(each, (*key, each)) if name else ()
            yield from item(inner, (*key, each))

    return check


def _keys(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    known = {**required, **(optional or {})}

    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if not isinstance(value, dict):
            yield _error(key, "must be an object")
            return
        missing = [name for name in required if name not in value]
        for name in value.keys() - known.keys():
            where = f"{label(key)}: " if label(key) else ""
            hint = suggestion(name, known) or listed(known, UNLIMITED)
            yield ConfigError(f"{where}unknown key {quoted(name)}{hint}", key=(*key, name))
        for name in missing:
            yield _error(key, f"{quoted(name)} is missing")
        for name in known.keys() & value.keys():
            yield from known[name](value[name], (*key, name))

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or value.is_integer()


def _number(holds: Callable[[float], bool], what: str) -> Shape:
    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        if not _is_number(value) or not holds(value):
            quotes = ", without quotes" if isinstance(value, str) else ""
            yield _error(key, f"must be {what}{quotes}")

    return check


def _whole(least: int, most: float = math.inf) -> Shape:
    what = f"from {least} to {most}" if most < math.inf else f"of {least} or more"
    return _number(lambda value: least <= value <= most and _is_whole(value), f"a whole number {what}")


def _no_group(value: Any) -> str:
    """Why no caller can have a group of this name."""
    if not isinstance(value, str):
        return "must be text"
    if not value:
        return "must not be empty"
    return "" if value.strip() == value else "must not begin or end with a blank"


def _group(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    if why := _no_group(value):
        yield _error(key, f"the name of a group {why}")


def _path(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    if not isinstance(value, list) or not value:
        steps = value.removeprefix("$").strip(".") if isinstance(value, str) else ""
        example = ", ".join(steps.split(".")) if PLAIN_STEPS.fullmatch(steps) else "amount"
        yield _error(key, f"must be a list of names, one for each step, such as `path: [{example}]`")
        return
    for index, step in enumerate(value):
        if not isinstance(step, str) and (not _is_number(step) or step < 0 or not _is_whole(step)):
            yield _error((*key, index), "must be text, or a whole number of 0 or more")


_TEXT = _must(lambda value: isinstance(value, str), "must be text")
_NUMBER = _number(lambda _value: True, "a number")
_RISK_VALUE = _whole(0, MAX_RISK)
_FLAG = _must(lambda value: isinstance(value, bool), "must be true or false")
_ANY: Shape = _must(lambda _value: True, "")
_PATTERN = _must(
    lambda value: isinstance(value, str) and PATTERN.fullmatch(value) is not None,
    "not a function: write connection.name, connection.*, or a beginning of a name with one * at its end",
)
_PATTERNS = _list_of(_PATTERN, empty=False)
_LIST = _list_of(_ANY)
_FILLED = _list_of(_ANY, empty=False)
_GROUPS = _list_of(_group)
_TESTS: Mapping[str, Shape] = {
    "read_only_sql": _must(lambda value: value is True, "can only be true"),
    "at_most": _NUMBER,
    "at_least": _NUMBER,
    "one_of": _FILLED,
    "matches": _TEXT,
}


def _with_test(shape: Shape, *, alone: str = "") -> Shape:
    """A condition has a path with at least one test, or neither of them and the key ``alone``."""

    def check(value: Any, key: KeyPath) -> Iterator[ConfigError]:
        yield from shape(value, key)
        given = value if isinstance(value, dict) else {}
        tested = not _TESTS.keys().isdisjoint(given)
        if "path" in given and not tested:
            yield _error(key, f"a path needs a test{listed(_TESTS)}")
        if "path" not in given and alone and (tested or given.get("optional") or not given.get(alone)):
            yield _error(key, f"needs a path with a test, or {alone}")

    return check


def _role_name(name: Any, key: KeyPath) -> Iterator[ConfigError]:
    """The name of a role is that of a group. Not a plain name, so the error does not repeat it."""
    if why := _no_group(name):
        yield ConfigError(f"{label(key[:-1])}: the name of a group {why}", key=key)


NAMELESS = frozenset({"masked-value", "definition-changed", "definition-unseen"})
"""Rules without an entry in the data: about masked values that come back, and definitions of tools."""
_ACTION = _choice("allow", "hold", "deny")
_ROLE = _keys({"functions": _PATTERNS})
_ARGUMENT = _with_test(
    _keys({"rule": _TEXT, "functions": _PATTERNS, "path": _path}, {**_TESTS, "optional": _FLAG})
)
_RISK = _keys(
    {},
    {
        "default": _RISK_VALUE,
        "functions": _map_of(_RISK_VALUE, _PATTERN),
        "findings": _map_of(_RISK_VALUE),
    },
)
LONGEST = "at most seven days"
LONGEST_REUSE = "at most 24 hours"
TOGETHER = "write `any: [[sre, dba]]` where one of each must approve together"


def _duration(longest: str) -> Shape:
    return _must(
        lambda value: isinstance(value, str) and DURATION.fullmatch(value) is not None,
        f"must be a duration, such as 90s, 15m or 1h: a whole number and s, m or h; {longest}",
    )


_ANY = _keys({"any": _list_of(_list_of(_group, empty=False), empty=False)})
_ANY_OF = _list_of(_group, empty=False)


def _approvers(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    """A list of groups, or ``any`` with lists of groups that approve together."""
    if not isinstance(value, dict):
        yield from _ANY_OF(value, key)
        return
    sets = value.get("any")
    if "any" not in value and "all" in value:
        yield _error(key, f"there is no `all`: {TOGETHER}")
    elif isinstance(sets, list) and any(isinstance(each, str) for each in sets):
        yield _error(
            (*key, "any"), f"must be a list of lists: {TOGETHER}, `any: [[sre], [dba]]` where one is enough"
        )
    else:
        yield from _ANY(value, key)


def _same(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    """A list of what must be the same, the function in any case."""
    yield from _list_of(_choice(FUNCTION, ARGUMENTS))(value, key)
    if isinstance(value, list) and FUNCTION not in value:
        yield _error(key, f"must have {FUNCTION}: an approval is for one function")


_REUSE_KEYS = _keys({"for": _duration(LONGEST_REUSE)}, {"same": _same})


def _reuse(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    """For how long, and for which calls."""
    if isinstance(value, str) and DURATION.fullmatch(value):
        yield _error(key, f"must be an object: write `{{for: {value}}}`")
    else:
        yield from _REUSE_KEYS(value, key)


_HOLD_KEYS = _keys(
    {"at": _RISK_VALUE},
    {
        "groups": _approvers,
        "min": _whole(1, MAX_APPROVERS),
        "expires_in": _duration(LONGEST),
        "mode": _choice(*HoldMode),
        "break_glass": _list_of(_group),
        "reuse": _reuse,
    },
)


def _hold(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    """A threshold. Connections have the key ``minimum`` for what is ``min`` here."""
    if isinstance(value, dict) and "minimum" in value:
        yield ConfigError(f'{label(key)}: unknown key "minimum"; did you mean "min"?', key=(*key, "minimum"))
        value = {name: each for name, each in value.items() if name != "minimum"}
    yield from _HOLD_KEYS(value, key)


_MASK_KEYS = _keys({"functions": _PATTERNS}, {"unless_groups": _GROUPS, "request": _FILLED, "response": _FILLED})


def _mask(value: Any, key: KeyPath) -> Iterator[ConfigError]:
    """A mask has a request or a response."""
    yield from _MASK_KEYS(value, key)
    if isinstance(value, dict) and value.keys().isdisjoint({"request", "response"}):
        yield _error(key, "must have request or response: it masks nothing")


_WINDOW = _keys(
    {
        "rule": _TEXT,
        "functions": _PATTERNS,
        "zone": _must(
            lambda value: value == "UTC" or (isinstance(value, str) and "/" in value),
            "not a time zone: write UTC, or a name such as Europe/Zurich",
        ),
        "days": _list_of(_choice(*DAYS), empty=False),
        "from": _must(lambda value: isinstance(value, str) and TIME.fullmatch(value) is not None, "must be HH:MM"),
        "to": _must(
            lambda value: value == "24:00" or (isinstance(value, str) and TIME.fullmatch(value) is not None),
            "must be HH:MM",
        ),
    }
)
_DUTY = _keys({"rule": _TEXT, "functions": _PATTERNS, "not_with": _PATTERNS})
_LIMIT = _keys(
    {
        "rule": _TEXT,
        "functions": _PATTERNS,
        "of": _choice("caller", "function"),
        "per": _choice("minute", "hour", "day"),
        "calls": _whole(1),
    }
)
_RESPONSE = _with_test(
    _keys(
        {"rule": _TEXT, "functions": _PATTERNS},
        {
            **_TESTS,
            "path": _path,
            "optional": _FLAG,
            "unless_groups": _GROUPS,
            "mask": _FILLED,
            "at_most_found": _map_of(_whole(0)),
        },
    ),
    alone="at_most_found",
)
_PARTS: Mapping[str, Shape] = {
    "arguments": _list_of(_ARGUMENT),
    "risk": _RISK,
    "hold": _list_of(_hold),
    "masks": _list_of(_mask),
    "windows": _list_of(_WINDOW),
    "duties": _list_of(_DUTY),
    "limits": _list_of(_LIMIT),
    "responses": _list_of(_RESPONSE),
    "masked_values": _keys({"allowed": _PATTERNS}),
    "protocol_messages": _keys({"denied": _LIST}),
    "definitions": _keys({}, {"changed": _ACTION, "unseen": _ACTION, "list_changed": _FLAG}),
    "shadow": _LIST,
}
_GUARD = _keys({"roles": _map_of(_ROLE, _role_name)}, _PARTS)
PARTS = frozenset({"roles", *_PARTS})
"""The keys of ``guard``."""


def _bad_expressions(guard: Any, is_expression: Callable[[str], bool]) -> Iterator[ConfigError]:
    for part in ("arguments", "responses"):
        conditions = guard.get(part) if isinstance(guard, dict) else None
        for index, condition in enumerate(conditions if isinstance(conditions, list) else ()):
            expression = condition.get("matches") if isinstance(condition, dict) else None
            if isinstance(expression, str) and not is_expression(expression):
                yield _error(("guard", part, index, "matches"), "must be a regular expression in RE2's syntax")


def _unknown_messages(guard: Any, messages: Collection[str]) -> Iterator[ConfigError]:
    """Yield each that is not the whole name of a message: a pattern would let pass what it does not match."""
    part = guard.get("protocol_messages") if isinstance(guard, dict) else None
    denied = part.get("denied") if isinstance(part, dict) else None
    for index, each in enumerate(denied if isinstance(denied, list) else ()):
        connection, _, name = each.partition(".") if isinstance(each, str) else ("", "", "")
        if not re.fullmatch(NAME, connection) or name not in messages:
            why = f"not a protocol message, such as docs.ping{suggestion(name, messages)}"
            yield _error(("guard", "protocol_messages", "denied", index), why)


def _unknown_shadow(guard: Any) -> Iterator[ConfigError]:
    rules = {each.text for each in names(guard) if each.kind is NameKind.RULE} | NAMELESS
    for index, name in enumerate(guard.get("shadow", [])):
        if name not in rules:
            close = suggestion(name, rules) if isinstance(name, str) else ""
            yield _error(("guard", "shadow", index), f"no rule has this name{close or listed(rules)}")


def _same_threshold(guard: Any) -> Iterator[ConfigError]:
    seen: set[float] = set()
    for index, threshold in enumerate(guard.get("hold", [])):
        if threshold["at"] in seen:
            yield _error(("guard", "hold", index), "an earlier threshold has the same risk")
        seen.add(threshold["at"])


def _never_open(guard: Any) -> Iterator[ConfigError]:
    zones = available_timezones()
    for index, window in enumerate(guard.get("windows", [])):
        key: KeyPath = ("guard", "windows", index)
        if window["from"] >= window["to"]:
            yield _error((*key, "to"), "must be later than `from`, on the same day")
        if window["zone"] not in zones:
            yield _error((*key, "zone"), f"unknown time zone{suggestion(window['zone'], zones)}")


def part_problem(part: str) -> ConfigError:
    """The error about a part of the data that ``data.extproc.settings.wrong`` names, if nothing more is known."""
    return _error(("guard", part), "does not have the shape that the policy reads")
