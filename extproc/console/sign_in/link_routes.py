"""One-time links to the console, made over the unix socket for the bearer of a token."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from extproc.console.authorization import TokenVerifier, read_caller
from extproc.console.problem_documents import problem
from extproc.console.sign_in.errors import SessionsUnavailable, SignInRefused, WhyNot
from extproc.console.sign_in.sign_in import SignIn
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND

REFUSALS = {
    WhyNot.NOT_LOCAL: (409, "One-time links need a console that listens on loopback (control.listen)"),
    WhyNot.AGENT: (403, "An agent that acts for a person cannot sign in"),
}


class _Remembering:
    """A verifier that keeps the claims of the token that it verified."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self.claims: Mapping[str, Any] = {}

    def verify(self, token: str) -> tuple[Identity, Mapping[str, Any]]:
        identity, self.claims = self._verifier.verify(token)
        return identity, self.claims

    def identify(self, token: str) -> Identity:
        return self.verify(token)[0]


def link_routes(sign_in: SignIn, authenticator: TokenVerifier) -> APIRouter:
    """Make the routes. Serve them on the unix socket alone.

    Args:
        sign_in: makes links.
        authenticator: verifies the token of the person who asks.
    """
    routes = APIRouter()

    @routes.post("/sign-in-links", response_model=None)
    def make_link(request: Request) -> JSONResponse:
        """Make a link that signs the token's person in to the console, once, within five minutes."""
        verifier = _Remembering(authenticator)
        caller = read_caller(request.headers.getlist("authorization"), verifier, local=False)
        if caller.identity is None:
            raise Refused(Reason.UNAUTHENTICATED, rule="sign-in-links")
        ends_ns = int(verifier.claims["exp"] * NANOSECONDS_PER_SECOND)
        try:
            url, expires_ns = sign_in.offer_link(caller.identity, ends_ns)
        except SignInRefused as refused:
            status, title = REFUSALS[refused.why]
            return problem(status, title, refused.why)
        except SessionsUnavailable:
            return problem(503, "The store of sessions cannot be used now", "sessions-unavailable")
        expires = datetime.fromtimestamp(expires_ns / NANOSECONDS_PER_SECOND, UTC)
        return JSONResponse({"url": url, "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}, 201)

    return routes
