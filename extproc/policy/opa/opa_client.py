"""Ask an OPA server questions over HTTP/1.1, on connections that stay open."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from extproc.model.errors import PolicyUnreachable
from extproc.policy.opa.http_answer import MAX_ANSWER, Answer
from extproc.policy.opa.opa_connection import Connection
from extproc.policy.opa.opa_server import OpaServer

IDLE_S = 5.0
"""Seconds after which an idle connection is not used again: what is between here and OPA may have forgotten it."""


class OpaClient:
    """Asks one OPA server. Owned by one event loop.

    It sends the bytes it is given, each question once: a question whose connection breaks may have been
    evaluated, and may be what broke OPA. It follows no redirect, reads no compressed answer, and knows no proxy.
    Callers limit the time and the number of questions.
    """

    def __init__(
        self, server: OpaServer, most: int = MAX_ANSWER, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Make a client. It opens no connection yet.

        Args:
            server: the OPA server.
            most: bytes of one answer.
            clock_s: monotonic seconds.

        Raises:
            ConfigError: a certificate file cannot be used.
        """
        self._server, self._clock_s = server, clock_s
        self._make = lambda: Connection(most)
        self._trust = server.trust()
        self._idle: deque[tuple[float, Connection]] = deque()
        """Connections, each with the time of its last answer, the latest last."""
        self._closed = False
        self._fields = (
            f"host: {server.authority}\r\nuser-agent: extproc\r\naccept-encoding: identity\r\n"
            "content-type: application/json\r\ncontent-length: "
        )

    async def ask(self, method: str, target: str, content: bytes = b"") -> Answer:
        """Send one question, and wait for its whole answer, whatever its status is.

        Args:
            method: ``GET`` or ``POST``.
            target: path and query, percent-encoded.
            content: the body.

        Raises:
            PolicyUnreachable: OPA cannot be reached (``absent``), or gave no answer.
            PolicyError: the answer must not be read.
        """
        head = f"{method} {target} HTTP/1.1\r\n{self._fields}{len(content)}\r\n\r\n"
        connection = self._quiet() or await self._connect()
        answer = await connection.ask(head.encode() + content)
        self._keep(connection)
        return answer

    def close(self) -> None:
        """End all idle connections now, and each other one after its answer."""
        self._closed = True
        while self._idle:
            self._idle.pop()[1].abort()

    def _quiet(self) -> Connection | None:
        """Take the connection that was used last, if it can be used again."""
        oldest = self._clock_s() - IDLE_S
        while self._idle and self._idle[0][0] < oldest:
            self._idle.popleft()[1].abort()
        while self._idle:
            _, connection = self._idle.pop()
            if connection.is_quiet:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
        else:
            self._idle.append((self._clock_s(), connection))

    async def _connect(self) -> Connection:
        """Open a connection.

        Raises:
            PolicyUnreachable: nobody is there, or OPA's certificate is not trusted.
        """
        server, loop = self._server, asyncio.get_running_loop()
        try:
            if server.socket:
                _, connection = await loop.create_unix_connection(self._make, server.socket)
            else:
                _, connection = await loop.create_connection(self._make, server.host, server.port, ssl=self._trust)
        except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
            raise PolicyUnreachable(f"OPA gave no answer ({type(error).__name__})", absent=True) from None
        return connection
