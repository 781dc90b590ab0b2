"""The guard of all pages: hosts, other sites' requests, forms, rates, and the header fields of every answer."""

import re

import httpx
import pytest
from fastapi.routing import APIRoute

from extproc.console.sign_in.dependencies import acting
from extproc.console.sign_in.page_guard import CONTENT_SECURITY_POLICY, client_network, is_api
from extproc.console.sign_in.rate_limits import ACTIONS, SIGN_INS
from tests.unit.console.served import token
from tests.unit.console.sign_in.console import own, through_the_provider

PUBLIC = "https://approvals.example.com"


@pytest.fixture
def signed_in(browser):
    assert through_the_provider(browser).headers["location"] == "/"
    return browser


def act(browser, headers, **form):
    return browser.post("/do", data=form, headers=headers)


def done(browser):
    return browser.get("/").json()["done"]


# Forms.


def test_a_form_of_the_sessions_own_page_counts(console, signed_in):
    csrf = signed_in.get("/").json()["csrf"]
    assert act(signed_in, own(console), csrf=csrf).status_code == 200
    assert act(signed_in, {"sec-fetch-site": "same-origin"}, csrf=csrf).status_code == 200
    assert act(signed_in, {**own(console), "x-csrf-token": csrf}).status_code == 200
    assert done(signed_in) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_a_form_of_another_site_does_nothing_even_with_the_token(console, signed_in, headers):
    csrf = signed_in.get("/").json()["csrf"]
    assert act(signed_in, headers, csrf=csrf).status_code == 403
    assert done(signed_in) == 0


def test_a_form_without_the_sessions_token_does_nothing(console, signed_in):
    """Neither no token, nor another session's, nor one in the address counts."""
    with console.browser() as other:
        through_the_provider(other)
        foreign = other.get("/").json()["csrf"]
    csrf = signed_in.get("/").json()["csrf"]
    for form in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": csrf[:-1]}, {"csrf": "ä"}):
        assert act(signed_in, own(console), **form).status_code == 403, form
    assert signed_in.post(f"/do?csrf={csrf}", headers=own(console)).status_code == 403
    files = {"csrf": ("a.txt", csrf.encode())}
    assert signed_in.post("/do", files=files, headers=own(console)).status_code == 403
    assert done(signed_in) == 0


def test_a_form_without_a_session_does_nothing(console, browser):
    assert act(browser, own(console), csrf="x").headers["location"] == "/sign-in?next=%2F"


def test_every_address_that_changes_something_needs_a_form_of_the_session(console):
    """All but those by which a session begins, and the provider's own."""
    open_to_all = {"/sign-in/link", "/sign-in/back-channel-logout"}
    found = dict(_routes(console.switch.app.routes))
    assert {"/do", "/sign-out", "/sign-out/everywhere", "/api/query"} <= found.keys()
    for path, route in found.items():
        if not is_api(path) and path not in open_to_all:
            assert acting in _dependencies(route.dependant), path  # codespell:ignore dependant


def _routes(routes, prefix=""):
    """Each path that takes another method than GET, with its route."""
    for each in routes:
        included = getattr(each, "original_router", None)
        if included is not None:
            yield from _routes(included.routes, prefix + each.include_context.prefix)
        elif isinstance(each, APIRoute) and not each.methods <= {"GET", "HEAD"}:
            yield prefix + each.path, each


def _dependencies(needs):
    return {each for one in needs.dependencies for each in ({one.call} | _dependencies(one))}


# Hosts, and requests of other sites.


@pytest.mark.parametrize("host", ["evil.example", "evil.example:1", "127.0.0.1", "localhost.evil.example", ""])
def test_a_request_for_another_host_is_refused(console, signed_in, host):
    """DNS rebinding: a page of evil.example whose name leads to loopback."""
    answer = signed_in.get("/", headers={"host": host})
    assert answer.status_code == 421 or (host == "" and answer.status_code == 400)
    assert "maya" not in answer.text


def test_the_names_of_loopback_are_the_consoles(console, browser):
    port = console.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
        assert browser.get("/sign-in", headers={"host": host}).status_code == 200


def test_a_sign_in_under_another_name_goes_on_at_the_public_address(console, browser):
    port = console.url.rpartition(":")[2]
    answer = browser.get("/sign-in/start?next=%2Fwatch", headers={"host": f"localhost:{port}"})
    assert answer.headers["location"] == f"{console.url}/sign-in/start?next=%2Fwatch"
    assert "set-cookie" not in answer.headers


def test_a_session_belongs_to_the_address_where_it_began(console, signed_in):
    port = console.url.rpartition(":")[2]
    cookie = f"extproc-session={signed_in.cookies['extproc-session']}"
    with console.browser() as other:
        assert other.get("/", headers={"host": f"localhost:{port}", "cookie": cookie}).status_code == 303
        assert other.get("/", headers={"cookie": cookie}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}, 403),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 200),
    ],
    ids=str,
)
def test_other_sites_may_link_to_pages_and_nothing_else(signed_in, headers, status):
    assert signed_in.get("/", headers=headers).status_code == status


def test_a_program_without_a_session_is_told_so(browser):
    """Streams of events and scripts get 401, not a page."""
    answer = browser.get("/", headers={"accept": "text/event-stream", "sec-fetch-mode": "cors"})
    assert (answer.status_code, answer.json()["reason"]) == (401, "sign-in-needed")


# The API.


