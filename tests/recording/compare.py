"""How two recordings differ: in behaviour, in wording, or in the tests that there are."""

import difflib
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import yaml

BEHAVIOUR, WORDING, NOTE = "behaviour", "wording", "note"
WORDS = frozenset(
    (
        "detail",
        "title",
        "message",
        "hint",
        "way_out",
        "description",
        "help",
        "problem",
        "why",
        "what",
        "fix",
        "grpc-message",
    )
)
"""Keys of text for people. Text under any other key is behaviour."""
KINDS = ("story", "refused", "cli", "metrics", "masks")
ID = re.compile(r"<id>\d{32}")
SHOWN = 160
ALIKE = 0.5
"""Part of its content that a renamed test keeps."""
ABSENT = "(nothing)"


def compare_files(before: Path, after: Path, most: int, ignored: frozenset[str] = frozenset()) -> int:
    """Print how they differ. Returns 1 if behaviour differs or a test is missing, else 0.

    Args:
        before: a recording.
        after: another one.
        most: differences shown of each class.
        ignored: keys that are left out of both, because they were changed on purpose.
    """
    (meta_a, tests_a), (meta_b, tests_b) = _load(before, ignored), _load(after, ignored)
    pairs, missing, new, renamed = _paired(tests_a, tests_b)
    silent = [one["test"] for one in missing if not _has_content(one)]
    missing = [one["test"] for one in missing if _has_content(one)]
    found: dict[tuple, list[str]] = defaultdict(list)
    differing: dict[str, set[int]] = defaultdict(set)
    named = [("(the run)", _tree(meta_a.get("metrics"), meta_b.get("metrics"), "metrics"))]
    named += [(a["test"], _differences(a, b)) for a, b in pairs]
    for number, (name, differences) in enumerate(named):
        for kind, *what in differences:
            differing[kind].add(number)
            found[kind, *what].append(name)
    _print_counts(tests_a, tests_b)
    rows = [
        ("tests in both recordings", len(pairs)),
        ("of them the same", len(pairs) - len((differing[BEHAVIOUR] | differing[WORDING]) - {0})),
        ("of them renamed, found by content", len(renamed)),
        ("(a) tests with other behaviour", len(differing[BEHAVIOUR])),
        ("(b) tests with other wording", len(differing[WORDING])),
        ("(c) tests missing", len(missing)),
        ("(c) tests missing of which nothing was recorded", len(silent)),
        ("(c) tests new", len(new)),
        ("notes: tests with other calls or encodings within", len(differing[NOTE])),
    ]
    for what, count in rows:
        print(f"{what:<52}{count:>8}")
    for title, kind in (("(a) behaviour", BEHAVIOUR), ("(b) wording", WORDING), ("notes, not counted", NOTE)):
        _print_groups(title, {one[1:]: names for one, names in found.items() if one[0] == kind}, most)
    _print_names("(c) missing", missing, most)
    _print_names("(c) new", new, most)
    _print_names("renamed", [f"{a} -> {b}" for a, b in renamed], most)
    return 1 if differing[BEHAVIOUR] or missing else 0


def _load(file: Path, ignored: frozenset[str]) -> tuple[dict, list[dict]]:
    with file.open() as lines:
        meta, *tests = (_without(json.loads(line), ignored) for line in lines)
    for one in tests:
        for output in (each for call in one["masks"] for each in call["outputs"]):
            for finding in output.get("findings", ()):  # a field that was added since is empty here
                while finding and not finding[-1]:
                    finding.pop()
    return meta["meta"], tests


def _without(value: object, ignored: frozenset[str]) -> object:
    if isinstance(value, dict) and ignored:
        return {name: _without(each, ignored) for name, each in value.items() if name not in ignored}
    return [_without(each, ignored) for each in value] if isinstance(value, list) and ignored else value


