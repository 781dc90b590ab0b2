"""The life of a session: bound to its cookie, its address and the provider's word, and ended in time."""

import threading

import httpx
import pytest

from extproc.console.sign_in.cookie_secrets import fingerprint
from extproc.console.sign_in.session_store import MOST_PER_PERSON
from tests.unit.console.sign_in.console import form_of, own, through_the_provider


@pytest.fixture
def signed_in(browser):
    assert through_the_provider(browser).headers["location"] == "/"
    assert browser.get("/").status_code == 200
    return browser


def is_in(browser):
    answer = browser.get("/")
    assert answer.status_code in {200, 303}, answer.text
    return answer.status_code == 200


def test_a_cookie_that_an_attacker_set_becomes_no_session(console, browser):
    """Session fixation: the id is new at each sign-in, and a former session of the browser ends."""
    planted = "A" * 43
    browser.cookies.set("extproc-session", planted, domain="127.0.0.1", path="/")
    through_the_provider(browser)
    first = browser.cookies.get("extproc-session", domain="127.0.0.1", path="/")
    assert first != planted
    through_the_provider(browser)
    assert is_in(browser)
    for old in (planted, first):
        with console.browser(cookies={"extproc-session": old}) as attacker:
            assert not is_in(attacker)


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 44, "ä" * 43, "' OR 1=1 --", "A" * 10_000])
def test_an_invented_cookie_opens_nothing(console, browser, cookie):
    with console.browser() as attacker:
        answer = attacker.get("/", headers={"cookie": f"extproc-session={cookie}".encode()})
        assert answer.status_code == 303


def test_the_id_in_the_store_opens_nothing(console, signed_in):
    """Somebody who reads the store cannot use what is there."""
    stored = console.store.get(fingerprint(signed_in.cookies["extproc-session"]))
    with console.browser(cookies={"extproc-session": stored.session_id}) as thief:
        assert not is_in(thief)


def test_an_idle_session_ends_and_requests_of_scripts_keep_none_alive(console, signed_in):
    console.configure(session={"idle": 100, "longest": 1_000, "recheck": 10_000})
    console.provider.lasts_s = 100_000
    through_the_provider(signed_in)
    for moved in (90, 180):
        console.clock.moved_s = moved
        assert is_in(signed_in)
    console.clock.moved_s = 270
    assert signed_in.get("/watch").status_code == 200
    console.clock.moved_s = 285
    assert signed_in.get("/watch").status_code == 303
    console.clock.moved_s = 200
    assert not is_in(signed_in), "it stays ended"


def test_no_session_lasts_longer_than_the_longest(console, browser):
    console.configure(session={"idle": 100, "longest": 250, "recheck": 10_000})
    console.provider.lasts_s = 100_000
    through_the_provider(browser)
    for moved in (90, 180, 249):
        console.clock.moved_s = moved
        assert is_in(browser)
    console.clock.moved_s = 251
    assert not is_in(browser)


def test_a_clock_that_was_set_back_ends_sessions(console, signed_in):
    console.clock.moved_s = -50
    assert is_in(signed_in), "a small step"
    console.clock.moved_s = -120
    assert not is_in(signed_in)


def test_the_provider_is_asked_again_and_its_new_word_counts(console, browser, provider):
    console.configure(session={"recheck": 60}, roles={"auditor": ["audit"]})
    through_the_provider(browser)
    asked = len(provider.asked)
    console.clock.moved_s = 59
    assert browser.get("/").json()["roles"] == ["approver"]
    assert len(provider.asked) == asked
    provider.groups = ("audit",)
    console.clock.moved_s = 61
    assert browser.get("/").json()["roles"] == ["approver", "auditor"]
    assert provider.asked[-1]["grant_type"] == "refresh_token"


@pytest.mark.parametrize(
    "change",
    [
        {"refuse": "invalid_grant"},
        {"subject": "omar"},
        {"claims": {"nonce": "another"}},
        {"claims": {"aud": "tools"}},
        {"claims": {"act": {"sub": "agent-7"}}},
        {"algorithm": "none"},
    ],
    ids=str,
)
def test_a_session_ends_if_the_provider_does_not_confirm_it(console, browser, provider, change):
    """A refused refresh, or a word about somebody else, ends it for good."""
    console.configure(session={"recheck": 60})
    through_the_provider(browser)
    before = {name: getattr(provider, name) for name in change}
    for name, value in change.items():
        setattr(provider, name, value)
    console.clock.moved_s = 61
    assert not is_in(browser)
    for name, value in before.items():
        setattr(provider, name, value)
    assert not is_in(browser)


@pytest.mark.parametrize("change", [{"down": True}, {"refuse": "invalid_client", "status": 401}], ids=str)
def test_while_the_provider_does_not_answer_nobody_gets_in_and_no_session_ends(console, browser, provider, change):
    console.configure(session={"recheck": 60})
    through_the_provider(browser)
    before = {name: getattr(provider, name) for name in change}
    for name, value in change.items():
        setattr(provider, name, value)
    console.clock.moved_s = 61
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    for name, value in before.items():
        setattr(provider, name, value)
    assert is_in(browser)


