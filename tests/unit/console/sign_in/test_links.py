"""One-time links: for the bearer of a token, on loopback, once, for five minutes."""

import time

import httpx
import pytest

from tests.unit.console.served import served, token
from tests.unit.console.sign_in.console import form_of, own


@pytest.fixture
def ask(console, tmp_path):
    """Ask for a link over the unix socket, as ``extproc approvals open`` does."""

    def asked(*args, headers=None, **claims):
        claims = {"iss": console.provider.issuer, "aud": "tools", **claims}
        headers = headers or {"authorization": f"Bearer {token(*args, **claims)}"}
        with (
            served(console.local(), tmp_path / "c.sock") as path,
            httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://control") as client,
        ):
            answer = client.post("/api/sign-in-links", headers=headers)
        (tmp_path / "c.sock").unlink()
        return answer

    return asked


def use(console, browser, link):
    page = browser.get(link)
    assert page.status_code == 200, page.text
    return browser.post("/sign-in/link", data=form_of(page.text), headers=own(console))


def test_a_link_signs_its_person_in_once(console, browser, ask):
    answer = ask("bob", ["sre"])
    assert answer.status_code == 201
    link = answer.json()["url"]
    assert link.startswith(f"{console.url}/sign-in/link?secret=")
    assert "Sign in as bob" in browser.get(link).text
    assert use(console, browser, link).headers["location"] == "/"
    shown = browser.get("/").json()
    assert (shown["subject"], shown["roles"], shown["by_link"]) == ("bob", ["approver"], True)
    with console.browser() as thief:
        assert thief.get(link).status_code == 403
        secret = {"secret": link.partition("=")[2]}
        assert thief.post("/sign-in/link", data=secret, headers=own(console)).status_code == 403
        assert thief.get("/").status_code == 303


def test_looking_at_a_link_uses_nothing_up(console, browser, ask):
    """Browsers and messengers open links in advance."""
    link = ask().json()["url"]
    for _ in range(3):
        assert browser.get(link).status_code == 200
    assert use(console, browser, link).status_code == 303


def test_a_link_works_for_five_minutes(console, browser, ask):
    link = ask().json()["url"]
    console.clock.moved_s = 299
    assert browser.get(link).status_code == 200
    console.clock.moved_s = 301
    assert browser.get(link).status_code == 403
    answer = browser.post("/sign-in/link", data={"secret": link.partition("=")[2]}, headers=own(console))
    assert answer.status_code == 403
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"act": {"sub": "agent-7"}}, 403, "agent"),
        ({"aud": "another"}, 401, "token-rejected"),
        ({"exp": 1}, 401, "unauthenticated"),
        ({"iss": "https://evil.example"}, 401, "token-rejected"),
    ],
)
def test_an_agent_and_strangers_get_no_link(ask, claims, status, reason):
    answer = ask(**claims)
    assert answer.json()["reason"] == reason
    assert answer.status_code in {status, 403}


def test_without_a_token_there_is_no_link(console, ask):
    """Not even for the user who may open the socket: a session needs a person."""
    assert ask(headers={"accept": "*/*"}).status_code == 401
    assert httpx.post(f"{console.url}/api/sign-in-links", trust_env=False).status_code == 404


@pytest.mark.parametrize("listen", ["10.0.0.1:9901", "unix:/tmp/console.sock", None])
def test_a_console_that_is_not_on_loopback_makes_no_links(console, ask, listen):
    more = {} if listen else {"public_url": None, "sign_in": None}
    console.configure(listen=listen, **more)
    answer = ask()
    assert (answer.status_code, answer.json()["reason"]) == (409, "not-local")


def test_a_link_does_not_work_through_a_proxy(console, browser, ask):
    """Neither under the public name, nor for a client that is elsewhere."""
    console.configure(public_url="https://approvals.example.com")
    link = ask().json()["url"]
    path = link.removeprefix(console.url)
    assert browser.get(path, headers={"host": "approvals.example.com"}).status_code == 403
    assert browser.get(path, headers={"x-forwarded-for": "10.0.0.1"}).status_code == 403
    assert browser.get(path).status_code == 200


def test_another_site_cannot_use_a_link_in_somebodys_browser(console, browser, ask):
    secret = {"secret": ask().json()["url"].partition("=")[2]}
    for headers in ({}, {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert browser.post("/sign-in/link", data=secret, headers=headers).status_code == 403
    assert browser.post("/sign-in/link", data=secret, headers=own(console)).status_code == 303


def test_a_session_of_a_link_ends_with_the_token(console, browser, ask):
    link = ask(exp=int(time.time()) + 200).json()["url"]
    use(console, browser, link)
    console.clock.moved_s = 190
    assert browser.get("/").status_code == 200
    console.clock.moved_s = 201
    assert browser.get("/").status_code == 303


def test_the_provider_and_sign_out_end_sessions_of_links_too(console, browser, ask, provider):
    for end in ("provider", "sign-out"):
        use(console, browser, ask("maya").json()["url"])
        csrf = browser.get("/").json()["csrf"]
        if end == "provider":
            form = {"logout_token": provider.logout_token(sid=None)}
            httpx.post(f"{console.url}/sign-in/back-channel-logout", data=form, trust_env=False)
        else:
            answer = browser.post("/sign-out", data={"csrf": csrf}, headers=own(console))
            assert "refresh" not in answer.text
        assert browser.get("/").status_code == 303


def test_a_provider_that_is_removed_ends_them(console, browser, ask):
    use(console, browser, ask().json()["url"])
    console.configure(approver_providers=["another"])
    assert browser.get("/").status_code == 303


def test_a_secret_of_a_link_is_not_stored(console, ask):
    secret = ask().json()["url"].partition("=")[2]
    kept = b"".join(each.read_bytes() for each in console.folder.glob("sessions.db*"))
    assert secret.encode() not in kept