def _paired(before: list[dict], after: list[dict]):
    """Tests of the same name, in the order of their files; what is left by content."""
    there: dict[str, list[dict]] = defaultdict(list)
    for one in after:
        there[one["test"]].append(one)
    pairs, left = [], []
    for exact in (True, False):
        waiting, left = (before if exact else left), []
        for one in waiting:
            same_name = there[one["test"]]
            found = next((each for each in same_name if not exact or _content(each) == _content(one)), None)
            if found is None:
                left.append(one)
            else:
                same_name.remove(found)
                pairs.append((one, found))
    new = [one for some in there.values() for one in some]
    renamed: list[tuple[dict, dict]] = []
    for events in (_events, _outlines):
        gone = {id(one) for pair in renamed for one in pair}
        left, new = ([one for one in some if id(one) not in gone] for some in (left, new))
        renamed += _by_content(left, new, events)
    pairs += renamed
    gone = {id(a) for a, _ in renamed} | {id(b) for _, b in renamed}
    return (
        pairs,
        [one for one in left if id(one) not in gone],
        [one["test"] for one in new if id(one) not in gone],
        [(a["test"], b["test"]) for a, b in renamed],
    )


def _content(test: dict) -> str:
    return json.dumps([test[kind] for kind in KINDS], sort_keys=True)


def _has_content(test: dict) -> bool:
    return any(test[kind] for kind in KINDS)


def _by_content(left: list[dict], new: list[dict], events_of) -> list[tuple[dict, dict]]:
    """Pairs of a missing test and a new one that have most of their events in common."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(new):
        for event in set(events_of(one)):
            holders[event].append(number)
    scores = []
    for at, one in enumerate(left):
        events = set(events_of(one))
        for number, shared in Counter(each for event in events for each in holders[event]).items():
            score = shared / max(len(events), len(set(events_of(new[number]))))
            parameters = _parameters(one) == _parameters(new[number])
            scores.append((score, parameters, -abs(at - number), at, number))
    taken_a, taken_b, pairs = set(), set(), []
    for score, _, _, at, number in sorted(scores, reverse=True):
        if score >= ALIKE and at not in taken_a and number not in taken_b:
            taken_a.add(at)
            taken_b.add(number)
            pairs.append((left[at], new[number]))
    return pairs


def _parameters(test: dict) -> str:
    return test["test"].partition("[")[2]


def _events(test: dict) -> list[str]:
    return [_line(one) for kind in ("story", "refused", "cli", "masks") for one in test[kind]]


def _outlines(test: dict) -> list[str]:
    """The test's events, without what is most likely to have changed."""
    found = []
    for event in test["story"]:
        entry = event.get("entry", {})
        told = [entry.get(name) for name in ("kind", "function", "reason", "path", "arguments")]
        found.append(_line([_kind(event), told, event.get("message"), event.get("answer")]))
    found += [_line(event["args"]) for event in test["cli"]]
    return found + [_mask_key(call) for call in test["masks"]]


def _line(event: object) -> str:
    if isinstance(event, dict):
        event = {name: value for name, value in event.items() if name != "raw"}
    return json.dumps(event, sort_keys=True)


def _differences(a: dict, b: dict) -> list[tuple]:
    found = []
    if a["outcome"] != b["outcome"]:
        found.append((BEHAVIOUR, "outcome of the test", a["outcome"], b["outcome"]))
    found += _sequence(a["story"], b["story"], "story")
    found += _sequence(a["refused"], b["refused"], "refused")
    found += _sequence(a["cli"], b["cli"], "cli", _command)
    found += _tree(a["metrics"], b["metrics"], "metrics")
    return found + _masks(a["masks"], b["masks"])


def _sequence(a: list, b: list, where: str, compare=None) -> list[tuple]:
    """Events that are only on one side, or that changed."""
    compare = compare or _tree
    lines_a, lines_b = [_line(one) for one in a], [_line(one) for one in b]
    if lines_a == lines_b:
        return [
            (NOTE, f"{where}: {x['what']}: other bytes for the same message", ABSENT, ABSENT)
            for x, y in zip(a, b, strict=True)
            if x != y
        ]
    if sorted(lines_a) == sorted(lines_b) or _is_renumbered(lines_a, lines_b):
        kind = NOTE if _order(a) == _order(b) else BEHAVIOUR  # of calls that run side by side, any may come first
        return [(kind, f"{where}: other order", _order(a), _order(b))]
    found = []
    for _, a1, a2, b1, b2 in (
        each
        for each in difflib.SequenceMatcher(None, lines_a, lines_b, autojunk=False).get_opcodes()
        if each[0] != "equal"
    ):
        some_a, some_b = list(a[a1:a2]), list(b[b1:b2])
        for one in list(some_a):
            other = next((each for each in some_b if _kind(each) == _kind(one)), None)
            if other is not None:
                some_a.remove(one)
                some_b.remove(other)
                found += compare(one, other, f"{where}: {_kind(one)}")
        found += [(BEHAVIOUR, f"{where}: {_kind(one)}: missing", _brief(one), ABSENT) for one in some_a]
        found += [(BEHAVIOUR, f"{where}: {_kind(one)}: new", ABSENT, _brief(one)) for one in some_b]
    return found


