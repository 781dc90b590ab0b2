"""OPA's own published cases under the embedded engine: one line per case that is not the same, `outcome note`.

Run as a program it prints them: ``python tests/integration/policy/opa_cases.py FOLDER``.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import UNDEFINED, EmbeddedEngine

VERSION = "v1.22.0"
QUERY = re.compile(r"(data(?:\.[A-Za-z_]\w*)+) = (?!input)[a-z_]\w*")
READS_INPUT = re.compile(r"\binput\b")
NOTHING = object()


def read_cases(folder: Path) -> Iterator[dict[str, Any]]:
    """Every case that asks for one document; names made unique."""
    seen: dict[str, int] = {}
    for file in sorted(folder.rglob("*.yaml")):
        for case in yaml.load(file.read_text(), yaml.CSafeLoader)["cases"]:
            note = " ".join(str(case["note"]).split())
            seen[note] = seen.get(note, 0) + 1
            case["note"] = note if seen[note] == 1 else f"{note} #{seen[note]}"
            if QUERY.fullmatch(case["query"]) and case.get("modules") is not None:
                yield case


def outcome(case: dict[str, Any]) -> str:
    """What became of a case.

    Returns:
        ``same``; ``refused`` at loading and ``error`` when evaluated, which both deny; ``skipped`` where the case
        cannot be put; ``different`` and ``accepted`` (OPA has an error there) are what must be known by name.
    """
    try:
        document = _document(case)
        modules = tuple(Module(f"m{index}.rego", text) for index, text in enumerate(case["modules"]))
        data = _data(case.get("data") or {})
    except (ValueError, TypeError):
        return "skipped"
    query = QUERY.fullmatch(case["query"])[1]  # type: ignore[index] - chosen so
    try:
        value = EmbeddedEngine.from_sources(Sources(modules, data, query)).evaluate_now(document)
    except ConfigError:
        return "refused"
    except PolicyError as error:
        if str(error) != UNDEFINED:
            return "error"
        value = NOTHING
    if "want_error" in case or "want_error_code" in case:
        return "same" if value is NOTHING else "accepted"
    return "same" if _wanted(case, value) else "different"


def _data(value: Any) -> Any:
    """As it is, if JSON can hold it: YAML reads a key `on` as true."""
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        raise ValueError("a key is not text")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _data(item)
    return value


def _document(case: dict[str, Any]) -> bytes:
    """The input. The guard always has one, so that a case about its absence cannot be put."""
    if "input_term" in case:
        return json.dumps(json.loads(case["input_term"])).encode()
    if "input" not in case and any(READS_INPUT.search(text) for text in case["modules"]):
        raise ValueError("no input")
    return json.dumps(case.get("input", {})).encode()


def _wanted(case: dict[str, Any], value: Any) -> bool:
    want = case.get("want_result") or []
    if not want or value is NOTHING:
        return not want and value is NOTHING
    expected = next(iter(want[0].values()))
    if case.get("sort_bindings") and isinstance(expected, list) and isinstance(value, list):
        return sorted(map(_text, expected)) == sorted(map(_text, value))
    return bool(expected == value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def ledger(folder: Path) -> list[str]:
    """One line per case that is not the same, sorted."""
    found = ((outcome(case), case["note"]) for case in read_cases(folder))
    return sorted(f"{what} {note}" for what, note in found if what != "same")


if __name__ == "__main__":
    print("\n".join(ledger(Path(sys.argv[1]))))
