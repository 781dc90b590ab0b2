"""Data of a wrong shape is told with its key; the Rego of the starter policies says what is wrong."""

import json
import re
from pathlib import Path

import pytest

from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module
from extproc.policy.names import guard_shape
from extproc.policy.names.check_data import check_data
from extproc.policy.names.guard_shape import PARTS
from extproc.policy.names.known_names import KnownNames
from extproc.policy.regorus.evaluator import compile_modules, run_rule
from extproc.policy.regorus.regex_builtins import Patterns

TESTS = starter_folder() / "settings_test.rego"


def evaluated(rule):
    """A value of the starter policies, or of their tests."""
    files = [*starter_folder().glob("*.rego")]
    engine = compile_modules([Module(file.name, file.read_text()) for file in files], {})
    return run_rule(engine, rule, b"{}")


GOOD = evaluated("data.extproc.settings_test.good")
MISTAKES = evaluated("data.extproc.settings_test.wrong")
MESSAGES = evaluated("data.extproc.settings.messages")


def shape_problems(data):
    return guard_shape.shape_problems(data, Patterns().is_valid, MESSAGES)


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


RIGHT = evaluated("data.extproc.settings_test.right")


def test_the_parts_are_those_of_the_rego():
    assert set(evaluated("data.extproc.settings.keys")) == PARTS


def test_good_data_has_no_problem():
    assert shape_problems({"guard": GOOD}) == []
    assert shape_problems({"guard": {"roles": {}}}) == []


@pytest.mark.parametrize(("path", "value"), RIGHT, ids=[path for path, _ in RIGHT])
def test_every_value_in_its_range_is_right(path, value):
    assert shape_problems(patched(path, value)) == []


@pytest.mark.parametrize(("path", "value"), MISTAKES, ids=[path for path, _ in MISTAKES])
def test_every_mistake_that_the_rego_finds_is_placed_in_its_part(path, value):
    found = shape_problems(patched(path, value))
    assert found, "no place"
    parts = {str(each.key[1]) for each in found if len(each.key) > 1}
    assert parts <= {path.split("/")[0]}


