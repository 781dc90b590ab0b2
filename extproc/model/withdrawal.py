"""Withdrawals: somebody takes back what waits for approval, or is approved and not used yet."""

from dataclasses import dataclass
from enum import StrEnum


class WithdrawnBy(StrEnum):
    """The way in which a request for approval is withdrawn: by the caller, but for the last."""

    CANCELLATION = "call-cancelled"
    SESSION_END = "session-ended"
    REQUESTER = "requester-cancelled"
    """The person who calls, in the console or on the command line."""
    APPROVER = "vote-withdrawn"
    """An approver took an approval back before it was used."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The withdrawal of one call, or of all calls of a session, by the caller that made them."""

    by: WithdrawnBy
    rpc_id: int | str | None = None
    """The JSON-RPC id of the call; None: all calls of the message's own session."""
