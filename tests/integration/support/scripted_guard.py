"""A guard that does what a test tells it, word by word, over real gRPC.

    async def script(talk: Talk) -> None:
        first = await talk.receive()
        await talk.send(ProcessingResponse(request_headers=...))

Returning ends the stream cleanly, which is what Envoy takes for consent.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.accesslog.v3 import als_pb2
from envoy.service.auth.v3 import external_auth_pb2 as auth
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_health.v1 import health_pb2

OPTIONS = [
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_receive_message_length", 64 << 20),
]


def mark(**values: str) -> Struct:
    """Dynamic metadata under ``guard``."""
    made = Struct()
    for name, value in values.items():
        made.fields["guard"].struct_value.fields[name].string_value = value
    return made


REQUEST_DONE = mark(req="done")
RESPONSE_DONE = mark(resp="done")


@dataclass
class Talk:
    """One stream, from the guard's side."""

    context: Any
    heard: list[pb.ProcessingRequest] = field(default_factory=list)
    """Every message that Envoy sent on this stream."""

    async def receive(self) -> pb.ProcessingRequest | None:
        """The next message; None when Envoy closed its side."""
        message = await self.context.read()
        if message is grpc.aio.EOF:
            return None
        self.heard.append(pb.ProcessingRequest.FromString(message))
        return self.heard[-1]

    async def send(self, message: pb.ProcessingResponse) -> None:
        """Answer."""
        await self.context.write(message.SerializeToString())

    @property
    def phases(self) -> list[str]:
        """The names of the messages heard."""
        return [str(each.WhichOneof("request")) for each in self.heard]


Script: TypeAlias = Callable[[Talk], Awaitable[None]]
Check: TypeAlias = Callable[[auth.CheckRequest], auth.CheckResponse]


@dataclass
class ScriptedGuard:
    """The server, and what it heard."""

    script: Script
    check: Check | None = None
    address: str = ""
    talks: list[Talk] = field(default_factory=list)
    checks: list[auth.CheckRequest] = field(default_factory=list)
    logged: list[Any] = field(default_factory=list)
    """HTTP access log entries that Envoy sent."""

    async def process(self, _requests: Any, context: Any) -> None:
        talk = Talk(context)
        self.talks.append(talk)
        await self.script(talk)

    async def decide(self, request: bytes, _context: Any) -> bytes:
        asked = auth.CheckRequest.FromString(request)
        self.checks.append(asked)
        assert self.check, "no check was expected"
        return self.check(asked).SerializeToString()

    async def log(self, _requests: Any, context: Any) -> None:
        while (message := await context.read()) is not grpc.aio.EOF:
            self.logged.extend(als_pb2.StreamAccessLogsMessage.FromString(message).http_logs.log_entry)


async def allow_all(talk: Talk) -> None:
    """Let everything through, marked as the second lines of defence want it, and unchanged."""
    while (event := await talk.receive()) is not None:
        await talk.send(passing(event))


def passing(event: pb.ProcessingRequest) -> pb.ProcessingResponse:
    """The marked answer to one message that changes nothing."""
    match event.WhichOneof("request"):
        case "request_headers":
            metadata = REQUEST_DONE if event.request_headers.end_of_stream else None
            return pb.ProcessingResponse(request_headers=pb.HeadersResponse(), dynamic_metadata=metadata)
        case "request_body":
            return pb.ProcessingResponse(request_body=pb.BodyResponse(), dynamic_metadata=REQUEST_DONE)
        case "request_trailers":
            return pb.ProcessingResponse(request_trailers=pb.TrailersResponse(), dynamic_metadata=REQUEST_DONE)
        case "response_headers":
            metadata = RESPONSE_DONE if event.response_headers.end_of_stream else None
            return pb.ProcessingResponse(response_headers=pb.HeadersResponse(), dynamic_metadata=metadata)
        case "response_body":
            return pb.ProcessingResponse(response_body=pb.BodyResponse(), dynamic_metadata=RESPONSE_DONE)
        case _:
            marks = mark(resp="done", trailers="done")
            return pb.ProcessingResponse(response_trailers=pb.TrailersResponse(), dynamic_metadata=marks)


def begin_stream() -> pb.ProcessingResponse:
    """Ask for the response body piece by piece (answers response_headers)."""
    mode = ProcessingMode(
        request_header_mode=ProcessingMode.SEND,
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED,
        response_body_mode=ProcessingMode.STREAMED,
        request_trailer_mode=ProcessingMode.SEND,
        response_trailer_mode=ProcessingMode.SEND,
    )
    edits = pb.CommonResponse(header_mutation=pb.HeaderMutation(remove_headers=["content-length"]))
    return pb.ProcessingResponse(
        response_headers=pb.HeadersResponse(response=edits), mode_override=mode, dynamic_metadata=mark(resp="hdr")
    )


def piece(number: int, body: bytes | None = None) -> pb.ProcessingResponse:
    """Answer one piece of a stream; ``body`` None leaves it as it is, empty withholds it."""
    answer = pb.ProcessingResponse(response_body=pb.BodyResponse(), dynamic_metadata=mark(resp=str(number)))
    if body:
        answer.response_body.response.body_mutation.body = body
    elif body is not None:
        answer.response_body.response.body_mutation.clear_body = True
    return answer


@contextlib.asynccontextmanager
async def run_guard(
    folder: Path, script: Script = allow_all, check: Check | None = None
) -> AsyncIterator[ScriptedGuard]:
    """Serve on a unix socket in a (short) folder until the end of the context."""
    guard = ScriptedGuard(script, check, f"unix:{folder / 'guard.sock'}")
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers(_handlers(guard))
    server.add_insecure_port(guard.address)
    await server.start()
    try:
        yield guard
    finally:
        await server.stop(None)


def _handlers(guard: ScriptedGuard) -> tuple[grpc.GenericRpcHandler, ...]:
    async def healthy(_request: bytes, _context: Any) -> bytes:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()

    generic = grpc.method_handlers_generic_handler
    stream, unary = grpc.stream_stream_rpc_method_handler, grpc.unary_unary_rpc_method_handler
    return (
        generic("envoy.service.ext_proc.v3.ExternalProcessor", {"Process": stream(guard.process)}),
        generic("envoy.service.auth.v3.Authorization", {"Check": unary(guard.decide)}),
        generic("envoy.service.accesslog.v3.AccessLogService", {"StreamAccessLogs": stream(guard.log)}),
        generic("grpc.health.v1.Health", {"Check": unary(healthy)}),
    )
