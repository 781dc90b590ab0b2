"""An HTTP/2 client for what ordinary clients do not do: trailers, both ways."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events


@dataclass
class Answer:
    """A response as it arrived."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    """Envoy reset the stream before the response was whole."""


async def call_http2(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    headers: dict[str, str],
    *,
    method: str = "POST",
    path: str = "/",
    body: bytes | None = None,
    trailers: dict[str, str] | None = None,
) -> Answer:
    """Make one call over this connection, and close it. ``headers`` must hold ``host``."""
    reader, writer = connection
    protocol = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    protocol.initiate_connection()
    rest = {name: value for name, value in headers.items() if name != "host"}
    pseudo = {":method": method, ":scheme": "http", ":authority": headers["host"], ":path": path}
    protocol.send_headers(1, list({**pseudo, **rest}.items()), end_stream=body is None and trailers is None)
    if body is not None:
        protocol.send_data(1, body, end_stream=trailers is None)
    if trailers is not None:
        protocol.send_headers(1, list(trailers.items()), end_stream=True)
    writer.write(protocol.data_to_send())
    answer = Answer()
    try:
        async with asyncio.timeout(30):
            await _read(protocol, reader, writer, answer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return answer


async def _read(
    connection: h2.connection.H2Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Answer,
) -> None:
    while data := await reader.read(65536):
        for event in connection.receive_data(data):
            if _note(connection, event, answer):
                return
        writer.write(connection.data_to_send())
    answer.reset = True


def _note(connection: h2.connection.H2Connection, event: h2.events.Event, answer: Answer) -> bool:
    """Keep what an event says; whether it was the last."""
    match event:
        case h2.events.ResponseReceived():
            fields = {str(name): str(value) for name, value in event.headers}
            answer.status, answer.headers = int(fields.pop(":status")), fields
        case h2.events.DataReceived():
            answer.body += event.data
            connection.acknowledge_received_data(event.flow_controlled_length, 1)
        case h2.events.TrailersReceived():
            answer.trailers = {str(name): str(value) for name, value in event.headers}
        case h2.events.StreamReset() | h2.events.ConnectionTerminated():
            answer.reset = True
            return True
        case h2.events.StreamEnded():
            return True
    return False
