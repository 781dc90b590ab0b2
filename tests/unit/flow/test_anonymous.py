"""Calls by nobody: only of functions that need no identity, only with policy's consent, and never held."""

import json
from dataclasses import replace

import pytest

from extproc.model.entries import EntryKind
from extproc.policy.call_counters import UsageStore
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, claims, make_services, play, returns, sends

HEALTH = {
    "connections.crm.functions.health": {"method": "GET", "path": "/health", "identity": "none"},
    "connections.crm.functions.login": {"method": "POST", "path": "/login", "identity": "none"},
    "connections.crm.functions.preflight": {"method": "OPTIONS", "path": "/**", "identity": "none"},
}
NOBODY = {"issuer": "", "subject": "", "groups": [], "actor": ""}


def services(tmp_path, answer=None, **more):
    return make_services(tmp_path, engine=ScriptedEngine(answer or {"action": "allow"}), changes=HEALTH, **more)


async def refused(given, *events):
    peer = await play(given, *events)
    assert not peer.is_forwarded
    return given.recorder.last


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/health", "crm.health"),
        ("OPTIONS", "/customers/7", "crm.preflight"),
        ("OPTIONS", "/", "crm.preflight"),
    ],
)
async def test_policy_decides_a_call_by_nobody(tmp_path, method, path, function):
    given = services(tmp_path)
    await play(given, asks(method, path, metadata={}, end=True), answers(), returns(b"{}"))
    (asked,) = given.engine.asked
    assert (asked["identity"], asked["call"]["function"]) == (NOBODY, function)
    assert given.recorder.kinds == ["call.decided", "call.completed"]
    assert (given.recorder.last.issuer, given.recorder.last.subject) == ("", "anonymous")


async def test_a_body_is_read_and_inspected(tmp_path):
    given = services(tmp_path)
    ask = asks("POST", "/login", metadata={}, content_type="application/json")
    await play(given, ask, sends(b'{"user": "ada"}'), answers(), returns(b"{}"))
    assert given.engine.asked[0]["call"]["arguments"] == {"user": "ada"}


async def test_policy_can_deny_it(tmp_path):
    given = services(tmp_path, {"action": "deny", "rule": "no-health"})
    last = await refused(given, asks(path="/health", metadata={}))
    assert (last.kind, last.rule, last.subject) == (EntryKind.DENIED, "no-health", "anonymous")


async def test_with_a_token_the_call_is_the_tokens(tmp_path):
    given = services(tmp_path)
    await play(given, asks(path="/health"), answers(), returns(b"{}"))
    assert given.engine.asked[0]["identity"]["subject"] == "alice"


@pytest.mark.parametrize(
    ("method", "path", "metadata", "fields"),
    [
        ("GET", "/customers/7", {}, {}),
        ("POST", "/customers", {}, {}),
        ("GET", "/nowhere", {}, {}),
        ("GET", "/HEALTH", {}, {}),
        ("GET", "/health.json", {}, {}),
        ("POST", "/health", {}, {}),
        ("GET", "/health", {}, {"authorization": "Bearer unverified"}),
        ("GET", "/health", {}, {"authorization": ""}),
        ("GET", "/health", {"envoy.filters.http.jwt_authn": {"claims": None}}, {}),
        ("GET", "/health", {"envoy.filters.http.jwt_authn": {"payload": {}}}, {}),
        ("GET", "/health", claims(exp=1), {}),
        ("GET", "/health", claims(aud="other"), {}),
        ("GET", "/health", claims(sub=""), {}),
    ],
)
async def test_all_else_without_a_good_token_is_refused(tmp_path, method, path, metadata, fields):
    given = services(tmp_path)
    last = await refused(given, asks(method, path, metadata=metadata, end=True, **fields))
    assert last.reason in ("unauthenticated", "token-rejected")
    assert given.engine.asked == []


async def test_without_such_functions_nobodys_call_is_not_even_read(tmp_path):
    given = make_services(tmp_path)
    last = await refused(given, asks(path="/nowhere", metadata={}))
    assert (last.reason, last.function) == ("unauthenticated", "")


async def test_a_call_by_nobody_is_never_held(tmp_path):
    """Who approves must not be who calls, and nobody can tell."""
    given = services(tmp_path, {"action": "hold", "approval": {"groups": ["sre"]}})
    last = await refused(given, asks(path="/health", metadata={}))
    assert (last.reason, last.rule) == ("approval-unavailable", "approval.anonymous")
    assert given.approvals.recent(pending_only=False, limit=5) == []


async def test_calls_by_nobody_are_counted_by_address(tmp_path):
    """Not together with somebody whose token names an address."""
    given = replace(services(tmp_path), usage=UsageStore(tmp_path / "usage.db"))
    for source in ("10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"):
        ask = asks(path="/health", metadata={})
        await play(given, replace(ask, head=replace(ask.head, source=source)), answers(), returns(b"{}"))
    await play(given, asks(path="/health", metadata=claims(sub="10.0.0.1")), answers(), returns(b"{}"))
    assert [asked["usage"]["caller"]["day"] for asked in given.engine.asked] == [1, 2, 1, 1]
    assert json.dumps(given.engine.asked[0]["identity"]) == json.dumps(NOBODY)
