"""MCP sessions, bound to the caller they were opened for.

A server knows its sessions by an id alone: whoever learns another caller's id could speak in that session. So
callers are given the server's id with a tag that only this installation can make, and only for them. The server
sees its own id, as ever; entries and policies see a name that stands for it.

Source: MCP, "Security Best Practices", session hijacking: a session is no authentication, and is to be bound to
the user.
"""

import base64
import hashlib
import hmac

from extproc.model.identity import Identity

TAG_BYTES = 16
SEPARATOR = "."


class Sessions:
    """Binds session ids, with the installation's key. Shows neither key nor ids."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Args: ``key``: secret, the same in all workers that share callers."""
        self._key = key

    def bind(self, session: str, identity: Identity, connection: str) -> str:
        """The id to give to this caller, for the server's own."""
        return session + SEPARATOR + self._tag("bound", identity.issuer, identity.subject, connection, session)

    def unbind(self, bound: str, identity: Identity, connection: str) -> str | None:
        """The server's own id; None when it was not given to this caller on this connection."""
        session = bound.rpartition(SEPARATOR)[0]
        expected = self.bind(session, identity, connection)
        return session if hmac.compare_digest(expected.encode(), bound.encode()) else None

    def name(self, bound: str, connection: str) -> str:
        """What the record calls it: the same for the same id, of no use to whoever reads it."""
        return self._tag("name", connection, bound)

    def _tag(self, *parts: str) -> str:
        text = b"".join(len(part := each.encode()).to_bytes(4, "big") + part for each in parts)
        digest = hmac.digest(self._key, text, hashlib.sha256)[:TAG_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
