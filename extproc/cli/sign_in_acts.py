"""What ``extproc login``, ``logout`` and ``whoami`` do."""

import base64
import contextlib
import json
import time
import webbrowser
from typing import Any

from rich.console import Console
from rich.text import Text

from extproc.cli.evidence_tables import print_json
from extproc.console.afar import browser_sign_in, device_sign_in
from extproc.console.afar.oauth_client import Tokens
from extproc.console.afar.published_endpoints import SignInPlace, find_sign_in
from extproc.console.afar.remote_session import RemoteSession, own_sessions
from extproc.console.afar.safe_address import Origin, console_origin
from extproc.console.client import ControlClient, Parameter
from extproc.console.printable import display, plain, printable
from extproc.model.errors import ControlError

REFUSALS = ("unauthenticated", "token-rejected")
ONE: dict[str, Parameter] = {"pending": "true", "limit": 1}
"""The smallest request that needs a token."""
NAMES = ("preferred_username", "email", "name", "sub")
"""Claims that name a person to people; the first that is there."""


def sign_in(server: str, *, browser: bool, issuer: str, verification_host: str) -> None:
    """Sign a person in to a console, and keep the session.

    Args:
        server: the console's address.
        browser: use this machine's browser; else a code.
        issuer: the only issuer to accept; empty: that of the session before, or whichever the console names.
        verification_host: a further host for the code's page.

    Raises:
        ConfigError: the address is wrong, or the file with the sessions must not be used.
        ControlError: the console or the provider refuses, or cannot be reached.
    """
    session = RemoteSession(console_origin(server), own_sessions())
    before = session.stored()
    place = find_sign_in(session.server, issuer or (before.issuer if before else ""))
    _say(f"The identity provider of {session.server} is {place.issuer}")
    tokens = _by_browser(place) if browser else _by_code(place, verification_host)
    _check_accepted(session.server, tokens.access_token)
    session.keep(place, tokens)
    name = person(tokens.access_token)
    display(plain(f"Signed in to {session.server}" + (f" as {name}" if name else "")))


def _check_accepted(server: Origin, token: str) -> None:
    """Ask the console whether it accepts the token. Raises ``ControlError`` if not: then nothing is kept."""
    try:
        ControlClient.at(server, lambda: token).get("approvals", params=ONE)
    except ControlError as error:
        if error.reason in REFUSALS:
            error.hint = (
                "The token is for another audience, or comes from another provider: docs/how-to/approve-calls.md"
            )
        raise


def _by_code(place: SignInPlace, verification_host: str) -> Tokens:
    code = device_sign_in.begin(place, verification_host)
    _say(f"Open    {code.complete_url or code.url}")
    if code.complete_url:
        _say(f"or      {code.url}")
    _say(f"code    {code.user_code}", "bold")
    _say(f"Waiting until you have signed in; the code expires in {code.expires_in_s / 60:.0f} min.")
    return device_sign_in.wait(place, code)


def _by_browser(place: SignInPlace) -> Tokens:
    def show(url: str) -> None:
        _say("If no browser opens, open this address on this machine:")
        _say(url)
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(url)

    return browser_sign_in.sign_in(place, show)


def _say(text: str, style: str = "") -> None:
    """Say something to the person, on standard error: it is no result. A provider's text steers no terminal."""
    Console(stderr=True).print(Text(printable(text), style=style), soft_wrap=True)


def sign_out(server: str) -> None:
    """End the session at a console."""
    session = RemoteSession(console_origin(server), own_sessions())
    existed, ended = session.end()
    if not existed:
        display(plain(f"Nobody was signed in to {session.server}"))
    elif ended:
        display(plain(f"Signed out of {session.server}"))
    else:
        display(plain(f"Signed out of {session.server} on this machine; the identity provider did not confirm it"))


def print_person(server: str, *, as_json: bool) -> None:
    """Print who is signed in, once the console has accepted the session's token.

    Raises:
        ControlError: nobody is signed in, or the console refuses the token.
    """
    session = RemoteSession(console_origin(server), own_sessions())
    token = session.bearer()
    ControlClient.at(session.server, lambda: token).get("approvals", params=ONE)
    stored = session.stored()
    facts: dict[str, Any] = {
        "server": str(session.server),
        "person": person(token),
        "issuer": stored.issuer if stored else "",
        "seconds_left": max(0, int(stored.expires_s - time.time())) if stored else 0,
        "renewable": bool(stored and stored.refresh_token),
    }
    if as_json:
        print_json(facts)
        return
    renewal = "renewed by itself" if facts["renewable"] else "then sign in again"
    display(plain(f"{facts['person'] or 'somebody'} at {facts['server']}, by {facts['issuer']}"))
    display(plain(f"token: {facts['seconds_left']} s left, {renewal}"))


def person(token: str) -> str:
    """Return the name in a token, for people to read; empty if there is none.

    The token is not verified here: the console does it. Nothing is decided by this name.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found = next((claims[name] for name in NAMES if isinstance(claims.get(name), str)), "")
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""
    return printable(found)
