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


NARROW = UriPatterns(
    ["**", "file:///docs/**", "file:///docs/private/**", "file:///docs/key", "file:///docs/*", "db://users",
     "db://q?table=**", "https://internal/**", "https://h:8080/**",
     "file:///C:/keys/**"]
)  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "file:///docs/%70rivate/a", "file:///docs/%2570rivate/a", "file:///docs//private/a", "file:////docs/private/a",
        "file:/docs/private/a", "file://localhost/docs/private/a", "FILE:///docs/private/a", "file:///Docs/Private/a",
        "file:///docs/private./a", "file:///docs/private%20/a", "file:///docs/private%2fa", "file:///docs/%6bey",
        "file:///docs/key?", "file:///docs/key#x", "file:///docs/key/", "file:///docs/key%23x", "file:///docs/KEY",
        "file:///docs/a%2fb", "file:///docs/a%252fb", "file:///docs/\uff50rivate/a", "file:///docs/priv\u0130te/../a",
        "db://users?x=1", "db://users#x", "db://users/", "DB://users", "db://q?table=a%2f..%2fb", "db://q?%74able=a",
        "https://inter\u00adnal/a", "https://internal\ufe0f/a", "https://internal\u3002/a", "file:c|/keys/a", "file:///C|/keys/a", "file:c:/keys/a",
        "file:///c:/KEYS/a",
        "https://internal:443/a", "https://me@internal/a", "https://internal./a", "https://INTERNAL/a",
        "file:///docs/...%20/a", "file:///docs/\uff0e\uff0e/a", "file:///docs/\uff05\uff12e./a", "file:///docs/%ff/a",
    ],
)  # fmt: skip
def test_no_reader_takes_a_uri_for_one_that_a_longer_pattern_registers(uri):
    assert NARROW.match(uri) is None


@pytest.mark.parametrize(
    ("uri", "pattern"),
    [
        ("file:///docs/private/a%20b?x#y", "file:///docs/private/**"),
        ("file:///docs/key", "file:///docs/key"),
        ("file:///docs/keys", "file:///docs/*"),
        ("file:///docs/a/b", "file:///docs/**"),
        ("db://users", "db://users"),
        ("db://users/1", "**"),
        ("db://q?table=a/b", "db://q?table=**"),
        ("https://h:8080/a", "https://h:8080/**"),
        ("https://internal/a@b:1", "https://internal/**"),
        ("mailto:a@b.example", "**"),
        ("file:///C:/keys/a", "file:///C:/keys/**"),
        ("file:///D:/keys/a", "**"),
        ("note://क\u200dष/a", "**"),
    ],
)
def test_a_uri_that_all_readers_take_alike_matches_the_longest(uri, pattern):
    assert NARROW.match(uri) == pattern


def test_patterns_that_differ_only_for_exact_readers_are_both_meant():
    both = UriPatterns(["repo://README/**", "repo://readme/**", "repo://a%20b/**", "repo://v1.*", "repo://x/*/"])
    uris = ["repo://README/1", "repo://readme/1", "repo://a%20b/1", "repo://v1.2", "repo://x/1/"]
    assert [both.match(each) for each in uris] == [
        "repo://README/**", "repo://readme/**", "repo://a%20b/**", "repo://v1.*", "repo://x/*/",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["..", ".", "/", "%2e", "%2f", "%5c", "a", "%25", "\\", "docs"]), max_size=8))
def test_no_way_leads_out_of_a_folder(parts):
    uri = "file:///docs/" + "".join(parts)
    if DOCS.match(uri):
        assert not any(part in ("..", ".") for part in unquote(unquote(uri)).replace("\\", "/").split("/"))
