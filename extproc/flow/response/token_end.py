"""An event stream ends when its caller's token does: a stream may stay open for hours, and a token must not.

Nothing passes from the token's ``exp`` on, by the clock at that moment. A silent stream is broken off: at that
time, or, where the protocol can tell the caller in the place of an event, a little later, if no event comes
meanwhile. Envoy takes no message of the guard's but in answer to one of the backend's.
"""

import asyncio
from dataclasses import dataclass

from extproc.flow.response.responding import Responding
from extproc.identity.jwt_metadata import LEEWAY_S, expiry
from extproc.model.errors import ResponseBrokenOff
from extproc.model.ids import Clock
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.wire.events import Event
from extproc.wire.peer import Peer

RULE = "jwt.exp"
WAITS_TO_TELL_S = 20.0
"""Servers send a keep-alive comment every 15 seconds, if they send any."""


@dataclass(frozen=True, slots=True)
class TokenEnd:
    """The end that a token sets to a stream."""

    clock: Clock
    ends_ns: int
    """Wall-clock nanoseconds."""
    broken_off_at: float
    """The event loop's seconds: a clock that is set back makes no stream longer."""

    @property
    def is_over(self) -> bool:
        """True if nothing may pass any more."""
        return self.clock() >= self.ends_ns or asyncio.get_running_loop().time() >= self.broken_off_at

    async def receive(self, peer: Peer) -> Event | None:
        """Return the next event; see ``Peer.receive``.

        Raises:
            ResponseBrokenOff: none came in time.
        """
        try:
            async with asyncio.timeout_at(self.broken_off_at):
                return await peer.receive()
        except TimeoutError:
            raise expired() from None


def expired() -> ResponseBrokenOff:
    """Return the end of a stream whose caller's token has expired."""
    return ResponseBrokenOff("the caller's token expired", Reason.UNAUTHENTICATED, RULE)


def token_end(response: Responding) -> TokenEnd | None:
    """Return the end that the caller's token sets; None where there is no token, or the settings say so.

    A call that was accepted although its token had just expired, since clocks differ, has that much longer.
    """
    services, request = response.services, response.permitted.decided.request
    expires_s = expiry(request.metadata, services.providers) if services.ends_streams else None
    if expires_s is None:
        return None
    now_ns = services.clock()
    ends_ns = int(expires_s * NANOSECONDS_PER_SECOND)
    if now_ns >= ends_ns:
        ends_ns += int(LEEWAY_S * NANOSECONDS_PER_SECOND)
    told = response.protocol.last_piece(response.answered, response.head, Reason.UNAUTHENTICATED)
    left_s = (ends_ns - now_ns) / NANOSECONDS_PER_SECOND + (WAITS_TO_TELL_S if told else 0)
    return TokenEnd(services.clock, ends_ns, asyncio.get_running_loop().time() + left_s)
