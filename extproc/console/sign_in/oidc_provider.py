"""An identity provider, by OpenID Connect: discovery, the authorization code flow with PKCE, refresh, logout.

authlib speaks OAuth 2.0. Tokens are verified by the same code as bearer tokens of the API, with the configured
keys; their audience is the console's client, never an audience of calls.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]

from extproc.config.addresses import is_remote_without_tls
from extproc.console.authenticator import Authenticator
from extproc.console.sign_in.bounded_http import TokenRequests, request
from extproc.console.sign_in.errors import ProviderUnavailable, SignInRefused, WhyNot
from extproc.console.sign_in.session_store import KEEP_LOGOUTS_NS, Logout
from extproc.identity.jwt_metadata import LEEWAY_S, MAX_NAME, UNPRINTABLE
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.settings.control import SignInSettings
from extproc.settings.identity import Provider

DISCOVERY = "/.well-known/openid-configuration"
"""OpenID Connect Discovery section 4."""
FRESH_S = 3_600.0
"""Seconds for which a discovery document is used."""
RETRY_S = 5.0
"""Seconds between two requests for it, while the provider does not answer."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
NAMES = ("preferred_username", "name", "email")
"""Claims that show people who is signed in; the first that is there is shown."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The provider's word about a person."""

    identity: Identity
    name: str
    """For people to read."""
    sid: str
    """The id of the provider's session; empty: it told none."""
    expires_ns: int
    """The end of the ID token, in nanoseconds since the Unix epoch."""
    id_token: str
    refresh_token: str
    """Empty: the provider gave none."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The provider says that a session goes on, and nothing new about the person (Core section 12.2)."""

    refresh_token: str


