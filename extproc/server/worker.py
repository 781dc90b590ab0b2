"""One worker process: a gRPC server with its own endpoint, health, and a drain that waits for held calls."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from extproc.config.addresses import is_loopback
from extproc.flow.record.from_access_log import report
from extproc.flow.services import Services
from extproc.model.errors import ConfigError
from extproc.server.access_log_service import AccessLogDoor
from extproc.server.servicers import GuardServicer
from extproc.settings.envoy import GuardTls
from extproc.settings.limits import LimitSettings

MESSAGE_SLACK = 1 << 20
"""Bytes a message may have beyond its body: headers, metadata, framing."""
NOTICE_S = 2.5
"""Until Envoy's health checks (every second, two must fail) send no new call here: a server that stops at once
refuses calls that are on their way."""
RECORD_WITHIN_S = 3.0
"""For the entries of calls that were cut off when the drain was over."""
UNIX = "unix:"


def server_options(limits: LimitSettings) -> list[tuple[str, int]]:
    """GRPC channel arguments.

    Envoy's keepalive pings must not count as abuse: the default answers with GOAWAY "too_many_pings", which kills
    every held call.
    """
    longest = max(limits.request_body, limits.response_body) + MESSAGE_SLACK
    return [
        ("grpc.max_receive_message_length", longest),
        ("grpc.max_send_message_length", longest),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),
    ]


@contextlib.asynccontextmanager
async def serving(
    guard: Services, listen: str, tls: GuardTls | None = None, *, alive: Callable[[], None] = lambda: None
) -> AsyncIterator[grpc.aio.Server]:
    """Serve both doors and health on one endpoint.

    Args:
        guard: the guard's parts.
        listen: ``host:port`` or ``unix:/path``.
        tls: mutual TLS of ports; None: only loopback ones are taken. Unix sockets have none.
        alive: is told of each message that this process comes to.

    Raises:
        ConfigError: the endpoint is taken, not ours to use, or open to others than Envoy.
    """
    server = grpc.aio.server(options=server_options(guard.limits))
    doors = GuardServicer(guard, alive)
    server.add_generic_rpc_handlers(doors.handlers())
    server.add_generic_rpc_handlers((_access_log(guard).handler(),))
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    _bind(server, listen, tls)
    await server.start()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    structlog.get_logger().info("serving", listen=listen)
    try:
        yield server
    finally:
        await health.enter_graceful_shutdown()
        notice = min(NOTICE_S, guard.limits.drain / 2)
        await asyncio.sleep(notice)
        await server.stop(guard.limits.drain - notice)
        await doors.ended(RECORD_WITHIN_S)


def _access_log(guard: Services) -> AccessLogDoor:
    names = {host: connection.name for host, connection in guard.hosts.items()}
    return AccessLogDoor(guard.recorder, lambda ended: report(ended, guard.masker, hosts=names))


def _bind(server: grpc.aio.Server, listen: str, tls: GuardTls | None) -> None:
    """Listen where only Envoy can ask: a worker believes what it is told of callers, and gives credentials out."""
    if listen.startswith(UNIX):
        Path(listen.removeprefix(UNIX)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif tls is None and not is_loopback(listen):
        raise ConfigError(
            f"cannot listen on {listen} without TLS: whoever reaches it could name any caller",
            hint="set guard_tls (and envoy.guard_tls), or listen on a unix socket or a loopback address",
        )
    try:
        if tls is None or listen.startswith(UNIX):
            server.add_insecure_port(listen)
        else:
            server.add_secure_port(listen, _credentials(tls))
    except RuntimeError as error:
        raise ConfigError(
            f"cannot listen on {listen}", hint="another process uses it, or it is not ours: choose another"
        ) from error


def _credentials(tls: GuardTls) -> grpc.ServerCredentials:
    """Mutual TLS. A peer without a certificate of ours does not get as far as a call."""
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], tls.client_ca.read_bytes(), require_client_auth=True)
    except OSError as error:
        raise ConfigError(f"guard_tls: {error.filename}: {error.strerror}") from None


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