def _is_renumbered(a: list[str], b: list[str]) -> bool:
    """True if the events are the same in another order, and ids, which are numbered in that order, still join them."""
    by_content_a, by_content_b = (sorted(some, key=lambda line: ID.sub("", line)) for some in (a, b))
    if [ID.sub("", line) for line in by_content_a] != [ID.sub("", line) for line in by_content_b]:
        return False
    ids = set(zip(ID.findall("".join(by_content_a)), ID.findall("".join(by_content_b)), strict=True))
    return len(ids) == len({x for x, _ in ids}) == len({y for _, y in ids})


def _kind(event: dict) -> str:
    """What an event is: only events of one kind are compared field by field."""
    if "args" in event:
        return " ".join(event["args"][:2])
    if "entry" in event:
        return f"{event['what']} {event['entry'].get('kind', '')}"
    if "message" in event:
        return (
            f"{event['what']} {','.join(name for name in sorted(event['message']) if name != 'dynamic_metadata')}"
        )
    return event.get("what") or event.get("type", "")


def _order(events: list) -> str:
    return " | ".join(_kind(one) for one in events)


def _tree(a: object, b: object, where: str) -> list[tuple]:
    """Leaves that differ. JSON in text is compared as JSON."""
    if a == b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        words = any(str(each.get("key", "")) in WORDS for each in (a, b))
        return [
            each
            for name in sorted({*a, *b} - {"raw"})
            for each in _tree(
                a.get(name, ABSENT),
                b.get(name, ABSENT),
                f"{where}.{'message' if words and name != 'key' else name}",
            )
        ]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [each for x, y in zip(a, b, strict=True) for each in _tree(x, y, f"{where}[]")]
    parsed_a, parsed_b = _json(a), _json(b)
    if parsed_a is not None and parsed_b is not None:
        inner = _tree(parsed_a, parsed_b, f"{where}:json")
        return inner or [(BEHAVIOUR, f"{where}: other spelling of the same JSON", *_pair(a, b))]
    is_words = where.rpartition(".")[2] in WORDS and ABSENT not in (a, b)
    return [(WORDING if is_words else BEHAVIOUR, where, *_pair(a, b))]


def _json(text: object) -> object:
    if not isinstance(text, str) or text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _command(a: dict, b: dict, where: str) -> list[tuple]:
    """Exit codes and data are behaviour; text for people is wording."""
    found = [
        (BEHAVIOUR, f"{where}: {name}", _brief(a[name]), _brief(b[name]))
        for name in ("args", "exit_code", "raised")
        if a[name] != b[name]
    ]
    if a["stderr"] != b["stderr"]:
        found.append((WORDING, f"{where}: stderr", *_first_difference(a["stderr"], b["stderr"])))
    if a["stdout"] == b["stdout"]:
        return found
    is_help = "--help" in a["args"]
    data_a, data_b = (None, None) if is_help else (_data(a), _data(b))
    if data_a is not None and data_b is not None:
        inner = _tree(data_a, data_b, f"{where}: stdout")
        return found + (
            inner or [(WORDING, f"{where}: stdout, layout", *_first_difference(a["stdout"], b["stdout"]))]
        )
    kind = BEHAVIOUR if a["args"][:1] == ["mask"] and not is_help else WORDING
    return [*found, (kind, f"{where}: stdout", *_first_difference(a["stdout"], b["stdout"]))]


