"""The command line as an OAuth 2.0 client: public, so it has no secret (RFC 8252 section 8.5)."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]

from extproc.console.afar.published_endpoints import asked
from extproc.console.afar.safe_address import ASK_OPERATOR
from extproc.console.afar.session_file import StoredSession
from extproc.model.errors import ControlError

SHORTEST_LIFE_S, LONGEST_LIFE_S = 1.0, 86_400.0
"""The life of an access token is read within these seconds."""
DEFAULT_LIFE_S = 60.0
"""Where the provider does not tell it (RFC 6749 section 5.1)."""
VERIFIER_BYTES = 48
"""Random bytes of a code verifier: 64 characters (RFC 7636 section 4.1)."""
LONGEST_TOKEN = 16_384
SIGN_IN_NEEDED = "sign-in-needed"
OTHER = "other_error"
ERROR_CODES = frozenset(
    {
        "access_denied",
        "authorization_pending",
        "expired_token",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "slow_down",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""Codes that errors repeat (RFC 6749 section 5.2, RFC 8628 section 3.5): all other text is the provider's own."""


@dataclass
class ProviderRefusedError(ControlError):
    """The provider refuses a request, by a code of the specification."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gives for a sign-in."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_s: float
    """Seconds since the Unix epoch."""


class _Posts:
    """The HTTP session that authlib sends token requests by: bounded, and without redirects."""

    def __init__(self, who: str) -> None:
        self._who = who

    def post(
        self, url: str, *, headers: Mapping[str, str], auth: Any, data: Any = None, **_more: Any
    ) -> httpx.Response:
        """Send a form with the client's id, and return the answer."""
        body = data if isinstance(data, str) else urlencode(data or {})
        url, sent, body = auth.prepare("POST", url, dict(headers), body)
        answer = asked(self._who, "POST", url, headers=sent, content=body)
        document = answer.problem
        if "error" in document:  # the description is the provider's text, and may be anything
            document = {"error": document["error"] if str(document["error"]) in ERROR_CODES else OTHER}
        return httpx.Response(answer.status, json=document, request=httpx.Request("POST", url))


def oauth_client(client_id: str, scope: str = "", redirect_uri: str | None = None) -> OAuth2Client:
    """Make a client that asks nothing yet."""
    return OAuth2Client(
        _Posts("the identity provider"),
        client_id=client_id,
        token_endpoint_auth_method="none",  # noqa: S106 - the name of a method
        scope=scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


def tokens_from(ask: Callable[[], Mapping[str, Any]], now_s: Callable[[], float] = time.time) -> Tokens:
    """Ask for tokens, and read the answer (RFC 6749 section 5.1).

    Args:
        ask: sends the request.
        now_s: wall clock, seconds.

    Raises:
        ProviderRefusedError: with the code that the provider gave.
        ControlError: no usable answer.
    """
    asked_s = now_s()
    try:
        answer = ask()
    except AuthlibBaseError as error:
        message = f"the identity provider refuses: {error.error}"
        raise ProviderRefusedError(message, ASK_OPERATOR, SIGN_IN_NEEDED, error.error) from None
    except (httpx.HTTPError, ValueError, TypeError, AttributeError):
        raise ControlError("the identity provider gave an answer that cannot be used", ASK_OPERATOR) from None
    access, refresh = answer.get("access_token"), answer.get("refresh_token") or ""
    kind = answer.get("token_type", "bearer")
    if not is_token(access) or (refresh and not is_token(refresh)) or str(kind).lower() != "bearer":
        raise ControlError("the identity provider gave no bearer token", ASK_OPERATOR)
    return Tokens(str(access), str(refresh), asked_s + _life(answer.get("expires_in")))


def is_token(value: object) -> bool:
    """Return whether the value can be a token (RFC 6750 section 2.1)."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TOKEN
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _life(given: object) -> float:
    life = float(given) if isinstance(given, int | float) and not isinstance(given, bool) else DEFAULT_LIFE_S
    return min(max(life, SHORTEST_LIFE_S), LONGEST_LIFE_S) if math.isfinite(life) else DEFAULT_LIFE_S


def refreshed(session: StoredSession) -> Tokens:
    """Exchange the refresh token for new tokens (RFC 6749 section 6). Providers may use it up.

    Raises:
        ProviderRefusedError: the session has ended.
        ControlError: no usable answer: the session may go on.
    """
    # Without a scope: the one that was granted (section 6).
    client = oauth_client(session.client_id)
    found = tokens_from(lambda: client.refresh_token(session.token_endpoint, refresh_token=session.refresh_token))
    return found if found.refresh_token else Tokens(found.access_token, session.refresh_token, found.expires_s)


def revoke(session: StoredSession) -> bool:
    """Tell the provider that the session is over (RFC 7009). Returns False if it did not say that it is."""
    token, hint = (
        (session.refresh_token, "refresh_token")
        if session.refresh_token
        else (session.access_token, "access_token")
    )
    if not session.revocation_endpoint:
        return False
    form = {"token": token, "token_type_hint": hint, "client_id": session.client_id}
    try:
        # The answer need not have a body (section 2.2).
        answer = asked(
            "the identity provider", "POST", session.revocation_endpoint, data=form, json_expected=False
        )
    except ControlError:
        return False
    return answer.is_success
