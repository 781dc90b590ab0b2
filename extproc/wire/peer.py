"""Envoy at the other end of one ext_proc stream."""

from typing import Protocol

from extproc.wire.events import Event


class Peer(Protocol):
    """One exchange's messages, in order. Cancellation means that the caller, or Envoy, is gone."""

    async def receive(self) -> Event | None:
        """The next event; None when Envoy has closed its side. Raises ``ProtocolViolation``."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one encoded ``ProcessingResponse``."""
        ...
