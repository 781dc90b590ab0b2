"""Signing in from another machine: by a code, in a browser, and with servers that mean harm."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from extproc.console.afar import browser_sign_in, device_sign_in, published_endpoints
from extproc.console.afar.published_endpoints import find_sign_in
from extproc.console.afar.safe_address import console_origin
from extproc.model.errors import ControlError
from tests.unit.console.afar.provider import Reply, provider, tokens

pytestmark = pytest.mark.slow
EVIL = "\x1b[2J\u202eevil"


@pytest.fixture
def idp():
    with provider() as fake:
        fake.works()
        yield fake


def find(idp, issuer=""):
    return find_sign_in(console_origin(idp.url), issuer)


def in_words(caught):
    text = str(caught.value)
    assert not any(char in text for char in "\x1b\u202e"), text
    assert "canary" not in text
    assert len(text) < 1_000
    return text


# What the console and its provider publish.


def test_the_console_names_its_provider_and_the_provider_its_endpoints(idp):
    place = find(idp)
    assert (place.issuer, place.client_id, place.scope) == (idp.url, "cli", "openid email")
    assert place.token_endpoint == f"{idp.url}/token"
    assert idp.paths() == ["/.well-known/extproc", "/.well-known/openid-configuration"]


def test_no_token_is_sent_to_find_out(idp):
    find(idp)
    assert not any("authorization" in each.headers for each in idp.asked)


def test_a_console_without_sign_in_says_so(idp):
    del idp.answers["/.well-known/extproc"]
    with pytest.raises(ControlError, match="has no sign-in for the command line"):
        find(idp)


@pytest.mark.parametrize(
    "about",
    [
        [],
        None,
        {},
        {"issuer": 1, "client_id": "cli"},
        {"issuer": "javascript:alert(1)", "client_id": "cli"},
        {"issuer": "http://login.example.com", "client_id": "cli"},
        {"issuer": f"https://login.example.com/{EVIL}", "client_id": "cli"},
        {"issuer": "https://user:secret@login.example.com", "client_id": "cli"},
        {"issuer": "https://" + "a" * 10_000, "client_id": "cli"},
        {"issuer": "https://login.example.com", "client_id": "x" * 300},
        {"issuer": "https://login.example.com", "client_id": "cli", "scopes": EVIL},
        {"issuer": "https://login.example.com", "client_id": "cli", "server": "javascript:alert(1)"},
    ],
)
def test_a_hostile_console_is_refused_in_words(idp, about):
    idp.answers["/.well-known/extproc"] = Reply(about)
    with pytest.raises(ControlError) as caught:
        find(idp)
    in_words(caught)


def test_another_console_than_the_one_that_was_named_is_refused(idp):
    """A console behind another name would get tokens that were meant for this one."""
    about = {"issuer": idp.url, "client_id": "cli", "server": "https://approve.example.com"}
    idp.answers["/.well-known/extproc"] = Reply(about)
    with pytest.raises(ControlError, match=r"its address is https://approve\.example\.com"):
        find(idp)


def test_another_provider_than_the_expected_one_is_refused(idp):
    """The console may have been taken over since the sign-in before."""
    with pytest.raises(ControlError, match=r"not https://login\.example\.com"):
        find(idp, "https://login.example.com")
    assert idp.paths() == ["/.well-known/extproc"]


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://login.example.com"},
        {"issuer": None},
        {"issuer": EVIL},
        {"token_endpoint": None},
        {"token_endpoint": "http://login.example.com/token"},
        {"token_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 7},
        {"token_endpoint": f"https://login.example.com/{EVIL}"},
        {"device_authorization_endpoint": "ftp://login.example.com"},
        {"authorization_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": ["https://login.example.com"]},
        {"revocation_endpoint": "http://10.0.0.1/"},
    ],
)
def test_a_hostile_provider_is_refused_in_words(idp, changes):
    idp.answers["/.well-known/openid-configuration"] = Reply(idp.discovery(**changes))
    with pytest.raises(ControlError) as caught:
        find(idp)
    in_words(caught)


@pytest.mark.parametrize("path", ["/.well-known/extproc", "/.well-known/openid-configuration"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"x" * 300_000),
        Reply(raw=b"[" * 100_000),
        Reply(raw=b"\xff\xfe"),
        Reply({"a": 1}, 500),
        Reply({}, 302, {"Location": "https://evil.example/"}),
        Reply(raw=b"\x1f\x8b\x08" + b"\0" * 30, headers={"Content-Encoding": "gzip"}),
    ],
    ids=["huge", "deep", "no text", "an error", "a redirect", "broken compression"],
)
def test_odd_answers_are_refused_in_words(idp, path, reply):
    idp.answers[path] = reply
    with pytest.raises(ControlError) as caught:
        find(idp)
    in_words(caught)


def test_a_slow_answer_ends_in_time(idp, monkeypatch):
    """However steadily its bytes come."""
    monkeypatch.setattr(published_endpoints, "WITHIN_S", 0.3)
    idp.answers["/.well-known/extproc"] = Reply({"issuer": idp.url, "client_id": "cli"}, slow_s=0.1)
    began = time.monotonic()
    with pytest.raises(ControlError, match="did not answer within"):
        find(idp)
    assert time.monotonic() - began < 2


# The code.


def by_code(idp, *, sleeps=None, **changes):
    idp.answers["/device"] = Reply(idp.device(**changes))
    place = find(idp)
    slept = sleeps if sleeps is not None else []
    return device_sign_in.wait(
        place, device_sign_in.begin(place), sleep=slept.append, clock=lambda: float(sum(slept))
    )


def test_a_code_becomes_tokens_once_the_person_has_signed_in(idp):
    waiting = iter([Reply({"error": "authorization_pending"}, 400)] * 2)
    idp.answers["/token"] = lambda _asked: next(waiting, Reply(tokens("first")))
    sleeps = []
    found = by_code(idp, sleeps=sleeps)
    assert (found.access_token, found.refresh_token) == ("access-canary-first", "refresh-canary-first")
    assert sleeps == [1, 1, 1]
    (first, *_) = [each for each in idp.asked if each.path == "/token"]
    assert first.form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert (first.form["device_code"], first.form["client_id"]) == ("device-code-canary", "cli")
    (began,) = [each.form for each in idp.asked if each.path == "/device"]
    assert began["code_challenge"] == create_s256_code_challenge(first.form["code_verifier"])


def test_a_provider_that_asks_for_patience_gets_it(idp):
    """RFC 8628 section 3.5: five seconds more for each request."""
    answers = iter(["slow_down", "slow_down", "authorization_pending"])
    idp.answers["/token"] = lambda _asked: next(
        (Reply({"error": word}, 400) for word in answers), Reply(tokens("first"))
    )
    sleeps = []
    by_code(idp, sleeps=sleeps)
    assert sleeps == [1, 6, 11, 11]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("access_denied", "was refused in the browser"),
        ("expired_token", "before the code expired"),
        ("invalid_client", "the identity provider refuses: invalid_client"),
        (EVIL, "the identity provider refuses: other_error"),
        (7, "the identity provider refuses: other_error"),
    ],
)
def test_a_refused_code_is_said_in_words(idp, error, message):
    idp.answers["/token"] = Reply({"error": error, "error_description": f"{EVIL} access-canary"}, 400)
    with pytest.raises(ControlError, match=message) as caught:
        by_code(idp)
    in_words(caught)


def test_a_code_that_nobody_uses_expires(idp):
    idp.answers["/token"] = Reply({"error": "authorization_pending"}, 400)
    sleeps = []
    with pytest.raises(ControlError, match="before the code expired"):
        by_code(idp, sleeps=sleeps, expires_in=10, interval=4)
    assert sum(sleeps) == 12


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/go",
        "javascript:alert(1)",
        "http://evil.example/go",
        "file:///etc/passwd",
        f"http://127.0.0.1/{EVIL}",
        "http://127.0.0.1@evil.example/",
        "http://localhost/go",
        "",
    ],
)
@pytest.mark.parametrize("member", ["verification_uri", "verification_uri_complete"])
def test_nobody_is_sent_to_another_host(idp, address, member):
    """There, a page could ask for the password."""
    if member == "verification_uri_complete" and not address:
        pytest.skip("then there is none")
    with pytest.raises(ControlError) as caught:
        by_code(idp, **{member: address})
    in_words(caught)
    assert "/token" not in idp.paths()


def test_another_host_can_be_accepted_by_its_name(idp):
    idp.answers["/device"] = Reply(
        idp.device(verification_uri="https://device.example/go", verification_uri_complete=None)
    )
    place = find(idp)
    assert device_sign_in.begin(place, "device.example").url == "https://device.example/go"
    with pytest.raises(ControlError, match=r"--verification-host device\.example"):
        device_sign_in.begin(place, "other.example")


@pytest.mark.parametrize(
    "changes",
    [
        {"device_code": ""},
        {"user_code": "x" * 100},
        {"user_code": None},
        {"expires_in": -1},
        {"expires_in": 1e300},
        {"interval": -1},
        {"interval": 1e9},
        {"interval": "soon"},
    ],
)
def test_odd_codes_are_refused_in_words(idp, changes):
    with pytest.raises(ControlError) as caught:
        by_code(idp, **changes)
    in_words(caught)


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "x" * 20_000},
        {"access_token": "a\r\nHost: evil"},
        {"access_token": "é"},
        {"access_token": None},
        {"access_token": ["x"]},
        {"refresh_token": "a\nb"},
        {"token_type": "mac"},
        {"expires_in": "soon"},
    ],
)
def test_tokens_that_could_break_a_header_are_refused(idp, answer):
    idp.answers["/token"] = Reply(tokens("first", **answer))
    with pytest.raises(ControlError) as caught:
        by_code(idp)
    in_words(caught)


@pytest.mark.parametrize(("told", "life"), [(None, 60), (True, 60), (-5, 1), (1e300, 86_400), (300, 300)])
def test_an_odd_life_of_a_token_is_read_with_care(idp, told, life):
    idp.answers["/token"] = Reply(tokens("first", expires_in=told))
    assert by_code(idp).expires_s - time.time() == pytest.approx(life, abs=2)


def test_a_provider_without_the_device_flow_says_what_to_do(idp):
    idp.answers["/.well-known/openid-configuration"] = Reply(idp.discovery(device_authorization_endpoint=None))
    with pytest.raises(ControlError, match="--browser"):
        by_code(idp)


# The browser.


class Browser:
    """Follows the address that the command shows, and comes back with what the test wants."""

    def __init__(self, **changes):
        self.changes = changes
        self.url = ""
        self.answers = []
        self.thread = None

    def __call__(self, url):
        self.url = url
        self.thread = threading.Thread(target=self.come_back)
        self.thread.start()

    @property
    def asked(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    def come_back(self):
        given = {
            "code": "code-canary",
            "state": self.asked["state"],
            "iss": self.changes.pop("issuer"),
            **self.changes,
        }
        params = {name: value for name, value in given.items() if value is not None}
        self.answers.append(httpx.get(self.asked["redirect_uri"], params=params, trust_env=False))


def by_browser(idp, browser, within_s=5):
    try:
        return browser_sign_in.sign_in(find(idp), browser, within_s=within_s)
    finally:
        if browser.thread:
            browser.thread.join()


def test_a_browser_brings_the_code_back_to_loopback(idp):
    browser = Browser(issuer=idp.url)
    assert by_browser(idp, browser).access_token == "access-canary-first"
    asked = browser.asked
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "cli", "openid email")
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    (sent,) = [each.form for each in idp.asked if each.path == "/token"]
    assert (sent["code"], sent["redirect_uri"]) == ("code-canary", asked["redirect_uri"])
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == create_s256_code_challenge(sent["code_verifier"])


def test_the_page_at_the_end_repeats_nothing_and_runs_nothing(idp):
    browser = Browser(issuer=idp.url, more="<script>alert(1)</script>")
    by_browser(idp, browser)
    (answer,) = browser.answers
    assert "script" not in answer.text
    assert "code-canary" not in answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


def test_two_sign_ins_share_no_secret(idp):
    first, second = Browser(issuer=idp.url), Browser(issuer=idp.url)
    by_browser(idp, first)
    by_browser(idp, second)
    assert first.asked["state"] != second.asked["state"]
    assert first.asked["code_challenge"] != second.asked["code_challenge"]


@pytest.mark.parametrize("state", ["", "wrong", None])
def test_an_answer_to_another_sign_in_does_not_count(idp, state):
    """Another page of the browser may try to sign the person in as somebody else."""
    browser = Browser(issuer=idp.url, state=state)
    with pytest.raises(ControlError, match="nobody signed in"):
        by_browser(idp, browser, within_s=0.5)
    assert browser.answers[0].status_code == 400
    assert "/token" not in idp.paths()


@pytest.mark.parametrize("issuer", [None, "https://evil.example"])
def test_an_answer_of_another_provider_does_not_count(idp, issuer):
    """RFC 9207: mixed up providers."""
    with pytest.raises(ControlError, match="another identity provider"):
        by_browser(idp, Browser(issuer=issuer))
    assert "/token" not in idp.paths()


def test_a_refusal_in_the_browser_is_said(idp):
    with pytest.raises(ControlError, match="refused in the browser"):
        by_browser(idp, Browser(issuer=idp.url, code=None, error="access_denied"))


def test_strangers_on_the_loopback_port_do_not_end_the_wait(idp):
    """Other paths, other hosts, doubled parameters and garbage are refused; then the browser comes."""

    class Late(Browser):
        def come_back(self):
            place = urlsplit(self.asked["redirect_uri"])
            state = self.asked["state"]
            plain = f"http://{place.netloc}"
            for url, headers in (
                (f"{plain}/other?state={state}&code=x", {}),
                (f"{plain}/callback?state={state}&code=x", {"host": "evil.example"}),
                (f"{plain}/callback?state={state}&state={state}&code=x", {}),
                (f"{plain}/callback?state={state}&code=" + "x" * 10_000, {}),
            ):
                assert httpx.get(url, headers=headers, trust_env=False).status_code == 400
            assert httpx.post(f"{plain}/callback?state={state}&code=x", trust_env=False).status_code == 501
            super().come_back()

    assert by_browser(idp, Late(issuer=idp.url)).access_token == "access-canary-first"


def test_the_loopback_port_is_closed_afterwards(idp):
    browser = Browser(issuer=idp.url)
    by_browser(idp, browser)
    with pytest.raises(httpx.ConnectError):
        httpx.get(browser.asked["redirect_uri"], trust_env=False)
