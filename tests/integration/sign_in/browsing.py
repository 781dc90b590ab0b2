"""A person's way through the login pages of Keycloak."""

import html
import re

import httpx

from tests.integration.support.keycloak import PASSWORDS


def login_page(browser: httpx.Client, start: str = "/sign-in/start") -> httpx.Response:
    """Go to the provider's login page, over all its redirects."""
    answer = browser.get(start)
    while answer.status_code in {302, 303}:
        answer = browser.get(answer.headers["location"])
    assert "kc-form-login" in answer.text, answer.text[:2_000]
    return answer


def enter(browser: httpx.Client, page: httpx.Response, person: str, password: str | None = None) -> httpx.Response:
    """Fill in the login page. Returns Keycloak's answer."""
    form = re.search(r'<form id="kc-form-login"[^>]*action="([^"]+)"', page.text)
    if form is None:
        form = re.search(r'action="([^"]+)"', page.text)
    fields = {"username": person, "password": password or PASSWORDS[person], "credentialId": ""}
    return browser.post(html.unescape(form.group(1)), data=fields)


def sign_in(browser: httpx.Client, person: str) -> httpx.Response:
    """Sign in. Returns the console's answer to Keycloak's redirect."""
    answer = enter(browser, login_page(browser), person)
    assert answer.status_code == 302, answer.text[:2_000]
    return browser.get(answer.headers["location"])
