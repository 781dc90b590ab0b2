"""The session at one console: made by a sign-in, renewed when its token ends, and given up."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from extproc.console.afar.oauth_client import SIGN_IN_NEEDED, ProviderRefusedError, Tokens, refreshed, revoke
from extproc.console.afar.published_endpoints import SignInPlace
from extproc.console.afar.safe_address import Origin
from extproc.console.afar.session_file import SessionFile, StoredSession, default_folder
from extproc.model.errors import ControlError

EARLY_S = 20.0
"""Seconds before its end at which a token is renewed, so that it is valid when it arrives."""
OVER = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})
"""Codes that end a session (RFC 6749 section 5.2)."""


class RemoteSession:
    """The session at one console. Its tokens go to this console and to its provider's endpoints only."""

    def __init__(self, server: Origin, file: SessionFile, now_s: Callable[[], float] = time.time) -> None:
        """Read nothing yet.

        Args:
            server: the console.
            file: all sessions of this user.
            now_s: wall clock, seconds since the Unix epoch.
        """
        self.server = server
        self._file = file
        self._now_s = now_s

    def stored(self) -> StoredSession | None:
        """Return the session as it is stored; None: nobody has signed in."""
        return self._file.read().get(str(self.server))

    def keep(self, place: SignInPlace, tokens: Tokens) -> None:
        """Store what a sign-in gave."""
        with self._file.changing() as sessions:
            sessions[str(self.server)] = StoredSession(
                issuer=place.issuer,
                client_id=place.client_id,
                token_endpoint=place.token_endpoint,
                revocation_endpoint=place.revocation_endpoint,
                **asdict(tokens),
            )

    def bearer(self) -> str:
        """Return an access token that is valid now, renewed if need be.

        Raises:
            ControlError: ``sign-in-needed``, or the provider cannot be asked.
            ConfigError: the file with the sessions must not be used.
        """
        stored = self.stored()
        if stored is None:
            raise self._sign_in_needed("nobody is signed in")
        return stored.access_token if self._lasts(stored) else self._renewed()

    def _renewed(self) -> str:
        with self._file.changing() as sessions:
            # Another command may have renewed it meanwhile: a refresh token may count only once.
            stored = sessions.get(str(self.server))
            if stored is None:
                raise self._sign_in_needed("nobody is signed in")
            if self._lasts(stored):
                return stored.access_token
            tokens = self._refresh(stored)
            if tokens is not None:
                sessions[str(self.server)] = replace(stored, **asdict(tokens))
                return tokens.access_token
            del sessions[str(self.server)]
        raise self._sign_in_needed("the session has ended")

    def _refresh(self, stored: StoredSession) -> Tokens | None:
        """Return new tokens; None: the session has ended."""
        if not stored.refresh_token:
            return None
        try:
            return refreshed(stored)
        except ProviderRefusedError as refused:
            if refused.code in OVER:
                return None
            raise

    def end(self) -> tuple[bool, bool]:
        """Forget the session.

        Returns:
            Whether there was one, and whether the provider has ended it too.
        """
        with self._file.changing() as sessions:
            stored = sessions.pop(str(self.server), None)
        return stored is not None, stored is not None and revoke(stored)

    def _lasts(self, stored: StoredSession) -> bool:
        return self._now_s() < stored.expires_s - EARLY_S

    def _sign_in_needed(self, why: str) -> ControlError:
        return ControlError(
            f"{why} at {self.server}", f"Sign in: extproc login --server {self.server}", SIGN_IN_NEEDED
        )


def own_sessions() -> SessionFile:
    """Return the sessions of the user that runs this process."""
    return SessionFile(default_folder(dict(os.environ)))
