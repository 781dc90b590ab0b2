"""Which connection a Host header names."""

import pytest

from extproc.settings.hosts import find_host, host_problems

HOSTS = {
    "crm.example.com": "crm",
    "crm.example.com:8443": "crm-tls",
    "*.example.com": "all",
    "*.eu.example.com": "eu",
    "*.example.com:9000": "nine",
    "docs.test:*": "docs",
    "docs.test:99": "docs-99",
}


@pytest.mark.parametrize(
    ("authority", "owner"),
    [
        ("crm.example.com", "crm"),
        ("CRM.Example.com", "crm"),
        ("crm.example.com:8443", "crm-tls"),
        ("a.example.com", "all"),
        ("a.b.example.com", "all"),
        ("a.eu.example.com", "eu"),
        ("eu.example.com", "all"),
        ("a.eu.example.com:9000", "nine"),
        ("crm.example.com:9000", "nine"),
        ("docs.test:1", "docs"),
        ("docs.test:99", "docs-99"),
    ],
)
def test_the_exact_host_wins_then_the_longest_wildcard(authority, owner):
    assert find_host(HOSTS, authority) == owner


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "example.com",
        ".example.com",
        "a.example.com:1",
        "crm.example.com:84430",
        "crm.example.com.",
        "notexample.com",
        "evil.test,a.example.com",
        "evil.test:80@a.example.com",
        "evil.test/a.example.com",
        "evil.test\\a.example.com",
        "evil.test#.example.com",
        "\u212a.example.com",
        "\u0130.example.com",
        "a b.example.com",
        "a.example.com\n",
        "*.example.com",
        "docs.test",
        "docs.test:",
        "docs.test:*",
        "docs.test:80x",
        "docs.test:123456",
        "docs.test:80:80",
        "docs.test:80.example.com",
        "-.example.com",
        "[::1]",
    ],
)
def test_any_other_value_names_none(authority):
    """Above all none that only ends like a wildcard, nor a wildcard itself."""
    assert find_host(HOSTS, authority) is None


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("*.example.com:9000", "crm.example.com:*", 1),
        ("crm.example.com:*", "*.com:9000", 1),
        ("*.example.com", "crm.example.com:*", 0),
        ("*.example.com:9000", "crm.example.org:*", 0),
        ("*.example.com:9000", "example.com:*", 0),
        ("*.example.com", "*.eu.example.com", 0),
        ("*.example.com", "crm.example.com", 0),
        ("crm.example.com:*", "crm.example.com:80", 0),
    ],
)
def test_wildcards_of_which_neither_wins_are_refused(one, other, count):
    assert len(list(host_problems({one: "a", other: "b"}))) == count
    assert list(host_problems({one: "a", other: "a"})) == []
