"""Addresses that get no token, and to which no person is sent."""

import pytest

from extproc.console.afar.safe_address import console_origin, provider_url
from extproc.model.errors import ConfigError, ControlError

UNSAFE = (
    "http://approve.example.com",
    "http://10.0.0.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "ftp://approve.example.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "//approve.example.com",
    "approve.example.com",
    "https://",
    "https:///path",
    "https://user:secret@approve.example.com",
    "https://user@approve.example.com",
    "https://@approve.example.com",
    "https://approve.example.com:99999",
    "https://approve.example.com:0",
    "https://approve.example.com:x",
    "https://approve.example.com\\@evil.example",
    "https://approve.example.com\x1b[2J",
    "https://approve.example.com\n.evil.example",
    "https://approve.example.com/ x",
    "https://\u0430pprove.example.com",
    "https://approve\u202e.example.com",
    "https://" + "a" * 3_000,
    "",
)


@pytest.mark.parametrize("given", UNSAFE)
def test_unsafe_addresses_are_refused(given):
    with pytest.raises(ConfigError) as caught:
        console_origin(given)
    assert "secret" not in str(caught.value)
    with pytest.raises(ControlError):
        provider_url(given, "token_endpoint")


@pytest.mark.parametrize("given", [None, 1, ["https://a.example"], {"a": 1}, True])
def test_what_is_no_text_is_no_address(given):
    with pytest.raises(ControlError):
        provider_url(given, "token_endpoint")


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://approve.example.com", "https://approve.example.com"),
        ("https://Approve.Example.com:443/", "https://approve.example.com"),
        ("https://approve.example.com:8443", "https://approve.example.com:8443"),
        ("http://127.0.0.1:9901", "http://127.0.0.1:9901"),
        ("http://localhost:9901", "http://localhost:9901"),
        ("http://[::1]:9901", "http://[::1]:9901"),
    ],
)
def test_one_console_has_one_address(given, origin):
    """Sessions are kept under it."""
    assert str(console_origin(given)) == origin


@pytest.mark.parametrize("end", ["/path", "?a=b", "#a", "/approvals/1"])
def test_a_console_has_no_path(end):
    with pytest.raises(ConfigError, match="has a path"):
        console_origin(f"https://approve.example.com{end}")
