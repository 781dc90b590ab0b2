"""Texts that are compared with names of the input are found, however the comparison is written."""

import json

import pytest

from extproc.policy.contract.policy_sources import Module
from extproc.policy.regorus.evaluator import compile_checked, compile_modules
from extproc.policy.regorus.lint.literals import find_literals
from extproc.policy.regorus.lint.rego_module import Violations, read_modules


def found(text, *more):
    modules = [Module("t.rego", f"package t\n\n{text}"), *more]
    return find_literals(read_modules(json.loads(compile_modules(modules, {}).get_ast_as_json())))


def texts(text, *more):
    return {(each.kind.name, each.text) for each in found(text, *more).literals}


FUNCTION = {("FUNCTION", "a.b")}
WAYS = {
    'allow if input.call.function == "a.b"': FUNCTION,
    'allow if "a.b" == input.call.function': FUNCTION,
    'allow if input.call.function != "a.b"': FUNCTION,
    'allow if input.call.function = "a.b"': FUNCTION,
    'allow if not input.call.function == "a.b"': FUNCTION,
    'allow if input["call"]["function"] == `a.b`': FUNCTION,
    'allow if input.call.function in {"a.b"}': FUNCTION,
    'allow if input.call.function in ["a.b"]': FUNCTION,
    'allow if { x := {"a.b"}[input.call.function]; x }': FUNCTION,
    'allow if { x := "a.b"; input.call.function == x }': FUNCTION,
    'allow if {"a.b": 1}[input.call.function] > 0': FUNCTION,
    'allow if object.get({"a.b": 1}, input.call.function, 0) > 0': FUNCTION,
    'import input.call\n\nallow if call.function == "a.b"': FUNCTION,
    'import input.call.function as fn\n\nallow if fn == "a.b"': FUNCTION,
    'allow if { fn := input.call.function; fn == "a.b" }': FUNCTION,
    'allow if { c := input.call; fn := c.function; fn == "a.b" }': FUNCTION,
    'allow if { some x in ["a.b"]; x == input.call.function }': FUNCTION,
    'allow if every x in ["a.b"] { x != input.call.function }': FUNCTION,
    'allow if count([1 | input.call.function == "a.b"]) > 0': FUNCTION,
    'known := {"a.b"}\n\nallow if input.call.function in known': FUNCTION,
    'known := {"a.b"}\n\nallow if known[input.call.function]': FUNCTION,
    'known contains "a.b"\n\nallow if known[input.call.function]': FUNCTION,
    'known := {"a.b": 1}\n\nallow if known[input.call.function] == 1': FUNCTION,
    'known := "a.b"\n\nallow if input.call.function == known': FUNCTION,
    'known := {"a.b"}\n\nallow if input.call.function in data.t.known': FUNCTION,
    'x := 1 if input.call.function == "a.b"': FUNCTION,
    'x := 1 if false else := 2 if input.call.function == "a.b"': FUNCTION,
    'x := [1 | input.call.function == "a.b"]': FUNCTION,
    'x contains y if { y := 1; input.call.function == "a.b" }': FUNCTION,
    'f(x) := x if input.call.function == "a.b"': FUNCTION,
    'allow if startswith(input.call.function, "a.")': {("FUNCTION_BEGINNING", "a.")},
    'allow if input.call.name == "b"': {("CALL_NAME", "b")},
    'allow if input.connection.name == "a"': {("CONNECTION", "a")},
    'allow if input.connection.protocol == "mcp"': {("PROTOCOL", "mcp")},
    'allow if input.call.protocol == "mcp"': {("PROTOCOL", "mcp")},
    'allow if input.identity.issuer == "i"': {("ISSUER", "i")},
    'allow if input.findings[_].entity == "E"': {("ENTITY", "E")},
    'allow if input.findings[i].entity == "E"': {("ENTITY", "E")},
    'allow if input.findings[0].entity == "E"': {("ENTITY", "E")},
    'allow if { some f in input.findings; f.entity == "E" }': {("ENTITY", "E")},
    'allow if { f := input.findings[_]; f.entity in {"E"} }': {("ENTITY", "E")},
    'allow if every f in input.findings { f.entity != "E" }': {("ENTITY", "E")},
    'allow if { some f in input.response.findings; f.entity == "E" }': {("ENTITY", "E")},
    'decision := {"action": "allow", "mask": {"response": [{"entity": "E"}]}}': {("ENTITY", "E")},
    'masks := [{"entity": "E", "how": "redact"}]': {("ENTITY", "E")},
    'decision := {"action": "deny", "rule": "r"}': {("RULE", "r")},
}


@pytest.mark.parametrize("text", WAYS)
def test_each_way_to_compare_is_seen(text):
    assert texts(text) == WAYS[text]


