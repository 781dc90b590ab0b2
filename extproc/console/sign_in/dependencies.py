"""What pages depend on: the person who is signed in, and forms that come from the person's own session.

Use ``signed_in`` for pages that only show, ``watching`` for what a page asks by itself, and ``acting`` for
everything that changes something.
"""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from extproc.console.sign_in.errors import SignInNeeded, SignInRefused, WhyNot
from extproc.console.sign_in.page_guard import ORIGIN, client_address
from extproc.console.sign_in.rate_limits import ACTIONS, Rate
from extproc.console.sign_in.session import Session
from extproc.console.sign_in.sign_in import Arrival, SignIn
from extproc.console.sign_in.site import SESSION_COOKIE, Origin

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Header fields by which proxies say that they forward a request (RFC 7239, RFC 9110 section 7.6.3)."""
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"


def sign_in_of(request: Request) -> SignIn:
    """Return the sign-in of the application that serves the request."""
    found: SignIn = request.app.state.sign_in
    return found


def arrival_of(request: Request) -> Arrival:
    """Return where the request arrived, and its cookie. Raises ``SignInNeeded`` for requests to the API."""
    origin = request.scope.get(ORIGIN)
    if not isinstance(origin, Origin):
        raise SignInNeeded
    cookie = request.cookies.get(origin.cookie(SESSION_COOKIE), "")
    forwarded = any(name in request.headers for name in FORWARDED)
    return Arrival(origin, cookie, client_address(request.scope), forwarded)


def signed_in(request: Request) -> Session:
    """Return the session of a request for a page. It keeps the session alive.

    Raises:
        SignInNeeded: there is none; the browser is sent to ``/sign-in``, and programs get 401.
        ProviderUnavailable, SessionsUnavailable: nobody can know; answered with 503.
    """
    return sign_in_of(request).look(arrival_of(request))


def watching(request: Request) -> Session:
    """Do as ``signed_in`` does, for requests that a page makes by itself: they do not keep the session alive.

    A stream of events should call this again, with its request, at least once in a minute, and end when it raises.
    """
    return sign_in_of(request).look(arrival_of(request), counts=False)


async def acting(request: Request, session: Annotated[Session, Depends(signed_in)]) -> Session:
    """Return the session of a form that this session's own page has sent.

    The form has the session's token in the field ``csrf`` (or in the header field ``X-CSRF-Token``), and the
    browser says that the form is ours, in ``Origin`` or ``Sec-Fetch-Site``.

    Raises:
        SignInNeeded: as ``signed_in``.
        SignInRefused: the form is somebody else's, or there are too many.
    """
    check_rate(request, ACTIONS, session.session_id)
    check_own_form(request)
    given = request.headers.get(CSRF_HEADER) or (await request.form()).get(CSRF_FIELD)
    if not isinstance(given, str) or not given.isascii() or not hmac.compare_digest(given, session.csrf):
        raise SignInRefused(WhyNot.FORGED)
    return session


def check_own_form(request: Request) -> None:
    """Refuse a form unless the browser says that it is the console's. Raises ``SignInRefused``.

    ``PageGuard`` has refused what names another origin. Here, one of both fields must be there.
    """
    if "origin" not in request.headers and request.headers.get("sec-fetch-site") != "same-origin":
        raise SignInRefused(WhyNot.FORGED)


def check_rate(request: Request, rate: Rate, key: str) -> None:
    """Count a request. Raises ``SignInRefused`` if there are too many."""
    wait_s = sign_in_of(request).limits.wait_s(rate, key)
    if wait_s:
        raise SignInRefused(WhyNot.TOO_MANY, wait_s)
