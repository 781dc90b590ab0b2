"""Seals the event ids of streams, so that a stream is resumed by its own caller and as what it was.

A client that lost a stream names the last event that it got (``Last-Event-ID``), and the server sends what came
after. Whose stream that was, and which call it answers, the server's id does not say to the guard. Therefore a
caller gets an id that holds the server's id and the answered call, with a tag that only this installation can
make, for this caller in this session only. The server gets its own id back.

Sources: WHATWG HTML section 9.2 (event ids); MCP 2025-03-26 to 2025-11-25, transports, "Resumability and
Redelivery".
"""

import base64
import binascii
import hmac
import json
import re
from dataclasses import dataclass

from extproc.identity.tags import tag
from extproc.model.call import AnsweredCall
from extproc.model.identity import Identity

SEPARATOR = "."
MAX_ID = 1_024
"""Bytes of a server's id. Callers send ids in a header field."""
SENDABLE = re.compile(rb"[\t\x20-\x7e\x80-\xff]{,%d}" % MAX_ID)
"""Ids that a header field can carry (RFC 9110 section 5.5)."""


def is_sendable(event_id: bytes) -> bool:
    """Return whether a caller can send a server's id back. An empty one says that there is none."""
    return SENDABLE.fullmatch(event_id) is not None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who may use an event id, and where."""

    identity: Identity
    connection: str
    """The connection's name."""
    session: str
    """The session's name; empty where there is none."""


class EventIds:
    """Seals and opens event ids with the installation's key. Its repr shows neither the key nor an id."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Args: ``key``: a secret, the same in all workers that share callers."""
        self._key = key

    def seal(self, event_id: bytes, answered: AnsweredCall, holder: Holder) -> bytes:
        """Return the id that the caller gets.

        Args:
            event_id: the server's id, one that ``is_sendable``.
            answered: the call that the event's stream answers.
            holder: who gets the event.
        """
        text = json.dumps([*answered, event_id.decode("latin-1")], separators=(",", ":")).encode()
        payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
        return (payload + SEPARATOR + self._tag(payload, holder)).encode()

    def open(self, sealed: str, holder: Holder) -> tuple[bytes, AnsweredCall] | None:
        """Return the server's id and the answered call; None if ``sealed`` was not made for this holder."""
        payload, _, given = sealed.rpartition(SEPARATOR)
        expected = self._tag(payload, holder)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
            return None
        try:
            text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            name, method, rpc_id, event_id = json.loads(text)
        except (binascii.Error, ValueError):  # of another version, which sealed otherwise
            return None
        return event_id.encode("latin-1"), AnsweredCall(name, method, rpc_id)

    def _tag(self, payload: str, holder: Holder) -> str:
        who = holder.identity
        return tag(
            self._key, "event", who.issuer, who.subject, who.actor, holder.connection, holder.session, payload
        )
