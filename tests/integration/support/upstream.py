"""A small HTTP/1.1 backend that remembers what it saw and answers as told.

    async with run_upstream(Scripted(200, [("content-type", "application/json")], [b"{}"])) as upstream:
        ...
        assert upstream.requests == []

``upstream.answer`` may be replaced at any time by another ``Scripted`` or by a function of the request.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fields: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class ResponseFacts:
    """A request as it arrived."""

    method: str
    path: str
    headers: Fields
    body: bytes
    trailers: Fields = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The values of one name, joined by a comma; None when absent."""
        found = [value for each, value in self.headers if each == name]
        return ", ".join(found) if found else None


@dataclass(frozen=True)
class Scripted:
    """A response. Empty ``pieces``: no body (204, 304, an answer to HEAD, or content-length 0)."""

    status: int = 200
    """0 closes the connection instead of answering."""
    headers: Fields = field(default_factory=list)
    pieces: list[bytes | float | asyncio.Event] = field(default_factory=list)
    """Parts of the body; a number waits that many seconds, an event until it is set."""
    framing: Literal["length", "chunked", "until-close"] = "length"
    trailers: Fields = field(default_factory=list)
    """Sent after a chunked body."""
    break_off: bool = False
    """Close the connection where the body should have ended."""


Answer: TypeAlias = Scripted | Callable[[ResponseFacts], Scripted]


@dataclass
class RunningUpstream:
    """The backend, and what it saw."""

    answer: Answer
    port: int = 0
    requests: list[ResponseFacts] = field(default_factory=list)
    interrupted: int = 0
    """Requests that ended before they were whole."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while (seen := await self._read(reader)) is not None:
                self.requests.append(seen)
                scripted = self.answer if isinstance(self.answer, Scripted) else self.answer(seen)
                if await _write(writer, seen, scripted):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.interrupted += 1
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> ResponseFacts | None:
        line = await reader.readline()
        if not line:
            return None
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = await _read_fields(reader)
        names = dict(headers)
        if names.get("transfer-encoding", "").lower() == "chunked":
            body, trailers = await _read_chunks(reader)
        else:
            body, trailers = await reader.readexactly(int(names.get("content-length", "0"))), []
        return ResponseFacts(method, path, headers, body, trailers)


async def _read_fields(reader: asyncio.StreamReader) -> Fields:
    fields: Fields = []
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        fields.append((name.lower(), value.strip()))
    return fields


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, Fields]:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    return body, await _read_fields(reader)


async def _write(writer: asyncio.StreamWriter, seen: ResponseFacts, scripted: Scripted) -> bool:
    """Write one response; whether the connection must be closed after it."""
    if not scripted.status:
        return True
    headers = list(scripted.headers)
    body = [piece for piece in scripted.pieces if isinstance(piece, bytes)]
    if scripted.framing == "chunked":
        headers.append(("transfer-encoding", "chunked"))
    elif (
        scripted.framing == "length"
        and scripted.status not in (204, 304)
        and "content-length" not in dict(headers)
    ):
        headers.append(("content-length", str(sum(map(len, body)))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"HTTP/1.1 {scripted.status} Scripted\r\n{head}\r\n".encode("latin-1"))
    await writer.drain()
    if seen.method != "HEAD" and scripted.status not in (204, 304):
        await _write_body(writer, scripted)
    return scripted.break_off or scripted.framing == "until-close"


async def _write_body(writer: asyncio.StreamWriter, scripted: Scripted) -> None:
    for piece in scripted.pieces:
        if not isinstance(piece, bytes):
            await (piece.wait() if isinstance(piece, asyncio.Event) else asyncio.sleep(piece))
            continue
        chunked = scripted.framing == "chunked"
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if scripted.framing == "chunked" and not scripted.break_off:
        fields = "".join(f"{name}: {value}\r\n" for name, value in scripted.trailers)
        writer.write(f"0\r\n{fields}\r\n".encode("latin-1"))
        await writer.drain()


@contextlib.asynccontextmanager
async def run_upstream(answer: Answer | None = None) -> AsyncIterator[RunningUpstream]:
    """Listen on a free port of the loopback interface."""
    upstream = RunningUpstream(answer or Scripted(200, [("content-type", "application/json")], [b'{"ok":true}']))
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
