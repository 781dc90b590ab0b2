"""Where opa-envoy-plugin reads a request otherwise."""

import pytest

from extproc.model.call import Headers, RequestHead
from extproc.model.decision import ApprovalTerms
from extproc.model.quorum import Quorum
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.contract.readings import for_both, has_last_empty_segment, may_be_read_otherwise, plugin_parses


@pytest.mark.parametrize(
    ("path", "has"), [("/", False), ("//", False), ("", False), ("/a", False), ("/a/", True), ("/a//", True)]
)
def test_a_final_slash_is_a_segment_there(path, has):
    assert has_last_empty_segment(path) is has


@pytest.mark.parametrize(
    ("content_type", "body", "parses"),
    [
        ("application/json", b"{}", True),
        ("text/x; a=application/json", b"{}", True),
        ("APPLICATION/JSON", b"{}", False),
        ("application/vnd.api+json", b"{}", False),
        ("", b"{}", False),
        ("application/x-www-form-urlencoded;charset=utf-8", b"a=1", True),
        ("Application/x-www-form-urlencoded", b"a=1", False),
        ("multipart/form-data; boundary=x", b"--x", True),
        ("application/grpc", b"\0\0\0\0\0", True),
        ("application/grpc+proto", b"\1\0\0\0\0", False),
    ],
)
def test_it_goes_by_a_part_of_the_content_type_in_lower_case(content_type, body, parses):
    assert plugin_parses(content_type, body) is parses


@pytest.mark.parametrize(
    ("path", "content_type", "body", "may"),
    [
        ("/a?b=/", b"application/json", b"{}", False),
        ("/a", b"text/plain", b"", False),
        ("/a/", b"application/json", b"{}", True),
        ("/a", b"application/x+json", b"{}", True),
    ],
)
def test_a_request_of_one_reading_is_asked_about_once(path, content_type, body, may):
    head = RequestHead("POST", "http", "a", path, Headers((("content-type", content_type),)))
    assert may_be_read_otherwise(head, body) is may


DEFAULTS = ApprovalTerms(Quorum.any_of("sre"))


def both(guards, plugins):
    """The decision in both readings, from policy's answers."""
    return for_both(
        *(
            read_decision(each, revision="r", defaults=DEFAULTS, credential_header="x-key")
            for each in (guards, plugins)
        )
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("action", ["allow", "hold"])
def test_what_one_reading_masks_is_masked(turned, action):
    request, response = {"path": "$.salary", "how": "remove"}, {"entity": "*", "how": "redact"}
    answers = [
        {"action": "allow"},
        {"action": action, "risk": 7, "mask": {"request": [request], "response": [response]}},
    ]
    found = both(*(answers[::-1] if turned else answers))
    assert (found.action, found.risk) == (action, 7)
    assert (len(found.mask.request), len(found.mask.response)) == (1, 1)


def test_what_both_mask_is_masked_once():
    answer = {"action": "allow", "mask": {"request": [{"path": "$.a"}]}, "shadow": ["x"]}
    found = both(answer, {**answer, "shadow": ["x", "y"]})
    assert (len(found.mask.request), found.shadow) == (1, ("x", "y"))


def test_a_hold_in_both_readings_ends_as_both_want_it():
    found = both(
        {"action": "hold", "approval": {"groups": ["sre", "dba"], "min": 1, "expires_in": "60s"}},
        {"action": "hold", "approval": {"groups": ["dba", "cto"], "min": 2, "expires_in": "30s"}},
    )
    assert found.approval == ApprovalTerms(Quorum.any_of("dba", minimum=2), 30.0)


def test_a_hold_that_nobody_can_end_in_both_readings_denies():
    found = both(*({"action": "hold", "approval": {"groups": [group]}} for group in ("sre", "dba")))
    assert (found.action, found.reason, found.rule) == ("deny", "policy-error", "policy-readings")


def test_a_removal_in_one_reading_removes():
    found = both(
        {
            "allowed": True,
            "headers": {"x-role": "admin", "x-a": "1"},
            "query_parameters_to_set": {"q": "1", "p": "2"},
        },
        {"allowed": True, "request_headers_to_remove": ["x-role"], "query_parameters_to_remove": ["q"]},
    )
    assert (found.headers.set, found.headers.remove) == ((("x-a", "1"),), ("x-role",))
    assert (found.headers.query.set, found.headers.query.remove) == ((("p", "2"),), ("q",))
