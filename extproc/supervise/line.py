"""The supervisor's end of the line to a child process: see ``extproc.server.supervised``."""

import asyncio
import contextlib
import itertools
import json
import socket
from typing import Any, Self

from extproc.model.errors import ExtprocError

MAX_LINE = 1 << 20


class LineClosedError(ExtprocError):
    """The child ended, or did not answer in time."""


class SilentError(LineClosedError):
    """The child did not answer in time."""


class RefusedError(ExtprocError):
    """The child refused, and says why."""


class Line:
    """Asks one child process. Belongs to one event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count()
        self._closed = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def over(cls, ours: socket.socket) -> Self:
        """Make the line over this end of a pair of sockets."""
        ours.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=ours, limit=MAX_LINE))

    async def ask(self, do: str, within_s: float | None, **more: str) -> dict[str, Any]:
        """Ask the child for something.

        Args:
            do: the request's name.
            within_s: seconds to wait; None: as long as the child lives.
            more: members of the request.

        Raises:
            RefusedError: the child says why.
            LineClosedError: there is no answer; ``SilentError`` if the child may still live.
        """
        if self._closed:
            raise LineClosedError("it has ended")
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"id": number, "do": do, **more}).encode() + b"\n")
        try:
            async with asyncio.timeout(within_s):
                found: dict[str, Any] = await answer
        except TimeoutError:
            raise SilentError(f"it did not answer within {within_s:.0f} s") from None
        finally:
            self._waiting.pop(number, None)
        if not found["ok"]:
            raise RefusedError(str(found["why"]))
        return found

    async def close(self) -> None:
        """End the line."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                answer = json.loads(line)
                future = self._waiting.get(answer["id"])
                if future is not None and not future.done():
                    future.set_result(answer)
        except (OSError, ValueError):
            pass
        finally:
            self._closed = True
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(LineClosedError("it has ended"))
