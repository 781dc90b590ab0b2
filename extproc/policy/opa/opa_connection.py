"""One connection to OPA: it carries one question at a time, and each answer to the question before it."""

import asyncio
import select
from typing import cast

from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.policy.opa.http_answer import Answer, AnswerReader

ENDED = "OPA gave no answer (the connection ended)"


class Connection(asyncio.Protocol):
    """Asks one question after the other.

    In HTTP/1.1 the order alone says which question an answer belongs to. So whatever disturbs the order ends the
    connection: a question that is given up, bytes that nobody asked for, an answer that cannot be read, an answer
    that comes before its question was sent whole.
    """

    def __init__(self, most: int) -> None:
        """Args: ``most``: bytes of one answer."""
        self._reader = AnswerReader(most)
        self._waiting: asyncio.Future[Answer] | None = None
        self._unread = select.poll()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    @property
    def is_quiet(self) -> bool:
        """True if another question may be asked: the connection is open, and nothing has come unasked."""
        return not self.is_closed and not self._unread.poll(0)

    @property
    def is_closed(self) -> bool:
        """True if the connection has ended, or is ending."""
        return self._transport.is_closing()

    async def ask(self, question: bytes) -> Answer:
        """Send one question, and wait for its answer. The caller sets the time limit, by cancelling.

        Raises:
            PolicyUnreachable: the connection ended first, or its bytes are no answer.
            PolicyError: the answer must not be read: see ``AnswerReader.feed``.
        """
        if self.is_closed:
            raise PolicyUnreachable(ENDED)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(question)
        try:
            return await self._waiting
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.abort()
            return
        try:
            answer = self._reader.feed(data)
        except PolicyError as error:
            waiting.set_exception(error)
            return
        if answer is not None:
            if not answer.keeps_open or self._transport.get_write_buffer_size():
                self.abort()
            waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's name
        """The connection is gone. It never ends an answer: half of an answer without a length would look whole."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(PolicyUnreachable(ENDED))

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()
