"""Policies written for opa-envoy-plugin answer as they always did."""

import pytest

from extproc.model.decision import Action, ApprovalTerms, QueryChanges
from extproc.model.reasons import Reason
from extproc.policy.contract.read_decision import UNREADABLE, read_decision


def read(answer, **more):
    return read_decision(answer, revision="r", defaults=ApprovalTerms(), **more)


def test_booleans():
    assert read(True).action is Action.ALLOW
    denied = read(False)
    assert (denied.action, denied.reason) == (Action.DENY, Reason.POLICY_DENIED)


def test_allowing_changes_headers():
    decision = read(
        {
            "allowed": True,
            "headers": {"X-User": "ann", "x-many": ["1", "2"]},
            "request_headers_to_remove": ["X-Debug", "authorization"],
            "response_headers_to_add": [{"x-seen": "1"}, {"x-seen": "2"}],
            "http_status": 999,
            "body": ["ignored on allow"],
            "dynamic_metadata": {"a": 1},
            "query_parameters_to_set": {},
            "query_parameters_to_remove": [],
        }
    )
    assert decision.action is Action.ALLOW
    assert decision.headers.set == (("x-user", "ann"), ("x-many", "2"))
    assert decision.headers.remove == ("x-debug",)
    assert decision.headers.response == (("x-seen", "1"), ("x-seen", "2"))
    assert (decision.status, decision.body) == (0, "")
    assert decision.metadata == {"a": 1}


def test_denying_answers_the_client():
    decision = read({"allowed": False, "http_status": 429, "body": "no", "headers": {"x-why": "tea"}})
    assert decision.action is Action.DENY
    assert decision.reason is Reason.POLICY_DENIED
    assert (decision.status, decision.body) == (429, "no")
    assert decision.headers.response == (("x-why", "tea"),)
    assert decision.headers.set == ()


@pytest.mark.parametrize(
    "more",
    [
        {"allowed": 1},
        {"allowed": "true"},
        {"allowed": None},
        {"mask": {}},
        {"shadow": []},
        {"approval": {}},
        {"header": {}},
        {"Headers": {}},
        {"request_headers_to_add": {}},
        {"request_header_to_remove": []},
        {"headers": None},
        {"headers": "x"},
        {"headers": {"x": 1}},
        {"headers": {"x": [1]}},
        {"headers": {"": "1"}},
        {"headers": {"a b": "1"}},
        {"headers": {"x": "a\r\nb: c"}},
        {"headers": {"x": "a\x7f"}},
        {"headers": {"x": "\ud800"}},
        {"headers": {"Host": "evil"}},
        {"headers": {":authority": "evil"}},
        {"headers": {":path": "/"}},
        {"headers": {":method": "GET"}},
        {"headers": {"content-length": "0"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"authorization": "x"}},
        {"headers": {"x-extproc-call-id": "x"}},
        {"headers": {"x-envoy-original-path": "/"}},
        {"headers": {"x-api-key": "x"}},
        {"request_headers_to_remove": "x"},
        {"request_headers_to_remove": ["host"]},
        {"request_headers_to_remove": [":path"]},
        {"request_headers_to_remove": ["content-length"]},
        {"request_headers_to_remove": ["x-api-key"]},
        {"request_headers_to_remove": [1]},
        {"response_headers_to_add": {"content-length": "1"}},
        {"response_headers_to_add": {"content-encoding": "gzip"}},
        {"query_parameters_to_remove": [""]},
        {"query_parameters_to_remove": {"a": 1}},
        {"query_parameters_to_remove": ["a" * 4_097]},
        {"query_parameters_to_set": {"a": 1}},
        {"query_parameters_to_set": {"a": [None]}},
        {"query_parameters_to_set": {"": "1"}},
        {"query_parameters_to_set": {"a": "\ud800"}},
        {"query_parameters_to_set": []},
        {"dynamic_metadata": []},
        {"dynamic_metadata": {"guard": "done"}},
        {"dynamic_metadata": {"decision_id": "x"}},
        {"dynamic_metadata": {"a": "x" * 16_400}},
        {"dynamic_metadata": {"a": "\ud800"}},
        {"headers": {f"x-{n}": "1" for n in range(101)}},
    ],
)
def test_what_cannot_be_honoured_denies(more):
    decision = read({"allowed": True, **more}, credential_header="x-api-key")
    assert (decision.action, decision.reason, decision.rule) == (Action.DENY, Reason.POLICY_ERROR, UNREADABLE)


def test_query_parameters_are_taken_over():
    answer = {
        "allowed": True,
        "query_parameters_to_set": {"a": "1", "b": ["2", "3"]},
        "query_parameters_to_remove": ["c"],
    }
    assert read(answer).headers.query == QueryChanges((("a", "1"), ("b", "3")), ("c",))


def test_query_parameters_do_not_matter_on_deny():
    assert read({"allowed": False, "query_parameters_to_remove": ["a"]}).reason is Reason.POLICY_DENIED


@pytest.mark.parametrize(
    "more",
    [
        *({"http_status": status} for status in ("403", 0, 99, 100, 299, 418, 599, 600, 403.5, True, None)),
        *({"body": body} for body in ({}, None, 1, "\ud800", "x" * 65_537)),
        {"headers": {"content-length": "1"}},
        {"http_staus": 401},
        {"mask": {}},
    ],
)
def test_a_denial_that_cannot_be_told_is_one_all_the_same(more):
    """The caller gets the guard's own refusal, and nothing of it."""
    decision = read({"allowed": False, **more})
    assert (decision.action, decision.reason, decision.rule) == (Action.DENY, Reason.POLICY_ERROR, UNREADABLE)
    assert (decision.status, decision.body, decision.headers.response) == (0, "", ())


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("more", [{"reason": "x"}, {"allow": True}, {"is_admin": 1, "token": {}}, {"rule": 7}])
def test_further_keys_say_nothing(allowed, more):
    """A query for a whole package returns all its rules."""
    assert read({"allowed": allowed, **more}) == read({"allowed": allowed})


def test_each_action_is_held_to_its_own_keys():
    """As in opa-envoy-plugin: what this action does not use is not looked at."""
    assert read({"allowed": True, "http_status": "x", "body": 1}).action is Action.ALLOW
    denied = read({"allowed": False, "response_headers_to_add": 1, "request_headers_to_remove": 1})
    assert denied.reason is Reason.POLICY_DENIED


def test_removal_wins_over_setting():
    """Envoy removes after it has set."""
    decision = read(
        {
            "allowed": True,
            "headers": {"x-a": "1", "x-b": "2"},
            "request_headers_to_remove": ["X-A"],
            "query_parameters_to_set": {"a": "1", "b": ["1", "2"], "c": []},
            "query_parameters_to_remove": ["a"],
        }
    )
    assert decision.headers.set == (("x-b", "2"),)
    assert decision.headers.query == QueryChanges((("b", "2"),), ("a",))


def test_values_beyond_ascii_are_text():
    assert read({"allowed": True, "headers": {"x": "Zoë\t😀"}}).headers.set == (("x", "Zoë\t😀"),)
