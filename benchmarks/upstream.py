"""A backend that costs next to nothing: one fixed JSON answer over kept-alive HTTP/1.1."""

from __future__ import annotations

import asyncio
import sys

import uvloop


def answer(size: int) -> bytes:
    """A JSON document of about ``size`` bytes, with one field that the guard masks."""
    head = b'{"id":"c-1009","name":"Ada Example","ssn":"219-09-9999","balance":1250.50,"notes":"'
    body = head + b"n" * max(0, size - len(head) - 2) + b'"}'
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class Upstream(asyncio.Protocol):
    """Counts content-lengths, and answers each request with the same bytes."""

    def __init__(self, response: bytes) -> None:
        self.response = response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = 0
            for line in self.buffer[:end].split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(self.response)


async def serve(port: int, response: bytes) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(response), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), answer(1024)))
