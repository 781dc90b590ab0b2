"""A policy that reads a key which the input never has is refused: its rule would never apply."""

import re
from typing import get_args

import pytest

from extproc.assembly.try_policy import try_policy
from extproc.model.errors import PolicyInvalid
from extproc.policy.contract.input_headers import HIDDEN_REQUEST_HEADERS, HIDDEN_RESPONSE_HEADERS
from extproc.policy.contract.input_settings import InputSettings
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import compile_policy
from extproc.policy.regorus.lint.rego_module import Violation, Violations
from extproc.settings.policy import SecretHeader

DECISION = "data.t.decision"
REFUSED = {
    'decision if input.attributes.source.pricipal == "a"': "did you mean input.attributes.source.principal?",
    "decision if not input.identty": "did you mean input.identity?",
    'decision if input.attributes["sorce"]': "did you mean input.attributes.source?",
    "decision if input.attributes.metadata_context": "did you mean input.attributes.metadataContext?",
    "decision if input.attributes.source.namespace": "input.attributes.source has address, certificate, principal",
    "decision if input.attributes.source.service": "callers can write it",
    "decision if input.attributes.request.http.query": "use input.parsed_query",
    "decision if input.attributes.request.http.headerMap.headers": "use input.attributes.request.http.headers",
    "decision if input.method": "did you mean input.call.method or input.attributes.request.http.method?",
    "decision if input.call.name.x": "docs/reference/policy.md",
    "decision if input.parsed_path.first": "docs/reference/policy.md",
    "decision if input.attributes.request.http.headers.authorization": "policy.show_headers: [authorization]",
    'decision if input.attributes.request.http.headers["X-User"]': "write x-user",
    'decision if input.response.headers["set-cookie"]': "policy.show_headers: [set-cookie]",
    "import input.attributes.request.http as h\ndecision if h.mehtod": "input.attributes.request.http.method?",
    "import input.attributes.request.http.headers\ndecision if headers.cookie": "[cookie]",
    "import input.attributes.requst as r\ndecision if r.http": "did you mean input.attributes.request?",
    "import input.parsed_qeury\ndecision if parsed_qeury.a": "did you mean input.parsed_query?",
    "import input as i\ndecision if i.attributes.sorce": "did you mean input.attributes.source?",
    'decision if object.get(input, ["attributes", "sorce", "principal"], "")': "input.attributes.source?",
    'decision if object.get(input.attributes, "sorce", {}) == {}': "input.attributes.source?",
    'decision if object.get(object.get(input, "attributes", {}), "sorce", {})': "input.attributes.source?",
    'decision if object.get(input, "attributes", {}).sorce': "input.attributes.source?",
    "decision if { http := input.attributes.request.http; http.mehtod }": "http.method?",
    "decision if { http = input.attributes.request.http; headers = http.headers; headers.cookie }": "[cookie]",
    "http := input.attributes.request.http\ndecision if http.mehtod": "http.method?",
    "http = input.attributes.request.http\ndecision if data.t.http.mehtod": "http.method?",
    "decision if some name, _ in input.attributes.request.http.haeders": "http.headers?",
    "decision if { every g in input.identity.gruops { g } }": "input.identity.groups?",
    "decision if count([x | x := input.call.argumnets[_]]) > 0": "input.call.arguments?",
    "decision if f(input.identty)\nf(x) if x": "input.identity?",
    "decision if f(input)\nf(x) if x.identty": "input.identity?",
    "decision if f(1, input)\nf(_, x) if g(x.attributes)\ng(y) if y.sorce": "input.attributes.source?",
    'decision if f(input.attributes)\nf(x) := object.get(x, "sorce", 1)': "input.attributes.source?",
    "decision := {a: b | some a, b in input.parsed_qeury}": "input.parsed_query?",
    "decision if helper\nhelper if input.identty": "input.identity?",
    "decision if data.other.ok": "input.identity?",
    "decision := true if false else := false if input.identty": "input.identity?",
    "decision if input.attributes.tlsSession.snl": "input.attributes.tlsSession.sni?",
    "decision if input.source_principle": "input.source_principal?",
}
ACCEPTED = [
    "decision if input.parsed_body.anything.at[0].all",
    "decision if input.parsed_query.name[0]",
    'decision if input.parsed_path[0] == "a"',
    "decision if input.call.arguments.sorce",
    "decision if input.attributes[input.call.name].x",
    "decision if { some k; input.attributes[k].z }",
    "decision if { walk(input, [path, _]); path[0] }",
    'decision if object.get(input, input.call.name, "")',
    'decision if input.attributes.metadataContext.filterMetadata["any.namespace"].any.key',
    "decision if input.attributes.contextExtensions.anything",
    "decision if input.attributes.routeMetadataContext.filterMetadata.any.key",
    'decision if input.attributes.request.http.headers[":path"]',
    'decision if input.attributes.request.http.headers["x-any"]',
    "decision if input.attributes.source.address.socketAddress.portValue > 0",
    "decision if { input.attributes.source.certificate; input.attributes.destination.principal }",
    "decision if input.usage.caller.minute > 1",
    "decision if { some input_of in input.call.arguments; input_of.identty }",
    "decision if f({})\nf(http) if not http.mehtod",
    "decision if { f(input.attributes); f(input.call.arguments) }\nf(x) if x.sorce",
    "decision if { f(input.attributes); f({}) }\nf(x) if x.sorce",
    "decision if { some x in input.call.arguments; f(x) }\nf(x) if x.sorce",
    "decision if input.call\nunused if f(input)\nf(x) if x.sorce",
    "decision if { http := input.call.arguments; not http.mehtod }",
    "decision if { http := input.attributes.request.http; http.method }\nunused if input.review.object",
    "import input.attributes.request.http\ndecision if f({})\nf(http) if not http.mehtod",
    'default http := {}\nhttp := input.parsed_body if input.attributes\ndecision if http["mehtod"]',
]
OTHER = Module("other.rego", "package other\nok if input.identty\nunreached if input.review")


