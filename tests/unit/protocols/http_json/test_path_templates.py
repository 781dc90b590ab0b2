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
    segments = split_path(path)
    return None if segments is None else match(parse_template(template), segments)


@pytest.mark.parametrize(
    ("template", "path", "variables"),
    [
        ("/", "/", {}),
        ("/customers", "/customers", {}),
        ("/customers/{id}", "/customers/42", {"id": "42"}),
        ("/customers/{id}", "/customers/J%C3%BCrgen%20K", {"id": "Jürgen K"}),
        ("/customers/{id}/notes/{note-id}", "/customers/a:b@c/notes/7", {"id": "a:b@c", "note-id": "7"}),
        ("/with/slash/", "/with/slash/", {}),
        ("/with/slash/", "/with/slash", {}),
        ("/customers/{id}", "/customers/42/", {"id": "42"}),
        ("/**", "/", {"rest": ""}),
        ("/**", "/a", {"rest": "a"}),
        ("/**", "/a/J%C3%BCrgen/", {"rest": "a/Jürgen"}),
        ("/files/**", "/files", {"rest": ""}),
        ("/files/**", "/files/", {"rest": ""}),
        ("/files/{owner}/{file=**}", "/files/ada/x/y.txt", {"owner": "ada", "file": "x/y.txt"}),
    ],
)
def test_a_path_of_the_templates_form_matches(template, path, variables):
    assert matched(template, path) == variables


@pytest.mark.parametrize(
    "path",
    [
        "/customers",
        "/customers/",
        "/customers/42//",
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
    "path",
    ["", "*", "a", "/a//b", "//", "/a//", "/a/../b", "/a/%2e%2e/b", "/a;x/b", "/a%2Fb", "/a/%25", "/a/%zz", "/ü"],
)
def test_the_rest_of_a_path_refuses_what_somebody_could_read_differently(path):
    assert matched("/**", path) is None


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
        "/a/*",
        "/**/a",
        "/a**",
        "/a/{x}**",
        "/{rest}/**",
        "/{x}/{x=**}",
        "/{=**}",
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
        ("/a", "/a/", True),
        ("/**", "/a", False),
        ("/**", "/{x=**}", True),
        ("/a/**", "/a", False),
        ("/a/**", "/b/**", False),
        ("/a/**", "/{x}/**", False),
        ("/a/**", "/{x}/b", True),
        ("/a/**", "/{x}/b/**", True),
        ("/{x}/**", "/{x}/b/**", False),
        ("/a/b/**", "/a", False),
        ("/a/{x}", "/a/{x}/c", False),
    ],
)
def test_two_templates_are_ambiguous_when_neither_is_more_specific(one, other, expected):
    assert ambiguous(parse_template(one), parse_template(other)) is expected
    assert ambiguous(parse_template(other), parse_template(one)) is expected
