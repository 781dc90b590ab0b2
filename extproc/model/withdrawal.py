"""Withdrawals: a caller's message takes back the caller's own calls that wait for approval."""

from dataclasses import dataclass
from enum import StrEnum


class WithdrawnBy(StrEnum):
    """The message by which a caller withdraws its calls."""

    CANCELLATION = "call-cancelled"
    SESSION_END = "session-ended"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The withdrawal of one call, or of all calls of a session, by the caller that made them."""

    by: WithdrawnBy
    rpc_id: int | str | None = None
    """The JSON-RPC id of the call; None: all calls of the message's own session."""
