"""Which path names which operation."""

import pytest

from extproc.protocols.http_json.path_templates import (
    TemplateError,
    ambiguous,
    decode_segment,
    match,
    parse_template,
    split_path,
)


def matched(template, path):
    return match(parse_template(template), split_path(path))


@pytest.mark.parametrize(
    ("template", "path", "variables"),
    [
        ("/", "/", {}),
        ("/customers", "/customers", {}),
        ("/customers/{id}", "/customers/42", {"id": "42"}),
        ("/customers/{id}", "/customers/J%C3%BCrgen%20K", {"id": "Jürgen K"}),
        ("/customers/{id}/notes/{note-id}", "/customers/a:b@c/notes/7", {"id": "a:b@c", "note-id": "7"}),
        ("/with/slash/", "/with/slash/", {}),
    ],
)
def test_a_path_of_the_templates_form_matches(template, path, variables):
    assert matched(template, path) == variables


@pytest.mark.parametrize(
    "path",
    [
        "/customers",
        "/customers/",
        "/customers/42/",
        "//customers/42",
        "/customers//42",
        "/Customers/42",
        "/c%75stomers/42",
        "/customers/42/x",
        "customers/42",
        "",
        "*",
    ],
)
def test_nothing_else_matches(path):
    """No tolerance for slashes, case or escapes that a backend might or might not have."""
    assert matched("/customers/{id}", path) is None


@pytest.mark.parametrize(
    "segment",
    [
        "",
        ".",
        "..",
        "%2e%2E",
        ".%2e",
        "a%2Fb",
        "a%5cb",
        "a\\b",
        "a%00",
        "a%0a",
        "a%7F",
        "a%C2%85",
        "a;v=1",
        "a%3Bv=1",
        "%252e",
        "%25",
        "100%",
        "%zz",
        "%c3",
        "%ff",
        "ü",
        "a b",
        "a\tb",
        "a#b",
        "a%E2%80%A8b",
        "%C0%AF",
    ],
)
def test_a_variable_refuses_what_somebody_could_read_differently(segment):
    assert decode_segment(segment) is None


@pytest.mark.parametrize(
    "text",
    [
        "customers",
        "/a/{id}/{id}",
        "/a//b",
        "/a/{id",
        "/a/x{id}",
        "/a/{id}:do",
        "/a/../b",
        "/a?b",
        "/a/%20",
        "/{}",
        "/a;b",
    ],
)
def test_a_template_that_cannot_be_matched_strictly_is_an_error(text):
    with pytest.raises(TemplateError):
        parse_template(text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a/{x}", "/a/{y}", True),
        ("/a/b", "/a/b", True),
        ("/{x}/b", "/a/{y}", True),
        ("/a/{x}", "/a/b", False),
        ("/a/{x}", "/b/{x}", False),
        ("/a/{x}", "/a/", False),
        ("/a/{x}", "/a/{x}/c", False),
    ],
)
def test_two_templates_are_ambiguous_when_neither_is_more_specific(one, other, expected):
    assert ambiguous(parse_template(one), parse_template(other)) is expected
    assert ambiguous(parse_template(other), parse_template(one)) is expected
