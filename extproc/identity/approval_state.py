"""Seals the state of a call that waits for approval, which its client gives back when it makes the call again.

In MCP 2026-07-28 a client makes a call again by itself, with the state that it was given. The state says which
request for approval the call belongs to, and how often the client has asked. It releases nothing: approvers'
votes do, and they are found by caller and call. But nobody may make one up, and it is of no use to anybody else or
with another call.

Source: MCP 2026-07-28, multi round-trip requests: servers must verify a ``requestState`` that they rely on.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from enum import StrEnum

from extproc.identity.tags import tag
from extproc.model.identity import Identity

SEPARATOR = "."
NAME = "extproc-approval-"
KEY_ID = 8
"""Characters that name the key, so that one guard before another lets the other's states pass."""
MOST_ROUNDS = 9
"""How often a client may be told to make the call again by itself. The official SDKs give up after ten times, with
an error that no model reads; so it is told in words before."""


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """What a client gives back with a call that it makes again."""

    approval_id: str
    """UUIDv7 of the request for approval."""
    call_key: str
    """Names the call: the same for the same call alone."""
    expires_ns: int
    """Wall-clock nanoseconds at which the request for approval ends."""
    rounds: int = 1
    """How often the client was told to make the call again by itself, this time included."""

    @property
    def is_last(self) -> bool:
        """True if the client must not be told so once more."""
        return self.rounds >= MOST_ROUNDS


class NotOpened(StrEnum):
    """Why a state does not count."""

    FORGED = "forged"
    """Not made by this installation, or for another caller or connection."""
    OTHER_CALL = "other-call"
    """Made for another function, or for other arguments."""
    EXPIRED = "expired"
    """The request for approval is over."""


class ApprovalStates:
    """Seals and opens states with the installation's key. Its repr shows neither the key nor a state."""

    __slots__ = ("_key", "_prefix")

    def __init__(self, key: bytes) -> None:
        """Args: ``key``: a secret, the same in all workers that share callers."""
        self._key = key
        self._prefix = NAME + tag(key, "approval-state-key")[:KEY_ID] + SEPARATOR

    @property
    def prefix(self) -> str:
        """The beginning of all states that are sealed with this key."""
        return self._prefix

    def seal(self, state: ApprovalState, identity: Identity, connection: str) -> str:
        """Return the text that the caller gets: letters, digits, ``-``, ``_`` and dots.

        Args:
            state: what it says.
            identity: who gets it; groups do not count, since a newer token may have others.
            connection: the connection's name.
        """
        text = json.dumps([state.approval_id, state.call_key, state.expires_ns, state.rounds]).encode()
        payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
        return self._prefix + payload + SEPARATOR + self._tag(payload, identity, connection)

    def open(
        self, sealed: str, identity: Identity, connection: str, *, call_key: str, now_ns: int
    ) -> ApprovalState | NotOpened:
        """Return what a state says, or why it does not count.

        Args:
            sealed: as the caller gave it back.
            identity: who gave it back.
            connection: the connection's name.
            call_key: names the call that came with it.
            now_ns: wall-clock nanoseconds.
        """
        payload, _, given = sealed.removeprefix(self._prefix).rpartition(SEPARATOR)
        expected = self._tag(payload, identity, connection)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
            return NotOpened.FORGED
        try:
            text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            state = ApprovalState(*json.loads(text))
        except (binascii.Error, ValueError, TypeError):  # of another version, which sealed otherwise
            return NotOpened.FORGED
        if state.call_key != call_key:
            return NotOpened.OTHER_CALL
        return NotOpened.EXPIRED if state.expires_ns <= now_ns else state

    def _tag(self, payload: str, identity: Identity, connection: str) -> str:
        caller = (identity.issuer, identity.subject, identity.actor)
        return tag(self._key, "approval-state", *caller, connection, payload)
