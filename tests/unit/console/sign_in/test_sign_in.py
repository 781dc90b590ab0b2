"""Sign-in at a provider: what a browser and the provider say decides whether a session begins."""

import json
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.console.served import EC, RSA
from tests.unit.console.sign_in.console import through_the_provider
from tests.unit.console.sign_in.provider import CLIENT, SECRET


def test_a_person_signs_in_and_comes_back_to_the_page(console, browser):
    """From a page to the provider and back, with roles from groups."""
    console.configure(roles={"auditor": ["sre"]})
    answer = browser.get("/")
    assert answer.headers["location"] == "/sign-in?next=%2F"
    page = browser.get("/sign-in?next=%2Fwatch")
    assert 'href="/sign-in/start?next=%2Fwatch"' in page.text
    answer = through_the_provider(browser, "/sign-in/start?next=%2Fwatch")
    assert (answer.status_code, answer.headers["location"]) == (303, "/watch")
    shown = browser.get("/").json()
    assert shown["subject"] == "maya"
    assert shown["groups"] == ["sre"]
    assert shown["roles"] == ["approver", "auditor"]
    assert shown["name"] == "maya@example.com"
    assert shown["source"] == "console 127.0.0.1"


def test_the_request_to_the_provider_is_bound_to_this_sign_in(console, browser, provider):
    """Code flow, PKCE with S256, state and nonce; the client shows its secret to the provider alone."""
    target = browser.get("/sign-in/start").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid"
    assert asked["redirect_uri"] == f"{console.url}/sign-in/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    again = browser.get("/sign-in/start").headers["location"]
    assert asked["state"] not in again
    through_the_provider(browser)
    assert provider.asked[-1]["authorization"].startswith("Basic ")
    assert SECRET not in target + json.dumps(provider.codes)


def test_a_public_client_sends_no_secret(console, browser, provider):
    sign_in = {"provider": "corp", "client_id": CLIENT}
    console.configure(sign_in=sign_in)
    assert through_the_provider(browser).headers["location"] == "/"
    assert provider.asked[-1]["authorization"] == ""
    assert provider.asked[-1]["client_id"] == CLIENT


def refused(browser, status=403):
    answer = through_the_provider(browser)
    assert answer.status_code == status, answer.text
    assert "extproc-session" not in browser.cookies
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "tools"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"exp": -3_600},
        {"exp": None},
        {"nbf": 36_000},
        {"iat": 36_000},
        {"iat": None},
        {"sub": None},
        {"sub": "a\nb"},
        {"groups": {"a": 1}},
        {"act": {"sub": "agent-7"}},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
    ids=json.dumps,
)
def test_an_id_token_for_something_else_signs_nobody_in(browser, provider, claims):
    """Times are in seconds from now."""
    now = {name: time.time() for name in ("exp", "nbf", "iat") if isinstance(claims.get(name), int)}
    provider.claims = {name: value + now[name] if name in now else value for name, value in claims.items()}
    refused(browser)


def test_an_id_token_for_several_clients_must_be_given_to_this_one(browser, provider):
    provider.claims = {"aud": [CLIENT, "another-client"], "azp": CLIENT}
    assert through_the_provider(browser).headers["location"] == "/"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"algorithm": "none"}, "no signature"),
        ({"algorithm": "HS256", "key": b"k" * 32}, "a shared secret"),
        ({"key": EC, "algorithm": "ES256"}, "another key than the one that it names"),
        ({"header": {"crit": ["x"], "x": 1}}, "an unknown extension"),
        ({"header": {"kid": "gone"}}, "an unknown key"),
    ],
)
def test_an_id_token_without_the_providers_signature_signs_nobody_in(browser, provider, changes, why):
    for name, value in changes.items():
        setattr(provider, name, value)
    refused(browser)


def test_a_public_key_is_no_shared_secret(browser, provider):
    """The key confusion of HS256 with the published key."""
    public = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    provider.algorithm, provider.key = "HS256", public
    refused(browser)


def test_a_token_response_without_an_id_token_signs_nobody_in(browser, provider):
    provider.tokens = {"id_token": None}
    refused(browser)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"iss": "https://evil.example"}, 400),
        ({"iss": ""}, 400),
        ({"state": "x" * 43}, 400),
        ({"state": ""}, 400),
        ({"state": "ä"}, 400),
        ({"code": ""}, 403),
        ({"code": "invented"}, 403),
        ({"error": "access_denied", "error_description": "<script>canary</script>"}, 403),
        ({"code": "c" * 5_000}, 400),
    ],
    ids=lambda each: json.dumps(each)[:40],
)
def test_an_answer_that_is_not_the_providers_signs_nobody_in(browser, provider, answer, status):
    provider.answer = answer
    refused(browser, status)
    assert "canary" not in through_the_provider(browser).text


