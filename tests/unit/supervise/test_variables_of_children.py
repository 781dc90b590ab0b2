"""Secrets in environment variables reach the process that needs them, and no other."""

import pytest

from extproc.config.configuration import Configuration
from extproc.config.load import load_settings
from extproc.supervise import children
from tests.unit.settings.one_mcp_connection import FILE


@pytest.fixture
def withheld(tmp_path, monkeypatch):
    """Variables that are kept from each process, by its name."""
    (tmp_path / "extproc.yaml").write_text(
        FILE + "    credential: {env: DOCS_TOKEN}\nnotifications: {targets: {mail: {apprise: {env: MAIL_URL}}}}\n"
    )
    monkeypatch.setattr(children, "envoy_binary", lambda: "/envoy")
    configuration = Configuration(load_settings(tmp_path / "extproc.yaml"), "0" * 64, tmp_path / "extproc.yaml")
    return {each.name: each.without for each in children.make_children(configuration)}


def test_a_url_of_apprise_is_for_control_alone(withheld):
    assert "MAIL_URL" not in withheld["control"]
    assert "MAIL_URL" in withheld["worker-0"]
    assert "MAIL_URL" in withheld["envoy"]


def test_a_backends_credential_is_for_workers_alone(withheld):
    assert "DOCS_TOKEN" not in withheld["worker-0"]
    assert "DOCS_TOKEN" in withheld["control"]
    assert "DOCS_TOKEN" in withheld["envoy"]
