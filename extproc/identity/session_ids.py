"""Binds MCP sessions to the callers that opened them.

A server identifies a session by its id alone, so anybody who learns another caller's id could speak in that
session. Therefore a caller gets the server's id with a tag that only this installation can make, for this caller
only. The server sees its own id. Entries and policies see a name in place of the id.

Source: MCP, "Security Best Practices", session hijacking: a session is not an authentication, and must be bound
to the user.
"""

import base64
import hashlib
import hmac

from extproc.model.identity import Identity

TAG_BYTES = 16
SEPARATOR = "."


class Sessions:
    """Binds session ids with the installation's key. Its repr shows neither the key nor an id."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Args: ``key``: a secret, the same in all workers that share callers."""
        self._key = key

    def bind(self, session: str, identity: Identity, connection: str) -> str:
        """Return the id that this caller gets in place of the server's id."""
        return session + SEPARATOR + self._tag("bound", identity.issuer, identity.subject, connection, session)

    def unbind(self, bound: str, identity: Identity, connection: str) -> str | None:
        """Return the server's id; None if ``bound`` was not made for this caller on this connection."""
        session = bound.rpartition(SEPARATOR)[0]
        expected = self.bind(session, identity, connection)
        return session if hmac.compare_digest(expected.encode(), bound.encode()) else None

    def name(self, bound: str, connection: str) -> str:
        """Return the session's name for entries: the same for the same id, and useless for a session hijacker."""
        return self._tag("name", connection, bound)

    def _tag(self, *parts: str) -> str:
        text = b"".join(len(part := each.encode()).to_bytes(4, "big") + part for each in parts)
        digest = hmac.digest(self._key, text, hashlib.sha256)[:TAG_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