def test_a_parameter_that_comes_twice_signs_nobody_in(browser):
    target = browser.get(browser.get("/sign-in/start").headers["location"]).headers["location"]
    assert browser.get(f"{target}&state=x").status_code == 400


def test_a_provider_without_the_parameter_iss_may_leave_it_out(browser, provider):
    """RFC 9207: it is required only from providers that announce it."""
    provider.metadata = {"authorization_response_iss_parameter_supported": False}
    provider.answer = {"iss": ""}
    assert through_the_provider(browser).headers["location"] == "/"


def test_a_sign_in_ends_once_and_in_time(console, browser):
    """Neither the answer said again, nor one that comes too late, nor one in another browser begins a session."""
    target = browser.get(browser.get("/sign-in/start").headers["location"]).headers["location"]
    with console.browser() as thief:
        assert thief.get(target).status_code == 400
    attempt = {"extproc-sign-in": browser.cookies["extproc-sign-in"]}
    console.clock.moved_s = 601
    with console.browser(cookies=attempt) as late:
        assert late.get(target).status_code == 400
    console.clock.moved_s = 0
    assert browser.get(target).status_code == 400, "a late answer uses the attempt up"
    assert through_the_provider(browser).headers["location"] == "/"


def test_a_clock_that_was_set_back_ends_a_sign_in(console, browser):
    target = browser.get(browser.get("/sign-in/start").headers["location"]).headers["location"]
    console.clock.moved_s = -3_600
    assert browser.get(target).status_code == 400


@pytest.mark.parametrize(
    ("refuse", "status", "answer"),
    [
        ("invalid_grant", 400, 403),
        ("invalid_client", 401, 503),
        ("server_error", 500, 503),
        ("slow_down", 429, 503),
    ],
)
def test_a_refusal_and_no_answer_are_told_apart(browser, provider, refuse, status, answer):
    provider.refuse, provider.status = refuse, status
    refused(browser, answer)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 7},
    ],
    ids=json.dumps,
)
def test_a_discovery_document_of_somebody_else_is_not_used(browser, provider, metadata):
    provider.metadata = metadata
    answer = through_the_provider(browser)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_a_provider_that_is_down_signs_nobody_in(browser, provider):
    provider.down = True
    assert browser.get("/sign-in/start").status_code == 503


def test_a_secret_that_cannot_be_read_signs_nobody_in(console, browser):
    (console.folder / "secret").unlink()
    assert browser.get("/sign-in/start").status_code == 503


def test_without_a_provider_the_page_names_the_command(console, browser):
    console.configure(sign_in=None)
    page = browser.get("/sign-in")
    assert "extproc approvals open" in page.text
    assert "/sign-in/start" not in page.text
    assert browser.get("/sign-in/start").status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "/\tevil",
        "/%0d",
        "javascript:1",
        "/ä",
        "",
    ],
)
def test_a_sign_in_leads_to_no_other_site(browser, target):
    """Open redirects: only a path that begins with one slash is gone to."""
    answer = browser.get("/sign-in", params={"next": target})
    led = re.search(r'href="/sign-in/start\?next=([^"]*)"', answer.text).group(1)
    assert led == ("%2F%250d" if target == "/%0d" else "%2F")
    answer = through_the_provider(browser, f"/sign-in/start?{urlencode({'next': target})}")
    location = answer.headers["location"]
    assert location in {"/", "/%0d"}


def test_the_store_and_the_log_hold_no_secret(console, browser, provider, caplog):
    """Neither cookies, nor codes, nor the provider's tokens can be read from the store."""
    through_the_provider(browser)
    browser.get("/")
    cookie = browser.cookies["extproc-session"]
    kept = b"".join(each.read_bytes() for each in console.folder.glob("sessions.db*"))
    for secret in (cookie, *provider.refresh_tokens, "canary-access-token", SECRET, provider.asked[0]["code"]):
        assert secret.encode() not in kept
        assert secret not in caplog.text
    assert b"eyJ" not in kept, "no JWT"
    assert (console.folder / "sessions.db").stat().st_mode & 0o777 == 0o600
