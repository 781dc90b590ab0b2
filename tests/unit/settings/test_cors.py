"""Origins of web applications: as browsers send them, each by name."""

from pathlib import Path

import pytest

from extproc.model.errors import ConfigError
from tests.unit.settings.one_mcp_connection import FILE, load

GOOD = f"""{FILE}    session_header: x-conversation
    cors:
      origins: [https://app.test, "http://localhost:6274", "http://[::1]:6274", "vscode-webview://0a"]
"""


def test_pages_of_these_origins_may_use_mcp(tmp_path: Path) -> None:
    rules = load(tmp_path, GOOD).browser_rules
    assert rules.origins == (
        "https://app.test",
        "http://localhost:6274",
        "http://[::1]:6274",
        "vscode-webview://0a",
    )
    assert "x-conversation" in rules.sent
    assert "mcp-session-id" in rules.read


def test_without_the_setting_no_page_may_call(tmp_path: Path) -> None:
    rules = load(tmp_path, GOOD.partition("    cors:")[0]).browser_rules
    assert rules.origins == ()


@pytest.mark.parametrize(
    ("wrong", "line", "says"),
    [
        ("origins: ['*']", 11, "* and null are not accepted"),
        ("origins: ['null']", 11, "* and null are not accepted"),
        ("origins: ['https://*.app.test']", 11, "https://app.example.com"),
        ("origins: [app.test]", 11, "https://app.example.com"),
        ("origins: [https://app.test/]", 11, "without a path"),
        ("origins: [https://App.test]", 11, "https://app.example.com"),
        ("origins: ['https://app.test:443']", 11, "browsers leave the port 443 of https out"),
        ("origins: ['http://app.test:80']", 11, "browsers leave the port 80 of http out"),
        ("origins: ['https://app.test:65536']", 11, "a port is at most 65535"),
        ("origins: ['https://app.test, https://b.test']", 11, "https://app.example.com"),
        ('origins: ["https://app.test\\r\\nx: 1"]', 11, "https://app.example.com"),
        ("origins: []", 11, "origins"),
        ("origin: [https://app.test]", 11, "origins"),
        ("origins: [https://app.test]\n      credentials: true", 12, "credentials"),
        ("origins: [https://app.test]\n      allow_credentials: true", 12, "allow_credentials"),
    ],
)
def test_a_mistake_has_its_line_and_what_to_write(tmp_path: Path, wrong: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as found:
        load(tmp_path, GOOD.partition("origins:")[0] + wrong + "\n")
    assert says in str(found.value)
    assert f"extproc.yaml:{line}:" in str(found.value)