def _data(event: dict) -> object:
    """A command's output as data, where it is data."""
    parsed = _json(event["stdout"].strip())
    if parsed is None and {"render", "show", "schema"} & set(event["args"]):
        try:
            parsed = yaml.safe_load(event["stdout"])
        except yaml.YAMLError:
            return None
    return parsed if isinstance(parsed, dict | list) else None


def _masks(a: list, b: list) -> list[tuple]:
    """The same input by the same rules must give the same; what the guard itself masks when is its own affair."""
    by_key_a, by_key_b = ({_mask_key(one): one for one in some} for some in (a, b))
    found = []
    for key in sorted({*by_key_a, *by_key_b}):
        one, other = by_key_a.get(key), by_key_b.get(key)
        if one is not None and other is not None:
            found += _tree(one["outputs"], other["outputs"], f"masks: {one['method']}")
        else:
            there = one or other
            kind = BEHAVIOUR if there["direct"] else NOTE
            where = f"masks: {there['method']}: called by the {'test' if there['direct'] else 'guard'}"
            found.append((kind, where, *(("once more", ABSENT) if one else (ABSENT, "once more"))))
    return found


def _mask_key(call: dict) -> str:
    return json.dumps(
        {name: value for name, value in call.items() if name not in ("outputs", "direct")}, sort_keys=True
    )


def _first_difference(a: str, b: str) -> tuple[str, str]:
    lines_a, lines_b = a.splitlines(), b.splitlines()
    for x, y in zip(lines_a, lines_b, strict=False):
        if x != y:
            return _pair(x, y)
    short = min(len(lines_a), len(lines_b))
    return _brief("\n".join(lines_a[short:]) or ABSENT), _brief("\n".join(lines_b[short:]) or ABSENT)


def _brief(value: object, start: int = 0) -> str:
    """A value on one line, from a little before ``start``."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    begin = max(0, start - SHOWN // 4) if len(text) > SHOWN else 0
    shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[begin : begin + SHOWN])
    return f"{'…' if begin else ''}{shown}{'…' if begin + SHOWN < len(text) else ''}"


def _pair(a: object, b: object) -> tuple[str, str]:
    """Both values where they begin to differ."""
    if not (isinstance(a, str) and isinstance(b, str)):
        return _brief(a), _brief(b)
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return _brief(a, start), _brief(b, start)


def _print_counts(before: list[dict], after: list[dict]) -> None:
    print(f"{'recorded':<36}{'before':>12}{'after':>12}")
    counts = [_counted(before), _counted(after)]
    for what in sorted({*counts[0], *counts[1]}):
        print(f"{what:<36}{counts[0][what]:>12}{counts[1][what]:>12}")
    print()


def _counted(tests: list[dict]) -> Counter:
    counts = Counter({"tests": len(tests)})
    for one in tests:
        counts["tests without anything recorded"] += not _has_content(one)
        counts["tests that failed"] += one["outcome"] not in ("passed", "Skipped")
        counts["tests that were skipped"] += one["outcome"] == "Skipped"
        for event in one["story"]:
            counts["story: " + ("exchange over" if event["what"].startswith("exchange") else event["what"])] += 1
        counts["refused"] += len(one["refused"])
        counts["cli"] += len(one["cli"])
        counts["metrics"] += len(one["metrics"])
        counts["masks, called by tests"] += sum(each["direct"] for each in one["masks"])
        counts["masks, called by the guard"] += sum(not each["direct"] for each in one["masks"])
    return counts


def _print_groups(title: str, groups: dict, most: int) -> None:
    if not groups:
        return
    print(f"\n{title}: {len(groups)} different")
    for (where, before, after), names in sorted(groups.items(), key=lambda each: -len(each[1]))[:most]:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"  {where}\n    - {before}\n    + {after}\n    in {names[0]}{others}")
    _print_rest(len(groups), most)


def _print_names(title: str, names: list[str], most: int) -> None:
    if not names:
        return
    print(f"\n{title}: {len(names)}")
    for name in sorted(names)[:most]:
        print(f"  {name}")
    _print_rest(len(names), most)


def _print_rest(count: int, most: int) -> None:
    if count > most:
        print(f"  … and {count - most} more: see --most")
