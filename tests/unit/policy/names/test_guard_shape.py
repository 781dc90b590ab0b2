"""Data of a wrong shape is told with its key; the Rego of the starter policies says what is wrong."""

import json
import re
from pathlib import Path

import pytest

from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module
from extproc.policy.names.guard_shape import PARTS, shape_problems
from extproc.policy.regorus.evaluator import compile_modules, run_rule

TESTS = starter_folder() / "settings_test.rego"


def evaluated(rule):
    """A value of the starter policies, or of their tests."""
    files = [*starter_folder().glob("*.rego")]
    engine = compile_modules([Module(file.name, file.read_text()) for file in files], {})
    return run_rule(engine, rule, b"{}")


GOOD = evaluated("data.extproc.settings_test.good")
MISTAKES = evaluated("data.extproc.settings_test.wrong")


def patched(path, value):
    """The good data with one change, as in ``changed`` of the Rego tests."""
    data = json.loads(json.dumps(GOOD))
    at, parts = data, path.split("/")
    for part in parts[:-1]:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if parts[-1] == "-":
        at.append(value)
    elif isinstance(at, list):
        at.insert(int(parts[-1]), value)
    else:
        at[parts[-1]] = value
    return {"guard": data}


def test_the_parts_are_those_of_the_rego():
    assert set(evaluated("data.extproc.settings.keys")) == PARTS


def test_good_data_has_no_problem():
    assert shape_problems({"guard": GOOD}) == []
    assert shape_problems({"guard": {"roles": {}}}) == []


@pytest.mark.parametrize(("path", "value"), MISTAKES, ids=[path for path, _ in MISTAKES])
def test_every_mistake_that_the_rego_finds_is_placed_in_its_part(path, value):
    found = shape_problems(patched(path, value))
    assert found, "no place"
    parts = {str(each.key[1]) for each in found if len(each.key) > 1}
    assert parts <= {path.split("/")[0]}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("hodl", [], 'unknown key "hodl"; did you mean "hold"?'),
        ("masks/0/reponse", [], 'masks[0]: unknown key "reponse"; did you mean "response"?'),
        ("windows/0/days", ["monday"], 'windows[0].days[0]: unknown value; did you mean "Monday"?'),
        ("windows/0/zone", "Europe/Zurihc", 'windows[0].zone: unknown time zone; did you mean "Europe/Zurich"?'),
        ("limits/0/per", "week", "limits[0].per: unknown value; there are: day, hour, minute"),
        ("roles/support/functions/0", "crm*", "roles.support.functions[0]: not a function: write connection.name"),
        ("shadow", ["risk-71"], 'shadow[0]: no rule has this name; did you mean "risk-70"?'),
        ("arguments/0/path", "sql", "arguments[0].path: must be a list"),
        ("duties/0", 3, "duties[0]: must be an object"),
        ("canary secret\n", 3, "unknown key (not shown: not a plain name); there are: "),
    ],
)
def test_the_message_says_what_was_probably_meant(path, value, message):
    assert any(each.message.startswith(message) for each in shape_problems(patched(path, value)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, 'the policy reads data.guard, but no file has the key "guard"'),
        ({"guards": {}}, 'unknown key "guards"; did you mean "guard"?'),
        ({"guard": []}, "must be an object"),
        ({"guard": {}}, '"roles" is missing'),
    ],
)
def test_data_without_a_guard_is_told(data, message):
    assert [each.message for each in shape_problems(data)] == [message]


def test_the_documented_keys_are_the_parts():
    page = (Path(__file__).parents[4] / "docs/reference/policy.md").read_text()
    table = page[page.index("| key of `guard` | shape |") :].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == PARTS