def test_the_api_takes_tokens_and_no_cookies(console, signed_in):
    assert signed_in.get("/api/approvals").status_code == 401
    bearer = {"authorization": f"Bearer {token('bob', iss=console.provider.issuer, aud='tools')}"}
    assert httpx.get(f"{console.url}/api/approvals", headers=bearer, trust_env=False).status_code == 200
    with console.browser() as program:
        assert program.get("/", headers=bearer).status_code == 303


def test_the_api_is_bound_to_no_host(console):
    """Probes and programs reach it by whatever name: a browser never adds a token by itself."""
    bearer = {"authorization": f"Bearer {token('bob', iss=console.provider.issuer, aud='tools')}", "host": "guard"}
    assert httpx.get(f"{console.url}/api/approvals", headers=bearer, trust_env=False).status_code == 200
    assert httpx.get(f"{console.url}/healthz", headers={"host": "guard"}, trust_env=False).status_code == 200


# Header fields.


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/", 200, {}),
        ("/sign-out", 200, {}),
        ("/nowhere", 404, {}),
        ("/broken", 500, {}),
        ("/do", 405, {}),
        ("/sign-in/callback", 400, {}),
        ("/sign-in/link", 403, {}),
        ("/", 421, {"host": "evil.example"}),
        ("/", 403, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}),
        ("/api/approvals", 401, {}),
        ("/healthz", 200, {}),
    ],
)
def test_every_answer_has_the_fields_that_protect_it(signed_in, path, status, headers):
    answer = signed_in.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers, "not on http"
    assert "canary" not in answer.text


def test_a_request_without_a_session_gets_them_too(console):
    with console.browser() as stranger:
        for path, status in (("/", 303), ("/sign-in", 200), ("/sign-in/start", 303)):
            answer = stranger.get(path)
            assert answer.status_code == status
            assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        answer = stranger.post("/sign-in/link", content=b"x" * 200_000)
        assert answer.status_code == 413
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_the_policy_allows_no_code_and_no_style_inside_a_page(console, signed_in):
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for path in ("/sign-out", "/sign-in/callback", "/nowhere"):
        page = signed_in.get(path).text
        assert page.count("<script") == len(
            re.findall(r'<script type="module" src="/static/[^"]+"></script>', page)
        )
        assert "<style" not in page
        assert "style=" not in page
        assert not re.search(r"<[^>]+ on[a-z]+=", page)


# Cookies.


def set_cookies(answer):
    return {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}


def test_cookies_on_loopback(browser):
    start = browser.get("/sign-in/start")
    back = browser.get(browser.get(start.headers["location"]).headers["location"])
    for answer, name in ((start, "extproc-sign-in"), (back, "extproc-session")):
        cookie = set_cookies(answer)[name]
        assert "; HttpOnly" in cookie
        assert "; SameSite=lax" in cookie
        assert "; Path=/" in cookie
        assert "Secure" not in cookie
        assert "Domain" not in cookie
    assert "Max-Age=0" in set_cookies(back)["extproc-sign-in"]


def test_cookies_and_fields_on_https(console, browser):
    """Behind a proxy that terminates TLS, the prefix keeps other hosts and http from setting them."""
    console.configure(public_url=PUBLIC)
    host = {"host": "approvals.example.com"}
    start = browser.get("/sign-in/start", headers=host)
    assert start.headers["strict-transport-security"] == "max-age=31536000"
    attempt = set_cookies(start)["__Host-extproc-sign-in"]
    assert "; Secure" in attempt
    assert "Domain" not in attempt
    target = browser.get(start.headers["location"]).headers["location"]
    assert target.startswith(f"{PUBLIC}/sign-in/callback?")
    path = target.removeprefix(PUBLIC)
    sent = attempt.partition(";")[0]
    plain = browser.get(path, headers={**host, "cookie": sent.removeprefix("__Host-")})
    assert plain.status_code == 400, "a cookie without the prefix does not count"
    back = browser.get(path, headers={**host, "cookie": sent})
    session = set_cookies(back)["__Host-extproc-session"]
    assert "; Secure" in session
    assert "; HttpOnly" in session
    kept = session.partition(";")[0]
    assert browser.get("/", headers={**host, "cookie": kept}).status_code == 200
    assert browser.get("/", headers={**host, "cookie": kept.removeprefix("__Host-")}).status_code == 303


# Rates.


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_rates_are_counted_for_the_network_that_one_client_has(one, other, same):
    first, second = (client_network({"client": (address, 1)}) for address in (one, other))
    assert (first == second) is same


def test_sign_ins_of_one_address_are_limited(console, browser):
    for _ in range(SIGN_INS.per_minute):
        assert browser.get("/sign-in/link?secret=x").status_code == 403
    answer = browser.get("/sign-in/link?secret=x")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert browser.get("/sign-in/start").status_code == 429
    assert browser.get("/sign-in").status_code == 200
    console.clock.moved_s = 2
    assert browser.get("/sign-in/start").status_code == 303


def test_forms_of_one_session_are_limited_and_no_others(console, signed_in):
    csrf = signed_in.get("/").json()["csrf"]
    for _ in range(ACTIONS.per_minute):
        assert act(signed_in, own(console), csrf=csrf).status_code == 200
    assert act(signed_in, own(console), csrf=csrf).status_code == 429
    with console.browser() as other:
        through_the_provider(other)
        assert act(other, own(console), csrf=other.get("/").json()["csrf"]).status_code == 200