class OidcProvider:
    """One provider and the console's client there. Safe to use from any thread."""

    def __init__(self, provider: Provider, settings: SignInSettings, redirect_uri: str, clock: Clock) -> None:
        """Ask nothing yet.

        Args:
            provider: issuer, keys and names of claims.
            settings: the client.
            redirect_uri: where the provider sends browsers back to.
            clock: wall clock.
        """
        self.issuer = provider.issuer
        self.client_id = settings.client_id
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._clock = clock
        # An ID token is for the client (OpenID Connect Core section 2); no audience of calls is accepted.
        for_client = provider.model_copy(update={"audiences": [settings.client_id]})
        self._tokens = Authenticator({settings.provider: for_client}, clock)
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._asked_s = -math.inf
        self._found_s = -math.inf

    # The authorization code flow.

    def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser to (OpenID Connect Core section 3.1.2.1, RFC 7636).

        Raises:
            ProviderUnavailable: the provider cannot be asked where that is.
        """
        endpoint = self._endpoint("authorization_endpoint")
        url, _ = self._client().create_authorization_url(
            endpoint, state=state, nonce=nonce, code_verifier=verifier
        )
        return str(url)

    def check_issuer(self, issuer: str | None) -> None:
        """Check the answer's parameter ``iss`` (RFC 9207 section 2.4). Raises ``SignInRefused``."""
        needed = self._discovered().get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and needed) or (issuer is not None and issuer != self.issuer):
            raise SignInRefused(WhyNot.WRONG_ISSUER)

    def exchange(self, code: str, *, verifier: str, nonce: str) -> Tokens:
        """Redeem a code (OpenID Connect Core section 3.1.3).

        Raises:
            SignInRefused: the provider refuses the code, or gives a token that is not valid for this sign-in.
            ProviderUnavailable: the provider gives no answer.
        """
        endpoint, client = self._endpoint("token_endpoint"), self._client()
        answer = _answer(
            lambda: client.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        )
        return self._read(answer, nonce=nonce, nonce_required=True)

    def refresh(self, former: Identity, refresh_token: str, *, nonce: str) -> Tokens | Confirmed:
        """Ask the provider again about a person (OpenID Connect Core section 12).

        Raises:
            SignInRefused: the provider says that the session is over, or speaks about somebody else.
            ProviderUnavailable: the provider gives no answer.
        """
        endpoint, client = self._endpoint("token_endpoint"), self._client()
        answer = _answer(lambda: client.refresh_token(endpoint, refresh_token=refresh_token))
        if not answer.get("id_token"):
            return Confirmed(str(answer.get("refresh_token") or refresh_token))
        tokens = self._read({"refresh_token": refresh_token, **answer}, nonce=nonce, nonce_required=False)
        if tokens.identity.name != former.name:
            raise SignInRefused(WhyNot.TOKEN_REFUSED)
        return tokens

    # Logout.

    def end_session_url(self, id_token: str, back_to: str) -> str:
        """Return where a browser ends the provider's session too (OpenID Connect RP-Initiated Logout section 2).

        Returns:
            Empty if the provider has no such place, or cannot be asked.
        """
        try:
            endpoint = self._endpoint("end_session_endpoint")
        except ProviderUnavailable:
            return ""
        hint = {"id_token_hint": id_token} if id_token else {}
        query = urlencode({**hint, "client_id": self.client_id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def logout(self, token: str) -> Logout:
        """Verify a logout token (OpenID Connect Back-Channel Logout section 2.6).

        Raises:
            SignInRefused: it does not count.
        """
        try:
            claims = self._tokens.signed_claims(token)
        except Refused:
            raise SignInRefused(WhyNot.TOKEN_REFUSED) from None
        now_s, oldest_s = self._clock() / NANOSECONDS_PER_SECOND, KEEP_LOGOUTS_NS / NANOSECONDS_PER_SECOND
        issued, expires = _time(claims.get("iat")), _time(claims.get("exp"), missing=math.inf)
        events, subject, sid = claims.get("events"), claims.get("sub", ""), claims.get("sid", "")
        token_id = claims.get("jti")
        if (
            not self._is_audience(claims)
            or not now_s - oldest_s < issued <= now_s + LEEWAY_S
            or now_s >= expires + LEEWAY_S
            or not (isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict))
            or "nonce" in claims
            or not all(isinstance(each, str) and len(each) <= MAX_NAME for each in (subject, sid, token_id))
            or not token_id
            or not (subject or sid)
        ):
            raise SignInRefused(WhyNot.TOKEN_REFUSED)
        return Logout(self.issuer, token_id, sid, subject)

    # Inside.

    def _client(self) -> OAuth2Client:
        methods = self._discovered().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        secret = _secret(self._settings)
        by_post = secret and "client_secret_basic" not in methods and "client_secret_post" in methods
        return OAuth2Client(
            TokenRequests(),
            client_id=self.client_id,
            client_secret=secret or None,
            token_endpoint_auth_method="client_secret_post" if by_post else None,
            scope=" ".join(dict.fromkeys(("openid", *self._settings.scopes))),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )

    def _read(self, answer: Mapping[str, Any], *, nonce: str, nonce_required: bool) -> Tokens:
        """Verify the ID token of a token response (OpenID Connect Core sections 3.1.3.7 and 12.2)."""
        id_token, refresh_token = answer.get("id_token"), answer.get("refresh_token", "")
        if not isinstance(id_token, str) or not isinstance(refresh_token, str):
            raise SignInRefused(WhyNot.TOKEN_REFUSED)
        try:
            identity, claims = self._tokens.verify(id_token)
        except Refused as error:
            structlog.get_logger().warning("an ID token was refused", rule=error.rule, detail=error.detail)
            raise SignInRefused(WhyNot.TOKEN_REFUSED) from None
        now_s = self._clock() / NANOSECONDS_PER_SECOND
        if (
            (claims.get("nonce") != nonce if nonce_required else claims.get("nonce", nonce) != nonce)
            or not self._is_audience(claims)
            or not _time(claims.get("iat")) <= now_s + LEEWAY_S
            or "events" in claims
        ):
            raise SignInRefused(WhyNot.TOKEN_REFUSED)
        if identity.actor:
            raise SignInRefused(WhyNot.AGENT)
        sid = claims.get("sid", "")
        return Tokens(
            identity=identity,
            name=next((claims[each] for each in NAMES if _is_name(claims.get(each))), identity.subject),
            sid=sid if _is_name(sid) else "",
            expires_ns=int(claims["exp"] * NANOSECONDS_PER_SECOND),
            id_token=id_token,
            refresh_token=refresh_token,
        )

    def _is_audience(self, claims: Mapping[str, Any]) -> bool:
        """Return whether a token is meant for the client, and given to no other (Core section 3.1.3.7, 3 to 5)."""
        audience = claims.get("aud")
        given = [audience] if isinstance(audience, str) else audience
        if not isinstance(given, list) or self.client_id not in given:
            return False
        return bool(claims.get("azp", None if len(given) > 1 else self.client_id) == self.client_id)

    def _endpoint(self, name: str) -> str:
        url = self._discovered().get(name)
        if not isinstance(url, str) or not _is_safe(url):
            raise ProviderUnavailable(f"the provider names no usable {name}")
        return url

    def _discovered(self) -> Mapping[str, Any]:
        """Return the provider's document, of the last hour at most."""
        with self._lock:
            now = time.monotonic()
            if now - self._found_s < FRESH_S:
                return self._metadata
            if now - self._asked_s < RETRY_S:
                raise ProviderUnavailable("the provider did not answer a moment ago")
            self._asked_s = now
            answer = request("GET", f"{self.issuer.rstrip('/')}{DISCOVERY}", {"Accept": "application/json"})
            try:
                found = answer.json()
            except (ValueError, RecursionError):
                found = None
            # Discovery section 4.3: the issuer must be exactly the one that was asked.
            if (
                answer.status_code != httpx.codes.OK
                or not isinstance(found, dict)
                or found.get("issuer") != self.issuer
            ):
                raise ProviderUnavailable("the provider's configuration is not that of the issuer")
            self._metadata, self._found_s = found, now
            return found


def _answer(ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return a token response. A clear refusal and no usable answer are told apart (RFC 6749 section 5.2)."""
    try:
        return ask()
    except AuthlibBaseError as error:
        structlog.get_logger().info("the provider refused", error=_known(error.error))
        if error.error in {"invalid_grant", "invalid_request", "invalid_scope", "access_denied"}:
            raise SignInRefused(WhyNot.CODE_REFUSED) from None
        raise ProviderUnavailable("the provider refuses the client") from None
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise ProviderUnavailable(f"the provider's answer cannot be read: {type(error).__name__}") from None


def _known(error: object) -> str:
    """Return an error's code if it has the form of one (RFC 6749 section 5.2): it is text of another party."""
    return error if isinstance(error, str) and error.isascii() and error.replace("_", "a").isalpha() else "other"


def _secret(settings: SignInSettings) -> str:
    """Read the client's secret; empty for a public client."""
    try:
        if settings.client_secret_file is not None:
            secret = settings.client_secret_file.read_text().rstrip("\r\n")
        elif settings.client_secret_env is not None:
            secret = os.environ.get(settings.client_secret_env, "")
        else:
            return ""
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret:
        raise ProviderUnavailable("the client's secret cannot be read")
    return secret


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not is_remote_without_tls(url)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and not UNPRINTABLE.search(value)


def _time(value: object, missing: float = math.nan) -> float:
    """Return a time of a claim; not a number (of which every comparison is false) if it is none."""
    if value is None:
        return missing
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