def sources(text: str, *, settings: InputSettings | None = None, tests: tuple[Module, ...] = ()) -> Sources:
    modules = (Module("t.rego", f"package t\n{text}"), OTHER)
    return Sources(modules, {}, DECISION, tests, settings or InputSettings())


def violations(policy: Sources) -> list[Violation]:
    try:
        compile_policy(policy)
    except Violations as error:
        return list(error.found)
    return []


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused_with_its_place_and_what_to_use(text):
    """At the key itself, in the file and line in which it is read."""
    violated = violations(sources(text))
    assert violated
    for found in violated:
        assert REFUSED[text] in found.hint
        assert found.file in ("t.rego", "other.rego")
        assert found.line > 1
        assert found.column >= 1


@pytest.mark.parametrize("text", ACCEPTED)
def test_it_is_accepted(text):
    assert violations(sources(text)) == []


@pytest.mark.parametrize("text", ["decision if input.identty", "decision if not input.identty"])
def test_it_is_never_loaded(text):
    """The trial comes before a policy decides, at the start and at a reload."""
    with pytest.raises(PolicyInvalid, match=r"t\.rego:2:\d+: policy's input has no input\.identty"):
        try_policy(sources(text))


def test_the_place_is_that_of_the_key():
    """Not that of the reference."""
    (found,) = violations(sources("decision if {\n  input.attributes.source.pricipal\n}"))
    assert (found.line, found.column) == (3, 27)


def test_tests_may_have_any_input():
    """They say what the input is, and read what they like."""
    tests = (Module("t_test.rego", 'package t\ntest_a if decision with input as {"a": 1}\nb if input.identty'),)
    assert violations(sources("decision := true", tests=tests)) == []


@pytest.mark.parametrize("name", sorted(HIDDEN_REQUEST_HEADERS | HIDDEN_RESPONSE_HEADERS))
def test_a_shown_field_may_be_read(name):
    text = "\n".join(
        f'decision if input.{place}["{name}"]' for place in ("attributes.request.http.headers", "response.headers")
    )
    hidden = violations(sources(text))
    assert hidden
    assert all(f"[{name}]" in found.hint for found in hidden)
    assert violations(sources(text, settings=InputSettings((name,)))) == []


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("decision if input.source_principal", {"attributes.source.principal"}),
        ("decision if input.attributes.destination.address.socketAddress", {"attributes.destination"}),
        ("import input.attributes.tlsSession as tls\ndecision if tls.sni", {"attributes.tlsSession"}),
        (
            'decision if object.get(input, ["attributes", "contextExtensions", "a"], 1)',
            {"attributes.contextExtensions"},
        ),
        ("decision if input.attributes.request.http.method", set()),
        ("decision if input.call\nunused if input.source_principal", set()),
    ],
)
def test_the_facts_are_known_that_a_policy_reads(text, facts):
    """So that it is not asked where Envoy does not send them."""
    assert try_policy(sources(text)).connection_facts == facts


def test_the_setting_names_every_hidden_field():
    assert set(get_args(SecretHeader)) == HIDDEN_REQUEST_HEADERS | HIDDEN_RESPONSE_HEADERS


def test_counts_may_be_read_only_where_calls_are_counted():
    """Otherwise a rule that denies too many calls never would."""
    text = "decision if input.usage.caller.minute > 5"
    (found,) = violations(sources(text, settings=InputSettings(usage=False)))
    assert found.hint == "set policy.usage: true"


def test_settings_reach_the_trial():
    """It runs in another process."""
    text = "decision if input.attributes.request.http.headers.cookie"
    try_policy(sources(text, settings=InputSettings(("cookie",))))
    with pytest.raises(PolicyInvalid, match=re.escape("header field cookie is hidden from policy")):
        try_policy(sources(text))
