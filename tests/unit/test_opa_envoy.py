"""The comparison with opa-envoy-plugin finds what it has to find."""

import pytest

from tests.opa_envoy.comparison import Case, Entry
from tests.opa_envoy.corpus import requests
from tests.opa_envoy.outcome import allowance, changed_query, denial
from tests.opa_envoy.page import PAGE, with_table

ALLOW, DENY, ERROR = {"decision": "allow"}, {"decision": "deny", "status": 403}, {"decision": "error"}
ANY = ("*",)


def case(plugin, guard, **changes):
    return Case(
        **{"policy": "p", "request": "r", "engine": "opa", "door": "ext_proc"} | changes,
        plugin=plugin,
        guard=guard,
    )


def asked(name):
    return next(each for each in requests() if each.name == name)


@pytest.mark.parametrize(
    ("plugin", "guard", "kind", "opens"),
    [
        (ALLOW, ALLOW, "", False),
        (ALLOW, DENY, "allow -> deny", False),
        (DENY, ALLOW, "deny -> allow", True),
        (ERROR, ALLOW, "error -> allow", True),
        ({"decision": "bad-request"}, ALLOW, "bad-request -> allow", True),
        (DENY, DENY | {"status": 401, "body": "x"}, "deny: body, status", False),
        (ALLOW | {"headers": {"a": "1"}}, ALLOW, "allow: headers", False),
    ],
)
def test_a_difference_has_a_kind(plugin, guard, kind, opens):
    found = case(plugin, guard)
    assert (found.kind, found.opens) == (kind, opens)


def test_an_entry_names_what_it_says_and_nothing_else():
    entry = Entry("n", "", "", "", ("allow -> *",), ("json-*",), ANY, ("opa",), ANY)
    assert entry.names(case(ALLOW, DENY, request="json-array"))
    assert not entry.names(case(ALLOW, DENY, request="curl-get"))
    assert not entry.names(case(ALLOW, DENY, request="json-array", engine="embedded"))
    assert not entry.names(case(DENY, ERROR, request="json-array"))


def test_the_last_value_counts_and_removal_wins():
    got = allowance(
        asked("curl-get"),
        headers=[("x-a", "1"), ("x-a", "2"), ("accept", "x")],
        removed=["Accept", "x-absent"],
        added=[("set-cookie", "b"), ("set-cookie", "a")],
        query=None,
        metadata={},
    )
    assert got == {
        "decision": "allow",
        "headers": {"x-a": "2"},
        "removed": ["accept"],
        "response_headers": [["set-cookie", "b"], ["set-cookie", "a"]],
    }
    query = changed_query(asked("query-debug"), [("tenant", "1"), ("tenant", "2"), ("q", "1")], ["q", "debug"])
    assert query == [("tenant", "2")]


@pytest.mark.parametrize("field", [("x", "a\r\nb"), ("host", "x"), ("a b", "1"), (":method", "GET")])
def test_what_envoy_refuses_to_apply_is_an_error(field):
    assert denial(asked("curl-get"), 403, [field], b"", {}) == ERROR


def test_the_page_has_the_ledger():
    """`python -m tests.opa_envoy ledger` writes it."""
    page = PAGE.read_text()
    assert page == with_table(page)
