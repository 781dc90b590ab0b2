"""HTTP/1 as no library would send it: bytes to Envoy, and what it answers."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TypeAlias

Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Raw:
    """An answer as it arrived."""

    status: int
    head: str
    body: bytes
    whole: bytes


async def speak(connection: Connection, request: bytes, *, within_s: float = 8.0) -> Raw:
    """Send bytes; read until Envoy closes the connection. Ask it to, with ``connection: close``."""
    reader, writer = connection
    try:
        writer.write(request)
        await writer.drain()
        whole = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(within_s):
                while piece := await reader.read(65536):
                    whole += piece
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    head, _, body = whole.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return Raw(status, head.decode("latin-1"), body, whole)


def request(method: str, target: str, *fields: tuple[str, str], body: bytes = b"", version: str = "1.1") -> bytes:
    """A request, written exactly so; ``connection: close`` is added."""
    lines = [
        f"{method} {target} HTTP/{version}",
        *(f"{name}: {value}" for name, value in fields),
        "connection: close",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
