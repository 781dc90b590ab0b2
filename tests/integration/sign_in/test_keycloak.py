"""Sign-in with a real Keycloak: through its login pages, and against its word about people and sessions."""

import html
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.integration.sign_in.browsing import enter, login_page, sign_in
from tests.integration.support.keycloak import API_AUDIENCE, CLI_CLIENT, PASSWORDS
from tests.unit.console.sign_in.console import form_of, own

RECHECK_S = 1.0


@pytest.fixture
def browser(console):
    with console.browser(timeout=60) as made:
        yield made


def test_people_sign_in_with_their_groups_as_roles(keycloak, console):
    console.configure(roles={"approver": ["sre", "dba"], "auditor": ["audit"]})
    for person, groups, roles in (
        ("maya", ["sre"], ["approver"]),
        ("omar", ["dba", "sre"], ["approver"]),
        ("noor", ["audit"], ["auditor"]),
    ):
        with console.browser(timeout=60) as browser:
            back = sign_in(browser, person)
            assert (back.status_code, back.headers["location"]) == (303, "/")
            shown = browser.get("/").json()
            assert sorted(shown["groups"]) == groups
            assert shown["roles"] == roles
            assert shown["name"] == person
            assert shown["subject"] == keycloak.user_id(person)


def test_a_wrong_password_signs_nobody_in(browser):
    answer = enter(browser, login_page(browser), "maya", "wrong")
    assert answer.status_code == 200
    assert browser.get("/").status_code == 303


def test_the_login_is_bound_to_browser_and_attempt(console, browser):
    """Another browser cannot end a sign-in; a changed state, and a code that was used, sign nobody in."""
    answer = enter(browser, login_page(browser), "maya")
    target = urlsplit(answer.headers["location"])
    given = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert given["iss"] == console.provider.issuer
    with console.browser() as thief:
        assert thief.get(answer.headers["location"]).status_code == 400
    wrong = f"{console.url}{target.path}?{urlencode({**given, 'state': 'x' * 43})}"
    assert browser.get(wrong).status_code == 400
    kept = dict(browser.cookies)
    assert browser.get(answer.headers["location"]).status_code == 303
    with console.browser(cookies=kept) as again:
        assert again.get(answer.headers["location"]).status_code == 400, "a sign-in ends once"
        assert again.get("/").status_code == 303


def test_a_code_cannot_be_redeemed_in_another_sign_in(console, browser):
    """A stolen code, put into the thief's own sign-in: PKCE and the nonce bind it to the victim's."""
    answer = enter(browser, login_page(browser), "maya")
    stolen = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    with console.browser(timeout=60) as thief:
        start = thief.get("/sign-in/start")
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        query = urlencode({"code": stolen, "state": state, "iss": console.provider.issuer})
        assert thief.get(f"/sign-in/callback?{query}").status_code == 403
        assert thief.get("/").status_code == 303


def test_tokens_of_calls_and_of_the_console_are_kept_apart(keycloak, console, browser):
    """The console's cookie opens no API; a token for calls opens no page; an ID token is none for calls."""
    assert sign_in(browser, "maya").status_code == 303
    assert browser.get("/api/approvals").status_code == 401
    form = {
        "grant_type": "password",
        "client_id": CLI_CLIENT,
        "username": "maya",
        "password": PASSWORDS["maya"],
        "scope": "openid",
    }
    tokens = httpx.post(f"{keycloak.issuer}/protocol/openid-connect/token", data=form, trust_env=False).json()
    settings = console.settings()
    provider = settings.identity.providers["corp"].model_copy(update={"audiences": [API_AUDIENCE]})
    from extproc.console.authenticator import Authenticator
    from extproc.model.errors import Refused

    authenticator = Authenticator({"corp": provider}, console.clock)
    assert authenticator.identify(tokens["access_token"]).groups == ("sre",)
    with pytest.raises(Refused, match=r"jwt\.aud"):
        authenticator.identify(tokens["id_token"])
    with console.browser(headers={"authorization": f"Bearer {tokens['access_token']}"}) as program:
        assert program.get("/").status_code == 401


def test_the_session_ends_when_a_disabled_persons_refresh_is_refused(keycloak, console, browser):
    console.configure(session={"recheck": RECHECK_S})
    assert sign_in(browser, "noor").status_code == 303
    time.sleep(RECHECK_S + 0.1)
    assert browser.get("/").status_code == 200, "the provider confirms the session"
    keycloak.change_user("noor", enabled=False)
    try:
        time.sleep(RECHECK_S + 0.1)
        assert browser.get("/").status_code == 303
        keycloak.change_user("noor", enabled=True)
        assert browser.get("/").status_code == 303, "it stays ended"
    finally:
        keycloak.change_user("noor", enabled=True)


def test_groups_follow_the_provider_at_the_next_refresh(keycloak, console, browser):
    console.configure(session={"recheck": RECHECK_S}, roles={"auditor": ["audit"]})
    assert sign_in(browser, "omar").status_code == 303
    assert browser.get("/").json()["roles"] == ["approver"]
    user = keycloak.user_id("omar")
    groups = keycloak.admin("GET", f"/{keycloak.realm}/groups").json()
    audit = next(each["id"] for each in groups if each["name"] == "audit")
    keycloak.admin("PUT", f"/{keycloak.realm}/users/{user}/groups/{audit}")
    try:
        time.sleep(RECHECK_S + 0.1)
        assert "auditor" in browser.get("/").json()["roles"]
    finally:
        keycloak.admin("DELETE", f"/{keycloak.realm}/users/{user}/groups/{audit}")


def test_a_logout_at_the_provider_ends_sessions_at_once(keycloak, console, browser):
    """OpenID Connect Back-Channel Logout, sent by Keycloak itself."""
    assert sign_in(browser, "maya").status_code == 303
    assert browser.get("/").status_code == 200
    keycloak.log_out("maya")
    deadline = time.monotonic() + 10
    while browser.get("/").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_person_signs_out_here_and_at_the_provider(console, browser):
    """Sign-out leads to Keycloak and back; the next sign-in asks for the password again."""
    assert sign_in(browser, "maya").status_code == 303
    page = browser.get("/sign-out")
    answer = browser.post("/sign-out", data=form_of(page.text), headers=own(console))
    assert answer.status_code == 200
    target = html.unescape(re.search(r'content="0; url=([^"]+)"', answer.text).group(1))
    assert target.startswith(console.provider.issuer)
    assert browser.get("/").status_code == 303
    back = browser.get(target)
    assert (back.status_code, back.headers["location"]) == (302, f"{console.url}/sign-in")
    login_page(browser)


def test_sign_out_everywhere_ends_the_persons_other_sessions_alone(console, browser):
    assert sign_in(browser, "maya").status_code == 303
    with console.browser(timeout=60) as other, console.browser(timeout=60) as colleague:
        assert sign_in(other, "maya").status_code == 303
        assert sign_in(colleague, "omar").status_code == 303
        csrf = browser.get("/").json()["csrf"]
        answer = browser.post("/sign-out/everywhere", data={"csrf": csrf}, headers=own(console))
        assert answer.status_code == 200
        assert other.get("/").status_code == 303
        assert colleague.get("/").status_code == 200
