"""VENDOR_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER

ENTITY = "VENDOR_KEY"
HEX = "3f8a9c1b7d2e4f60a5b6c7d8e9f01234"
UUID = "3f8a9c1b-7d2e-4f60-a5b6-c7d8e9f01234"
FOUND_IN_CONTEXT = [
    (HEX, "datadog_app_key"),
    (UUID, "HEROKU_KEY"),
    ("aB3dE5fG7hJ9kL1mN3pQ", "algoliaAdminKey"),
    (HEX + HEX, "linode_token"),
    (HEX, "mistral_key"),
    (HEX, "segment_write_key"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_IN_TEXT = [
    f'okta = "{HEX}"',
    f"FASTLY_KEY: {HEX}",
    f"# datadog\napp_key={HEX}",
    f"the Mixpanel secret {HEX}",
    f'Snyk.token := "{UUID}"',
    f'var snykToken string = "{UUID}"',
    f'System.setProperty("SNYK_TOKEN", "{UUID}")',
    f"<snykToken>\n        {UUID}\n</snykToken>",
    f"mixpanel {HEX}",
    f"mixpanel '{HEX}'",
]
NOT_FOUND = [
    ("github_commit", HEX),
    ("twilio_call_sid", "CA" + HEX),
    ("stripe_publishable_key", "pk_live_" + HEX),
    ("slack_team_id", "T0123456789A1B2C3D4E5"),
    ("heroku", UUID),
    ("heroku_app", UUID),
    ("shopify_next_page_token", HEX),
    ("datadog_trace_id", HEX),
    ("mapbox_key", "12345678901234567890"),
    ("mapbox_key", "short1a2"),
    ("primary_key", HEX),
    ("cloudflare_ray", HEX),
    ("gitlab_project_path", "group/project-2024-a1/sub"),
]
"""Keys, and values that are not entities under them."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_the_name_of_a_vendor(text, key):
    found = [match for match in ANALYZER.scan(text, lambda: key) if match.entity == ENTITY]
    assert found == [(0, len(text), ENTITY)]
    assert ANALYZER.scan(text, lambda: "order") == []


@pytest.mark.parametrize("text", FOUND_IN_TEXT)
def test_is_found_in_text(text):
    assert ENTITY in {match.entity for match in ANALYZER.scan(text)}


@pytest.mark.parametrize("value", [HEX + HEX[:8], HEX + HEX, UUID])
def test_a_digest_behind_a_vendors_name_stays(value):
    assert ANALYZER.scan(f"upgrade sentry {value}") == []


def test_the_vendor_may_be_the_key_above():
    assert ENTITY in {match.entity for match in ANALYZER.scan(HEX, lambda: "datadog\napp_key")}
    assert ANALYZER.scan(HEX, lambda: "orders\napp_key") == []


@pytest.mark.parametrize(("key", "text"), NOT_FOUND)
def test_is_not_found(key, text):
    assert ENTITY not in {match.entity for match in ANALYZER.scan(text, lambda: key)}
    assert ENTITY not in {match.entity for match in ANALYZER.scan(f"{key}: {text}")}
