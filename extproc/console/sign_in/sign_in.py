"""The beginning, the life and the end of sessions in the console. All of it may be called from any thread."""

import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from extproc.console.roles import roles_of
from extproc.console.sign_in.cookie_secrets import derived, fingerprint, may_be_secret, new_secret, seal, unseal
from extproc.console.sign_in.errors import SignInNeeded, SignInRefused, WhyNot
from extproc.console.sign_in.oidc_provider import Confirmed, OidcProvider, Tokens
from extproc.console.sign_in.rate_limits import RateLimits
from extproc.console.sign_in.session import Session
from extproc.console.sign_in.session_store import Attempt, Link, SessionStore, StoredSession
from extproc.console.sign_in.site import Origin, site_of
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.settings.control import ControlSettings
from extproc.settings.identity import Provider

CALLBACK = "/sign-in/callback"
ATTEMPT_S = 600
"""Seconds to sign in at the provider."""
LINK_S = 300
"""Seconds for which a one-time link can be used."""
SEEN_EVERY_S = 10.0
"""Requests within this time are noted once."""
SET_BACK_S = 60.0
"""A clock that goes back by more than this ends sessions: their age cannot be known any more."""
LOCKS = 64


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came with a request: where it arrived, and the browser's cookie of a session."""

    origin: Origin
    cookie: str
    """Empty: none."""
    address: str
    """Of the client."""
    forwarded: bool = False
    """True if a proxy says that it has forwarded the request."""


