"""Envoy at the other end of one call."""

from typing import Protocol

from extproc.wire.events import Event


class WaitingPeer(Protocol):
    """Envoy, waiting for the guard's answer about one call."""

    async def keep_waiting(self, seconds: float) -> None:
        """Have Envoy wait this long for the answer, where a message can do that."""
        ...


class Peer(WaitingPeer, Protocol):
    """One ext_proc exchange's messages, in order. Cancellation means that the caller, or Envoy, is gone."""

    async def receive(self) -> Event | None:
        """Return the next event; None when Envoy has closed its side. Raises ``ProtocolViolation``."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one encoded ``ProcessingResponse``."""
        ...