NOT_NAMES = [
    'allow if input.call.arguments.function == "a.b"',
    'allow if input.identity.groups[_] == "a.b"',
    "allow if { input.call.function == x; x := input.call.arguments.y }",
    'allow if { x := input.call.function; count(x) > 1 } else if { x := input.call.arguments.y; x == "a.b" }',
    'allow if { x := input.call.arguments.y; x == "a.b" }\n\nallow if { x := input.call.function; count(x) > 1 }',
    'x := 1 if { f := input.call.function; count([1 | some [f, _] in input.call.arguments; f == "a.b"]) > 0 }',
    'known := {"a.b"}\n\nf(known) if input.call.function in known',
    'f(x) if x == "a.b"\n\nallow if f(input.call.arguments.y)',
    'allow if input.attributes.request.http.method in {"GET", "M-SEARCH", "PROPFIND"}',
    'allow if lower(input.attributes.request.http.method) == "get"',
    'allow if input.call.arguments.method == "get"',
    'allow if input.parsed_path == ["admin", "x"]',
    'allow if input.attributes.request.http.path == "/admin"',
    'allow if "/admin" in input.parsed_query.next',
    'decision := {"action": "log"}',
    'decision := {"action": "log", "level": "info"}',
    'x := {"path": "not a mask"}',
    'x := {"entity": "not a mask"}',
    'allow if input.call.function == concat(".", ["a", "b"])',
    'allow if "a.b" in input.identity.groups',
]


@pytest.mark.parametrize("text", NOT_NAMES)
def test_what_is_no_name_or_may_be_another_is_not_judged(text):
    seen = found(text)
    assert ([each for each in seen.literals if each.text == "a.b"], seen.violations) == ([], [])


def test_a_text_has_its_place():
    [one] = found('allow if {\n\tinput.call.function == "a.b"\n}').literals
    assert (one.file, one.line, one.column) == ("t.rego", 4, 29)


def test_a_rule_of_another_module_is_followed_to_its_place():
    other = Module("o.rego", 'package o\n\nknown := {"a.b"}')
    [one] = found("import data.o\n\nallow if input.call.function in o.known", other).literals
    assert (one.file, one.line) == ("o.rego", 3)
    assert texts("import data.o.known\n\nallow if input.call.function in known", other) == FUNCTION


def test_tests_may_compare_with_anything():
    test = Module("t_test.rego", 'package t_test\n\ntest_a if input.call.function == "a.b"')
    assert texts("allow := true", test) == set()


REFUSED = {
    'allow if input.direction == "respnse"': 'input.direction is never "respnse"; did you mean "response"?',
    'allow if input.direction != "Request"': 'input.direction is never "Request"; did you mean "request"?',
    'allow if input.direction in {"request", "lists"}': 'input.direction is never "lists"; did you mean "list"?',
    'allow if input.body.uninspectable == "not_json"': 'input.body.uninspectable is never "not_json"; did you mean "not-json"?',
    'allow if input.response.uninspectable == "stream"': 'input.response.uninspectable is never "stream"; did you mean "streamed"?',
    'decision := {"action": "dney", "reason": "policy-denied"}': 'no action is "dney"; did you mean "deny"?',
    'decision := {"action": "deny", "reason": "forbiden-argument"}': 'policy may not give the reason "forbiden-argument" for deny; did you mean "forbidden-argument"?',
    'decision := {"action": "hold", "reason": "policy-denied"}': 'policy may not give the reason "policy-denied" for hold',
    'decision := {"action": "allow", "reason": "approval-required"}': 'policy may not give the reason "approval-required" for allow',
    'decision := {"action": "allow", "mask": {"request": [{"path": "$.a", "how": "redcat"}]}}': 'no mask operator is "redcat"; did you mean "redact"?',
    'allow if input.attributes.request.http.method == "delete"': 'no HTTP method is "delete"',
    'allow if input.attributes.request.http.method in {"POST", "Delete"}': 'no HTTP method is "Delete"',
    'allow if input.attributes.request.http.method != "DELTE"': 'no HTTP method is "DELTE"; did you mean "DELETE"?',
    'allow if input.attributes.request.http.headers[":method"] == "get"': 'no HTTP method is "get"',
    'allow if input.parsed_path[0] == "/admin"': 'a segment of input.parsed_path never has a slash: "/admin"',
    'allow if input.parsed_path[_] == "a/b"': 'a segment of input.parsed_path never has a slash: "a/b"',
    'allow if "/admin" in input.parsed_path': 'a segment of input.parsed_path never has a slash: "/admin"',
    'allow if { some s in input.parsed_path; s in {"/admin"} }': "a segment of input.parsed_path never has a slash",
    'allow if input.parsed_path == ["/admin", "x"]': 'a segment of input.parsed_path never has a slash: "/admin"',
    'allow if input.parsed_path = ["/admin", _]': 'a segment of input.parsed_path never has a slash: "/admin"',
    'masks := [{"path": "$.a[", "how": "redact"}]': "path '$.a[': cannot read '['",
    'decision := {"action": "allow", "mask": {"request": [{"path": "a"}]}}': "path 'a': must begin with $",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_a_text_that_no_closed_list_has_is_refused(text):
    with pytest.raises(Violations) as refused:
        compile_checked((Module("t.rego", f"package t\n\n{text}"),), {})
    [one] = refused.value.found
    assert one.message.startswith(REFUSED[text])
    assert one.line == 3


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('allow if input.attributes.request.http.method == "delete"', 'methods are upper case: "DELETE"'),
        ('allow if input.parsed_path[0] == "/admin"', 'write "admin"'),
        ('allow if input.parsed_path[0] == "/admin/x"', "compare input.parsed_path[0], [1], … each"),
    ],
)
def test_the_hint_says_what_to_write(text, hint):
    [one] = found(text).violations
    assert one.hint == hint