class SignIn:
    """Signs people in, and knows who is signed in, under one configuration."""

    def __init__(
        self,
        control: ControlSettings,
        providers: Mapping[str, Provider],
        store: SessionStore,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        """Ask no provider yet.

        Args:
            control: addresses, the client at the provider, roles and the life of sessions.
            providers: ``identity.providers``.
            store: shared by the configurations that follow each other.
            limits: shared likewise.
            clock: wall clock.
        """
        self.site = site_of(control)
        self.limits = limits
        self._control = control
        self._store = store
        self._clock = clock
        wanted = control.approver_providers
        self._issuers = {each.issuer for name, each in providers.items() if not wanted or name in wanted}
        self.provider: OidcProvider | None = None
        if control.sign_in is not None and self.site.public is not None:
            back = f"{self.site.public}{CALLBACK}"
            self.provider = OidcProvider(providers[control.sign_in.provider], control.sign_in, back, clock)
        # Two refreshes at once would use one refresh token twice, which providers take for theft.
        self._refreshing = [threading.Lock() for _ in range(LOCKS)]

    # By the provider.

    def begin(self, next_path: str) -> tuple[str, str]:
        """Begin a sign-in at the provider.

        Args:
            next_path: the path to go to afterwards, checked by ``safe_next``.

        Returns:
            The browser's cookie for this sign-in, and the address to go to.

        Raises:
            SignInRefused, ProviderUnavailable, SessionsUnavailable
        """
        provider, public = self._provider()
        cookie, now = new_secret(), self._clock()
        expires = now + ATTEMPT_S * NANOSECONDS_PER_SECOND
        url = provider.authorization_url(
            state=derived(cookie, "state"), nonce=derived(cookie, "nonce"), verifier=derived(cookie, "verifier")
        )
        self._store.begin(Attempt(fingerprint(cookie), next_path, str(public), now, expires))
        return cookie, url

    def complete(
        self,
        arrival: Arrival,
        attempt_cookie: str,
        *,
        state: str,
        code: str,
        issuer: str | None,
        denied: bool,
    ) -> tuple[str, str]:
        """Complete a sign-in with the provider's answer.

        Args:
            arrival: the request; its session, if any, ends.
            attempt_cookie: the cookie of ``begin``.
            state: the parameter ``state``.
            code: the parameter ``code``.
            issuer: the parameter ``iss``, if there is one.
            denied: True if the provider answered with an error.

        Returns:
            The cookie of a new session, and the path to go to.

        Raises:
            SignInRefused, ProviderUnavailable, SessionsUnavailable
        """
        provider, public = self._provider()
        attempt = self._attempt(attempt_cookie, state)
        if attempt is None or arrival.origin != public:
            raise SignInRefused(WhyNot.ATTEMPT_UNKNOWN)
        provider.check_issuer(issuer)
        if denied or not code:
            raise SignInRefused(WhyNot.DENIED)
        nonce = derived(attempt_cookie, "nonce")
        tokens = provider.exchange(code, verifier=derived(attempt_cookie, "verifier"), nonce=nonce)
        cookie, now = new_secret(), self._clock()
        session = StoredSession(
            session_id=fingerprint(cookie),
            identity=tokens.identity,
            name=tokens.name,
            sid=tokens.sid,
            client_id=provider.client_id,
            origin=str(public),
            began_ns=now,
            ends_ns=now + self._ns(self._control.session.longest),
            seen_ns=now,
            fresh_until_ns=self._fresh_until(tokens, now),
            sealed=_sealed(cookie, tokens, nonce),
        )
        self._store.add(session, attempted_ns=attempt.began_ns, instead_of=_fingerprint_of(arrival.cookie))
        structlog.get_logger().info("signed in", name=tokens.identity.name, source=arrival.address)
        return cookie, attempt.next

    def _attempt(self, cookie: str, state: str) -> Attempt | None:
        """Return the sign-in of this browser with this state, once."""
        if not may_be_secret(cookie) or not hmac.compare_digest(derived(cookie, "state"), _ascii(state)):
            return None
        return self._store.take_attempt(fingerprint(cookie), self._clock())

    def _provider(self) -> tuple[OidcProvider, Origin]:
        if self.provider is None or self.site.public is None:
            raise SignInRefused(WhyNot.NOT_SET_UP)
        return self.provider, self.site.public

    # By a one-time link.

    def offer_link(self, identity: Identity, token_ends_ns: int) -> tuple[str, int]:
        """Make a link that signs this person in, once, on this machine.

        Args:
            identity: of a verified token.
            token_ends_ns: when the token expires, and the session with it.

        Returns:
            The link, and the time in nanoseconds from which it cannot be used.

        Raises:
            SignInRefused: the console does not listen on loopback, or an agent asks.
        """
        if not self.site.links_at:
            raise SignInRefused(WhyNot.NOT_LOCAL)
        if identity.actor or identity.is_anonymous:
            raise SignInRefused(WhyNot.AGENT)
        secret, now = new_secret(), self._clock()
        expires = now + LINK_S * NANOSECONDS_PER_SECOND
        self._store.offer(Link(fingerprint(secret), identity, token_ends_ns, expires), now)
        structlog.get_logger().info("one-time link made", name=identity.name)
        return f"{self.site.links_at}/sign-in/link?secret={secret}", expires

    def look_at_link(self, arrival: Arrival, secret: str) -> Identity:
        """Return whom a link signs in, and leave it usable. Raises ``SignInRefused``."""
        self._check_local(arrival)
        link = self._store.look_at_link(fingerprint(secret), self._clock()) if may_be_secret(secret) else None
        if link is None:
            raise SignInRefused(WhyNot.LINK_UNKNOWN)
        return link.identity

    def use_link(self, arrival: Arrival, secret: str) -> str:
        """Use a link, once.

        Returns:
            The cookie of a new session. The browser's former session ends.

        Raises:
            SignInRefused: it does not count here, or not any more.
        """
        self._check_local(arrival)
        now = self._clock()
        link = self._store.take_link(fingerprint(secret), now) if may_be_secret(secret) else None
        if link is None or link.identity.issuer not in self._issuers:
            raise SignInRefused(WhyNot.LINK_UNKNOWN)
        cookie = new_secret()
        ends = min(link.ends_ns, now + self._ns(self._control.session.longest))
        session = StoredSession(
            session_id=fingerprint(cookie),
            identity=link.identity,
            name=link.identity.subject,
            sid="",
            client_id="",
            origin=str(arrival.origin),
            began_ns=now,
            ends_ns=ends,
            seen_ns=now,
            fresh_until_ns=ends,
            sealed=b"",
        )
        self._store.add(session, attempted_ns=now, instead_of=_fingerprint_of(arrival.cookie))
        structlog.get_logger().info("signed in by a link", name=link.identity.name, source=arrival.address)
        return cookie

    def _check_local(self, arrival: Arrival) -> None:
        """Refuse links that come from elsewhere, such as through a proxy."""
        here = arrival.origin.local and _is_here(arrival.address) and not arrival.forwarded
        if not (self.site.links_at and here):
            raise SignInRefused(WhyNot.NOT_LOCAL)

    # While it lasts.

    def look(self, arrival: Arrival, *, counts: bool = True) -> Session:
        """Return the session of a request.

        Args:
            arrival: the request.
            counts: False for requests that a page makes by itself: they do not keep an idle session alive.

        Raises:
            SignInNeeded: there is none, or it is over.
            ProviderUnavailable: the provider has to be asked, and does not answer.
            SessionsUnavailable: the store cannot be used.
        """
        found = self._store.get(fingerprint(arrival.cookie)) if may_be_secret(arrival.cookie) else None
        if found is None or found.origin != str(arrival.origin):
            raise SignInNeeded
        now = self._clock()
        if self._is_over(found, now):
            self._store.end(found.session_id)
            raise SignInNeeded
        if now >= found.fresh_until_ns:
            found = self._refreshed(found.session_id, arrival.cookie)
        every = min(SEEN_EVERY_S, self._control.session.idle / 10)
        if counts and now - found.seen_ns >= self._ns(every):
            self._store.seen(found.session_id, now)
        return Session(
            identity=found.identity,
            roles=roles_of(found.identity, self._control.roles),
            name=found.name,
            csrf=derived(arrival.cookie, "csrf"),
            session_id=found.session_id,
            source=f"console {arrival.address}",
            by_link=not found.client_id,
            began_ns=found.began_ns,
            ends_ns=found.ends_ns,
        )

    def _is_over(self, session: StoredSession, now: int) -> bool:
        life = self._control.session
        if session.client_id:
            # The configuration may have changed since.
            stays = self.provider is not None and (self.provider.issuer, self.provider.client_id) == (
                session.identity.issuer,
                session.client_id,
            )
        else:
            stays = bool(self.site.links_at) and session.identity.issuer in self._issuers
        return (
            not stays
            or now >= min(session.ends_ns, session.began_ns + self._ns(life.longest))
            or now - session.seen_ns >= self._ns(life.idle)
            or now < session.seen_ns - self._ns(SET_BACK_S)
        )

    def _refreshed(self, session_id: str, cookie: str) -> StoredSession:
        """Ask the provider again, once for all requests that come together."""
        with self._refreshing[int(session_id[:8], 16) % LOCKS]:
            found, now = self._store.get(session_id), self._clock()
            if found is not None and now < found.fresh_until_ns:
                return found
            if found is None or self.provider is None:
                raise SignInNeeded
            kept = unseal(cookie, found.sealed)
            if not kept.get("refresh_token"):
                self._store.end(session_id)
                raise SignInNeeded
            try:
                word = self.provider.refresh(found.identity, kept["refresh_token"], nonce=kept["nonce"])
            except SignInRefused as refused:
                structlog.get_logger().info(
                    "session ended by the provider", name=found.identity.name, why=refused.why
                )
                self._store.end(session_id)
                raise SignInNeeded from None
            renewed = self._renewed(found, word, cookie, kept["nonce"], now)
            if not self._store.renew(renewed):
                raise SignInNeeded  # it ended meanwhile
            return renewed

    def _renewed(
        self, found: StoredSession, word: Tokens | Confirmed, cookie: str, nonce: str, now: int
    ) -> StoredSession:
        if isinstance(word, Confirmed):
            kept = {**unseal(cookie, found.sealed), "refresh_token": word.refresh_token}
            until = now + self._ns(self._control.session.recheck)
            return replace(found, fresh_until_ns=until, sealed=seal(cookie, kept))
        return replace(
            found,
            identity=word.identity,
            name=word.name,
            sid=word.sid or found.sid,
            fresh_until_ns=self._fresh_until(word, now),
            sealed=_sealed(cookie, word, nonce),
        )

    def _fresh_until(self, tokens: Tokens, now: int) -> int:
        if not tokens.refresh_token:
            return tokens.expires_ns
        return min(tokens.expires_ns, now + self._ns(self._control.session.recheck))

    # The end.

    def sign_out(self, arrival: Arrival, session: Session, *, everywhere: bool = False) -> str:
        """End a session, or all sessions of its person.

        Returns:
            Where the browser ends the provider's session too; empty if that is not needed or not known.
        """
        found = self._store.get(session.session_id)
        self._store.end(session.session_id)
        if everywhere:
            count = self._store.end_all(session.identity)
            structlog.get_logger().info("signed out everywhere", name=session.identity.name, others=count)
        if found is None or not found.client_id or self.provider is None or self.site.public is None:
            return ""
        id_token = str(unseal(arrival.cookie, found.sealed).get("id_token", ""))
        return self.provider.end_session_url(id_token, f"{self.site.public}/sign-in")

    def log_out(self, token: str) -> None:
        """End the sessions that the provider's logout token names. Raises ``SignInRefused``."""
        provider, _ = self._provider()
        count = self._store.log_out(provider.logout(token), self._clock())
        structlog.get_logger().info("the provider ended sessions", count=count)

    @staticmethod
    def _ns(seconds: float) -> int:
        return int(seconds * NANOSECONDS_PER_SECOND)


def _sealed(cookie: str, tokens: Tokens, nonce: str) -> bytes:
    kept = {"refresh_token": tokens.refresh_token, "id_token": tokens.id_token, "nonce": nonce}
    return seal(cookie, kept)


def _fingerprint_of(cookie: str) -> str:
    return fingerprint(cookie) if may_be_secret(cookie) else ""


def _ascii(text: str) -> str:
    """Return the text if it is ASCII, which alone can be compared in constant time; else an empty one."""
    return text if text.isascii() else ""


def _is_here(address: str) -> bool:
    return address in {"127.0.0.1", "::1"} or address.startswith("127.")
