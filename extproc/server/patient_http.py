"""HTTP/1.1 connections that wait for a request for a bounded time, and whose number is bounded.

Uvicorn waits for the head of a request for ever. Whoever reaches the port could so take all files that the process
may open, and nobody could vote any more, not even through the unix socket.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""Seconds for the whole head of a request, from the connection or the response before."""
FILES_LEFT = 256
"""Files that the process may open beside the connections of one listener."""
CONNECTIONS_LEAST, CONNECTIONS_MOST = 64, 2_000


class PatientProtocol(H11Protocol):
    """One connection. If there are too many, the one that has waited longest for a whole request gives way."""

    head_s = HEAD_S
    most: int | None = None
    """Connections of one listener; None: as many as the process's limit of open files leaves room for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self.waits_since_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; make room if there are too many connections."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > (self.most or most_connections()):
            every = (each for each in self.connections if isinstance(each, PatientProtocol))
            waiting = (each for each in every if not each.has_request())
            min(waiting, key=lambda each: each.waits_since_s, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop waiting once the head of a request is there; go on while it is not."""
        super().data_received(data)
        if self._is_served():
            self._stop()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait()
        super().on_response_complete()
        if self._is_served():  # it was sent before the response
            self._stop()

    def has_request(self) -> bool:
        """Return whether a request is being served that has come whole: its body can be slow, too."""
        return self._is_served() and not self.cycle.more_body

    def _is_served(self) -> bool:
        return getattr(self.cycle, "response_complete", True) is False  # None before the first request

    def _wait(self) -> None:
        self._stop()
        self.waits_since_s = self.loop.time()
        self._deadline = self.loop.call_later(self.head_s, self.transport.close)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def most_connections() -> int:
    """Return how many connections one listener may have, by the limit of open files (``RLIMIT_NOFILE``)."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS_MOST
    return min(max(files - FILES_LEFT, CONNECTIONS_LEAST), CONNECTIONS_MOST)
