"""URIs match a pattern only where every reader takes them for what they say."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.protocols.mcp.patterns import UriPatterns

DOCS = UriPatterns(["file:///docs/**", "file:///docs/public/*", "test://t/*/data", "config://app"])


@pytest.mark.parametrize(
    ("uri", "pattern"),
    [
        ("config://app", "config://app"),
        ("file:///docs/a.md", "file:///docs/**"),
        ("file:///docs/", "file:///docs/**"),
        ("file:///docs/a/b/c.md?x=1#y", "file:///docs/**"),
        ("file:///docs/a%20b.md", "file:///docs/**"),
        ("file:///docs/ä.md", "file:///docs/**"),
        ("file:///docs/..a/b..", "file:///docs/**"),
        ("file:///docs/public/a", "file:///docs/public/*"),
        ("file:///docs/public/a/b", "file:///docs/**"),
        ("test://t/7/data", "test://t/*/data"),
        ("test://t/{id}/data", "test://t/*/data"),
    ],
)
def test_the_longest_pattern_that_matches_counts(uri, pattern):
    assert DOCS.match(uri) == pattern


@pytest.mark.parametrize(
    "uri",
    [
        "file:///docs", "FILE:///docs/a", "file:///etc/passwd", "config://app/", "config://App", "test://t/a/b/data",
        "file:///docs/../etc/passwd", "file:///docs/a/..", "file:///docs/./a", "file:///docs/%2e%2e/etc",
        "file:///docs/%2E./etc", "file:///docs/%252e%252e/etc", "file:///docs/..%2fetc", "file:///docs/..;x/etc",
        "file:///docs/..\\etc", "file:///docs/..%5cetc", "file:///docs/a\x00b", "file:///docs/a%00b",
        "file:///docs/a b", "file:///docs/a\n", "file:///docs/%" + "25" * 9 + "2e", "file:///docs/a?p=/../b", "",
    ],
)  # fmt: skip
def test_a_uri_with_two_readings_matches_nothing(uri):
    assert DOCS.match(uri) is None


@given(st.lists(st.sampled_from(["..", ".", "/", "%2e", "%2f", "%5c", "a", "%25", "\\", "docs"]), max_size=8))
def test_no_way_leads_out_of_a_folder(parts):
    uri = "file:///docs/" + "".join(parts)
    if DOCS.match(uri):
        assert not any(part in ("..", ".") for part in unquote(unquote(uri)).replace("\\", "/").split("/"))
