"""Where opa-envoy-plugin reads a request otherwise."""

import pytest

from extproc.model.call import Headers, RequestHead
from extproc.policy.contract.readings import has_last_empty_segment, may_be_read_otherwise, plugin_parses


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
