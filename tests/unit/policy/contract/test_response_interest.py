"""A policy is asked about responses unless it is certain that it has nothing to say about them."""

import json

import pytest

from extproc.assembly.try_policy import try_policy
from extproc.model.call import Call, Headers, RequestHead
from extproc.model.errors import ConfigError
from extproc.model.identity import Identity
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.response_input import ResponseFacts, response_part
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.regorus.evaluator import EmbeddedEngine


def sources(text: str, data: object = None, package: str = "t") -> Sources:
    module = Module("t.rego", f"package {package}\n{text}")
    return Sources((module,), data or {}, f"data.{package}.decision")


def asks(given: Sources) -> ResponseInterest:
    return EmbeddedEngine.from_sources(given).response_interest


@pytest.mark.parametrize(
    "text",
    [
        'decision := true if input.direction == "response"',
        'decision := true if input.direction != "request"',
        'decision := true if input["direction"] == "list"',
        "decision := true if input.response.status == 200",
        "decision := data.x[input.direction]",
        "decision := [1 | some f in input.response.findings]",
        "import input.direction as d\ndecision := true if d == 1",
        "import input.response\ndecision := true if response.status == 1",
        "import input as i\ndecision := true if i.direction == 1",
        "decision := true if f(input)\nf(x) := x.direction",
        "decision := true if {\n\tsome key, value in input\n\tvalue == key\n}",
        "decision := true if input[key] == 1\nkey := `direction`",
        "decision := true if walk(input, [_, 1])",
        'decision := object.get(input, "direction", "") == "response"',
        "decision := true\nother := input.direction",
        "decision := x if {\n\tx := every_one\n}\nevery_one if {\n\tevery f in input.response.findings { f.count < 3 }\n}",
    ],
)
def test_whatever_could_tell_a_response_is_asked(text):
    assert asks(sources(text)) is ResponseInterest.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "decision := true",
        "decision := true if input.call.name == `response`",
        "decision := true if input.call.direction == `response`",
        "decision := true if data.input.direction",
        "decision := true if object.get(input.call, [`direction`], 1) == 1",
        "import input.call as response\ndecision := true if response.direction == 1",
        "decision := true if {\n\tsome group in input.identity.groups\n\tgroup == `x`\n}",
    ],
)
def test_what_cannot_tell_a_response_is_not_asked(text):
    assert asks(sources(text)) is ResponseInterest.NEVER


@pytest.mark.slow
def test_directions_say_it_for_sure():
    looks = "decision := true if input.direction\n"
    for directions, expected in (
        ('directions := ["request"]', ResponseInterest.NEVER),
        ('directions contains "response"', ResponseInterest.ALWAYS),
        ('directions contains "response" if data.on', ResponseInterest.ALWAYS),
        ('directions contains "response" if data.off', ResponseInterest.NEVER),
    ):
        given = sources(looks + directions, {"on": True}, "extproc")
        assert asks(given) is expected
        assert try_policy(given).response_interest is expected


@pytest.mark.parametrize(
    "directions",
    [
        'directions := "response"',
        'directions contains "responses"',
        "directions := {1}",
        "directions := 1 if input.x",
    ],
)
def test_directions_that_say_something_else_are_refused(directions):
    with pytest.raises(ConfigError, match="directions"):
        asks(sources(f"decision := true\n{directions}", package="extproc"))


def test_the_starter_policies_ask_only_where_the_data_has_rules_about_responses():
    example = starter_folder() / "data.example.yaml"
    assert asks(read_sources([], [example], "data.extproc.decision")) is ResponseInterest.ALWAYS
    assert asks(read_sources([], [], "data.extproc.decision")) is ResponseInterest.NEVER


def document(seen: ResponseFacts) -> dict:
    return json.loads(
        build_document(
            head=RequestHead("GET", "http", "h", "/", Headers()), call=Call("id", "c", "f", "http-json", {"id": 1}),
            identity=Identity("i", "s", ()), findings=(), body=b"", body_sha256="", uninspectable=None, now_ns=0,
            max_depth=64,
            response=response_part(seen, max_depth=64),
        )
    )  # fmt: skip


JSON = Headers((("content-type", b"application/problem+json; charset=utf-8"), ("x-a", b"1"), ("x-a", b"\xff")))


def test_what_policy_sees_of_a_response():
    found = document(ResponseFacts(404, JSON, b'{"a":[1]}', (Finding("US_SSN", "$.a", "redact", 2),)))
    assert found["direction"] == "response"
    assert found["call"]["arguments"] == {"id": 1}
    assert found["response"] == {
        "status": 404,
        "headers": {"content-type": "application/problem+json; charset=utf-8", "x-a": "1,!"},
        "size": 9,
        "body": {"a": [1]},
        "findings": [{"entity": "US_SSN", "path": "$.a", "count": 2}],
    }


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (ResponseFacts(200, JSON, b"{", ()), "not-json"),
        (ResponseFacts(200, JSON, b'{"a":1,"a":2}', ()), "duplicate-keys"),
        (ResponseFacts(200, JSON, b"[" * 100 + b"]" * 100, ()), "too-deep"),
        (ResponseFacts(200, Headers((("content-type", b"text/plain"),)), b"{}", ()), "content-type"),
        (ResponseFacts(200, Headers(), b"{}", ()), "content-type"),
        (ResponseFacts(200, JSON, unseen=Uninspectable.STREAMED), "streamed"),
    ],
)
def test_a_body_that_is_not_seen_is_a_fact(seen, why):
    found = document(seen)["response"]
    assert (found["uninspectable"], found["body"]) == (why, None)
    assert ("findings" in found) is (seen.unseen is None)


def test_a_body_that_detectors_could_not_scan_is_a_fact_too():
    """Policy sees the body, and would take missing findings for none."""
    found = document(ResponseFacts(200, JSON, b'{"a":1}', unsearched=Uninspectable.TOO_DEEP))["response"]
    assert (found["uninspectable"], found["body"]) == ("too-deep", {"a": 1})
    assert "findings" not in found


def test_no_body_is_nothing_to_inspect():
    assert "uninspectable" not in document(ResponseFacts(204, Headers(), b"", ()))["response"]


@pytest.mark.parametrize(
    "name", ["set-cookie", "set-cookie2", "authorization", "proxy-authorization", "mcp-session-id"]
)
def test_secrets_in_response_headers_are_not_shown(name):
    assert "CANARY" not in str(document(ResponseFacts(200, Headers(((name, b"CANARY"),)))))
