"""Where clients sign in: only what a client can use, and nothing that changes a header field or a document."""

import json
from pathlib import Path

import pytest

from extproc.model.errors import ConfigError
from extproc.settings.protected_resource import ProtectedResource
from tests.unit.settings.one_mcp_connection import FILE, load

GOOD = f"""{FILE}    protected_resource:
      resource: https://docs.test/mcp
      authorization_servers: [https://i.test]
"""


def resource(url: str) -> ProtectedResource:
    return ProtectedResource(resource=url, authorization_servers=["https://i.test"])


@pytest.mark.parametrize(
    ("url", "paths", "metadata"),
    [
        ("https://docs.test/mcp", ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"),
         "https://docs.test/.well-known/oauth-protected-resource/mcp"),
        ("https://docs.test:8443/a/b/", ("/.well-known/oauth-protected-resource/a/b/",
         "/.well-known/oauth-protected-resource"),
         "https://docs.test:8443/.well-known/oauth-protected-resource/a/b/"),
        ("https://docs.test/", ("/.well-known/oauth-protected-resource",),
         "https://docs.test/.well-known/oauth-protected-resource"),
        ("http://127.0.0.1:10000", ("/.well-known/oauth-protected-resource",),
         "http://127.0.0.1:10000/.well-known/oauth-protected-resource"),
    ],
)  # fmt: skip
def test_the_metadata_is_where_rfc_9728_has_it(url: str, paths: tuple[str, ...], metadata: str) -> None:
    made = resource(url)
    assert made.metadata_paths == paths
    assert made.challenge == f'Bearer resource_metadata="{metadata}"'


def test_the_metadata_says_no_more_than_the_settings() -> None:
    assert json.loads(resource("https://docs.test/mcp").metadata()) == {
        "resource": "https://docs.test/mcp",
        "authorization_servers": ["https://i.test"],
        "bearer_methods_supported": ["header"],
    }


def test_a_good_file_loads(tmp_path: Path) -> None:
    assert [(rule.method, rule.needed) for rule in load(tmp_path, GOOD).token_rules] == [
        ("GET", False),
        ("HEAD", False),
    ] * 2


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("resource: https", "resources: https", 10, "resource"),
        ("authorization_servers:", "authorization_server:", 11, "authorization_servers"),
        ("[https://i.test]\n", "[]\n", 11, "authorization_servers"),
        ("https://docs.test/mcp", "https://docs.test/other", 10, "the path of this URL is '/other'"),
        ("https://docs.test/mcp", "https://docs.test", 10, "the path of this URL is '/'"),
        ("https://docs.test/mcp", "http://docs.test/mcp", 10, "must begin with https://"),
        ("https://docs.test/mcp", "'https://docs.test/mcp?a=1'", 10, "https://docs.example.com/mcp"),
        ("https://docs.test/mcp", "'https://docs.test/mcp#a'", 10, "https://docs.example.com/mcp"),
        ("https://docs.test/mcp", "https://u@docs.test/mcp", 10, "https://docs.example.com/mcp"),
        ("https://docs.test/mcp", "docs.test/mcp", 10, "https://docs.example.com/mcp"),
        ("https://docs.test/mcp", "'https://docs.test/mcp\", x=\"'", 10, "https://docs.example.com/mcp"),
        ("https://docs.test/mcp", '"https://docs.test/mcp\\r\\nx: 1"', 10, "https://docs.example.com/mcp"),
        ("[https://i.test]\n", "[http://i.test]\n", 11, "must begin with https://"),
        ("[https://i.test]\n", "[https://i.test]\n      scopes_supported: ['a b']\n", 12, "the name of a scope"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_what_to_write(
    tmp_path: Path, before: str, after: str, line: int, says: str
) -> None:
    assert before in GOOD
    with pytest.raises(ConfigError) as found:
        load(tmp_path, GOOD.replace(before, after))
    assert says in str(found.value)
    assert f"extproc.yaml:{line}:" in str(found.value)
