"""Binds MCP sessions to the callers that opened them.

A server identifies a session by its id alone, so anybody who learns another caller's id could speak in that
session. Therefore a caller gets the server's id with a tag that only this installation can make, for this caller
only. The server sees its own id. Entries and policies see a name in place of the id.

Source: MCP, "Security Best Practices", session hijacking: a session is not an authentication, and must be bound
to the user.
"""

import hmac
import json

from extproc.identity.tags import tag
from extproc.model.identity import Identity

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

    def withdrawal_key(
        self, identity: Identity, connection: str, session: str, rpc_id: int | str | None = None
    ) -> str:
        """Return the key by which this caller can withdraw a call, or, without an id, all calls of a session.

        No other caller gets this key, and it tells nothing of the ids. ``7`` and ``"7"`` are two ids (JSON-RPC 2.0
        section 4).

        Args:
            identity: who calls; groups do not count, since a newer token may have others.
            connection: the connection's name.
            session: the session's name; empty where the caller has none.
            rpc_id: the call's JSON-RPC id.
        """
        caller = (identity.issuer, identity.subject, identity.actor)
        return self._tag("withdrawal", *caller, connection, session, json.dumps(rpc_id))

    def _tag(self, *parts: str) -> str:
        return tag(self._key, *parts)