@pytest.mark.parametrize(("path", "value"), MISTAKES, ids=[path for path, _ in MISTAKES])
def test_names_are_checked_beside_any_mistake(path, value):
    known = KnownNames({}, frozenset())
    names = {each.message for each in check_data(patched(path, value), known).problems}
    assert any("no connection" in each or "no detector" in each for each in names)


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
        ("arguments/0/path", "$.order.amount", "arguments[0].path: must be a list of names, one for each step, such as `path: [order, amount]`"),
        ("arguments/0/path", [], "arguments[0].path: must be a list of names, one for each step, such as `path: [amount]`"),
        ("responses/1/path", "my secret", "responses[1].path: must be a list of names, one for each step, such as `path: [amount]`"),
        ("arguments/0/path", [0.5], "arguments[0].path[0]: must be text, or a whole number of 0 or more"),
        ("arguments/0/at_most", "1000", "arguments[0].at_most: must be a number, without quotes"),
        ("arguments/0/at_least", [1000], "arguments[0].at_least: must be a number"),
        ("responses/1/at_most", None, "responses[1].at_most: must be a number"),
        ("arguments/0/one_of", "live", "arguments[0].one_of: must be a list"),
        ("arguments/0/one_of", [], "arguments[0].one_of: must not be empty"),
        ("arguments/0/matches", "^[a-z", "arguments[0].matches: must be a regular expression in RE2's syntax"),
        ("responses/1/matches", "(?=a)", "responses[1].matches: must be a regular expression in RE2's syntax"),
        ("arguments/0/matches", 3, "arguments[0].matches: must be text"),
        ("risk/default", -80, "risk.default: must be a whole number from 0 to 100"),
        ("risk/functions/deploy.*", 0.5, "risk.functions.deploy.*: must be a whole number from 0 to 100"),
        ("risk/findings/US_SSN", "30", "risk.findings.US_SSN: must be a whole number from 0 to 100, without quotes"),
        ("hold/0/at", 700, "hold[0].at: must be a whole number from 0 to 100"),
        ("hold/0/at", float("inf"), "hold[0].at: must be a whole number from 0 to 100"),
        ("hold/0/groups", "sre", "hold[0].groups: must be a list"),
        ("hold/0/groups", {"any": ["sre"]}, "hold[0].groups.any: must be a list of lists: write `any: [[sre, dba]]` where"),
        ("hold/0/groups", {"any": [3]}, "hold[0].groups.any[0]: must be a list"),
        ("hold/0/groups", {"all": ["sre", "dba"]}, "hold[0].groups: there is no `all`: write `any: [[sre, dba]]` where"),
        ("hold/0/groups", {"al": []}, 'hold[0].groups: unknown key "al"'),
        ("hold/0/minimum", 2, 'hold[0]: unknown key "minimum"; did you mean "min"?'),
        ("hold/0/reuse", "10m", "hold[0].reuse: must be an object: write `{for: 10m}`"),
        ("hold/0/reuse", "soon", "hold[0].reuse: must be an object"),
        ("hold/0/reuse", {"for": "2d"}, "hold[0].reuse.for: must be a duration, such as 90s, 15m or 1h: a whole number and s, m or h; at most 24 hours"),
        ("hold/0/expires_in", "8d", "hold[0].expires_in: must be a duration, such as 90s, 15m or 1h: a whole number and s, m or h; at most seven days"),
        ("hold/0/reuse", {"for": "10m", "same": ["arguments"]}, "hold[0].reuse.same: must have function"),
        ("hold/0/groups", [" sre"], "hold[0].groups[0]: the name of a group must not begin or end with a blank"),
        ("hold/0/min", 0, "hold[0].min: must be a whole number from 1 to 10"),
        ("hold/0/expires_in", 15, "hold[0].expires_in: must be a duration, such as 90s, 15m or 1h"),
        ("hold/0/mode", "tickt", 'hold[0].mode: unknown value; did you mean "ticket"?'),
        ("masks/-", {"functions": ["crm.*"]}, "masks[1]: must have request or response: it masks nothing"),
        ("masks/0/response", [], "masks[0].response: must not be empty"),
        ("masks/0/unless_groups", ["fraud "], "masks[0].unless_groups[0]: the name of a group must not"),
        ("roles/ support", {"functions": ["crm.*"]}, "roles: the name of a group must not begin or end with a blank"),
        ("windows/0/days", [], "windows[0].days: must not be empty"),
        ("limits/0/calls", 0, "limits[0].calls: must be a whole number of 1 or more"),
        ("limits/0/calls", float("inf"), "limits[0].calls: must be a whole number of 1 or more"),
        ("responses/0/at_most_found/CREDIT_CARD", -1, "responses[0].at_most_found.CREDIT_CARD: must be a whole number of 0"),
        ("responses/0/mask", [], "responses[0].mask: must not be empty"),
        ("protocol_messages/denied/0", "docs.respnse", 'protocol_messages.denied[0]: not a protocol message, such as docs.ping; did you mean "response"?'),
        ("protocol_messages/denied/0", "docs.search", "protocol_messages.denied[0]: not a protocol message, such as docs.ping"),
        ("protocol_messages/denied/0", "docs.tools/call", "protocol_messages.denied[0]: not a protocol message, such as docs.ping"),
        ("protocol_messages/denied/0", "docs.*", "protocol_messages.denied[0]: not a protocol message, such as docs.ping"),
        ("protocol_messages/denied/0", " docs.ping", "protocol_messages.denied[0]: not a protocol message, such as docs.ping"),
        ("protocol_messages/denied", "docs.ping", "protocol_messages.denied: must be a list"),
        ("protocol_messages/denid", [], 'protocol_messages: unknown key "denid"; did you mean "denied"?'),
        ("canary secret\n", 3, "unknown key (not shown: not a plain name); there are: "),
    ],
)  # fmt: skip
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