def test_without_a_refresh_token_the_session_ends_with_the_id_token(console, browser, provider):
    provider.tokens = {"refresh_token": None}
    through_the_provider(browser)
    console.clock.moved_s = 290
    assert is_in(browser)
    console.clock.moved_s = 301
    assert not is_in(browser)


def test_a_provider_may_confirm_without_an_id_token(console, browser, provider):
    """OpenID Connect Core section 12.2; the refresh token that came with it is the next one."""
    console.configure(session={"recheck": 60})
    through_the_provider(browser)
    provider.tokens = {"id_token": None}
    for moved in (61, 122, 183):
        console.clock.moved_s = moved
        assert is_in(browser)


def test_requests_that_come_together_refresh_once(console, browser, provider):
    """Each refresh token is used once: providers take a second use for theft."""
    console.configure(session={"recheck": 60})
    through_the_provider(browser)
    asked = len(provider.asked)
    console.clock.moved_s = 61
    cookie = browser.cookies["extproc-session"]
    answers = []

    def ask():
        answers.append(httpx.get(console.url, cookies={"extproc-session": cookie}, trust_env=False).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [200] * 8
    assert len(provider.asked) == asked + 1


def test_a_changed_configuration_ends_sessions_of_another_client(console, signed_in):
    sign_in = {"provider": "corp", "client_id": "another-client"}
    console.configure(sign_in=sign_in)
    assert not is_in(signed_in)


def test_a_person_has_a_bounded_number_of_sessions(console, browser):
    through_the_provider(browser)
    for _ in range(MOST_PER_PERSON):
        with console.browser() as other:
            through_the_provider(other)
            assert is_in(other)
    assert not is_in(browser)


def test_a_store_that_cannot_be_used_serves_no_page(console, signed_in):
    for each in console.folder.glob("sessions.db*"):
        each.unlink()
    answer = signed_in.get("/")
    assert answer.status_code == 503
    assert "content-security-policy" in answer.headers


# The end.


def logout(console, token, **fields):
    return httpx.post(
        f"{console.url}/sign-in/back-channel-logout", data={"logout_token": token, **fields}, trust_env=False
    )


def test_the_provider_ends_a_session_over_the_back_channel(console, signed_in, provider):
    assert logout(console, provider.logout_token()).status_code == 200
    assert not is_in(signed_in)


def test_the_provider_ends_all_sessions_of_a_subject(console, signed_in, provider):
    assert logout(console, provider.logout_token(sid=None)).status_code == 200
    assert not is_in(signed_in)


@pytest.mark.parametrize(
    "claims",
    [
        {"events": None},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": 1}},
        {"nonce": "n"},
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"jti": None},
        {"iat": None},
        {"iat": 1},
        {"exp": 1},
        {"sid": None, "sub": None},
        {"sid": 7},
    ],
    ids=str,
)
def test_a_token_that_is_no_logout_token_ends_nothing(console, signed_in, provider, claims):
    """An ID token, an old or a foreign logout token."""
    answer = logout(console, provider.logout_token(**claims))
    assert answer.status_code == 400
    assert is_in(signed_in)


def test_an_unsigned_logout_token_and_a_missing_one_end_nothing(console, signed_in, provider):
    provider.algorithm = "none"
    assert logout(console, provider.logout_token()).status_code == 400
    assert httpx.post(f"{console.url}/sign-in/back-channel-logout", trust_env=False).status_code == 422
    assert is_in(signed_in)


def test_another_sessions_logout_and_a_copy_of_one_end_nothing(console, signed_in, provider):
    assert logout(console, provider.logout_token(sid="sid-2")).status_code == 200
    assert is_in(signed_in)
    token = provider.logout_token(sid=None)
    assert logout(console, token).status_code == 200
    assert not is_in(signed_in)
    through_the_provider(signed_in)
    assert logout(console, token).status_code == 200
    assert is_in(signed_in), "the same word, said again"


def test_a_logout_during_the_sign_in_wins(console, browser, provider):
    target = browser.get(browser.get("/sign-in/start").headers["location"]).headers["location"]
    assert logout(console, provider.logout_token()).status_code == 200
    assert browser.get(target).status_code == 403
    assert not is_in(browser)


def test_sign_out_ends_the_session_and_leads_to_the_providers(console, signed_in, provider):
    cookie = signed_in.cookies["extproc-session"]
    page = signed_in.get("/sign-out").text
    answer = signed_in.post("/sign-out", data=form_of(page), headers=own(console))
    assert answer.status_code == 200, "no redirect: form-action would stop it"
    assert f"url={provider.issuer}/logout?id_token_hint=eyJ" in answer.text
    assert "extproc-session" not in signed_in.cookies
    with console.browser(cookies={"extproc-session": cookie}) as thief:
        assert not is_in(thief), "it ended on the server, not in the browser alone"


def test_sign_out_everywhere_ends_all_sessions_of_the_person(console, signed_in, provider):
    with console.browser() as other, console.browser() as colleague:
        through_the_provider(other)
        provider.subject = "omar"
        through_the_provider(colleague)
        csrf = signed_in.get("/").json()["csrf"]
        answer = signed_in.post("/sign-out/everywhere", data={"csrf": csrf}, headers=own(console))
        assert answer.status_code == 200
        assert not is_in(other)
        assert is_in(colleague)
