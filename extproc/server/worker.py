"""A worker's gRPC server: its endpoint, its health service, and a drain that waits for held calls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from extproc.concurrency.background import background
from extproc.config.addresses import is_loopback
from extproc.flow.record.from_access_log import entry_from_access_log
from extproc.model.entries import Entry
from extproc.model.errors import ConfigError
from extproc.server.access_log_service import AccessLogServicer
from extproc.server.servicers import GuardServicer, ServicesOfCalls
from extproc.server.stopping import CallsLeft, tell_progress
from extproc.settings.envoy import GuardTls
from extproc.settings.limits import LimitSettings
from extproc.wire.access_log import AccessLogEntry

MESSAGE_SLACK = 1 << 20
"""Bytes that a gRPC message may have beyond its body: headers, metadata, framing."""
NOTICE_S = 2.5
"""Seconds from "not serving" to the stop, in which Envoy's health checks (every second, two must fail) take this
worker out. A server that stopped at once would refuse calls that Envoy has just sent."""
RECORD_WITHIN_S = 3.0
"""Seconds in which calls that the end of the drain cut off are recorded."""
MAX_METADATA = 64 << 10
"""Bytes of metadata that a stream may begin with: a client certificate may be among them. By default gRPC refuses
streams from 8 KiB on at times, and from 16 KiB on always."""
UNIX = "unix:"


def server_options(limits: LimitSettings) -> list[tuple[str, int]]:
    """Return the gRPC channel arguments.

    Envoy's keepalive pings must not count as abuse: by default the server answers them with GOAWAY
    "too_many_pings", which kills every held call.
    """
    longest = max(limits.request_body, limits.response_body) + MESSAGE_SLACK
    return [
        ("grpc.max_receive_message_length", longest),
        ("grpc.max_send_message_length", longest),
        ("grpc.max_metadata_size", MAX_METADATA),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),
    ]


@dataclass(frozen=True)
class Drain:
    """How a stopping worker waits for its calls."""

    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the wait at once."""
    tell: Callable[[str], None] = lambda _line: None
    """Takes a line about the calls that are left, for people."""


@contextlib.asynccontextmanager
async def serving(
    configurations: ServicesOfCalls,
    listen: str,
    tls: GuardTls | None = None,
    *,
    alive: Callable[[], None] = lambda: None,
    drain: Drain | None = None,
) -> AsyncIterator[grpc.aio.Server]:
    """Serve ext_proc, ext_authz, the access log service and health checks on one endpoint while the block runs.

    Args:
        configurations: chooses the services of each call.
        listen: ``host:port`` or ``unix:/path``.
        tls: mutual TLS for ports; None accepts loopback ports only. Unix sockets have no TLS.
        alive: called at each message that this process receives.
        drain: how to wait for calls at the end.

    Raises:
        ConfigError: the endpoint is taken, may not be used by this user, or is open to others than Envoy.
    """
    limits = configurations.services.limits
    server = grpc.aio.server(options=server_options(limits))
    servicer = GuardServicer(configurations, alive)
    server.add_generic_rpc_handlers(servicer.handlers())
    server.add_generic_rpc_handlers((_access_log(configurations).handler(),))
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    _bind(server, listen, tls)
    await server.start()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    structlog.get_logger().info("serving", listen=listen)

    def left() -> CallsLeft:
        held = configurations.services.waiter.waiting
        return CallsLeft(held, max(0, servicer.running - held))

    try:
        yield server
    finally:
        await health.enter_graceful_shutdown()
        how = drain or Drain()
        async with background(tell_progress(left, limits.drain, how.tell)):
            await _stop(server, limits.drain, how.hurry)
            await servicer.ended(RECORD_WITHIN_S)


async def _stop(server: grpc.aio.Server, drain_s: float, hurry: asyncio.Event) -> None:
    """Stop the server once its calls have ended, at the latest after the drain, or at once in a hurry."""
    notice = min(NOTICE_S, drain_s / 2)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(notice):
            await hurry.wait()
    async with background(_hurry(server, hurry)):
        await server.stop(0 if hurry.is_set() else drain_s - notice)


async def _hurry(server: grpc.aio.Server, hurry: asyncio.Event) -> None:
    await hurry.wait()
    await server.stop(0)  # the shorter of two graces counts


def _access_log(configurations: ServicesOfCalls) -> AccessLogServicer:
    def make_entry(logged: AccessLogEntry) -> Entry | None:
        services = configurations.services
        hosts = {host: connection.name for host, connection in services.hosts.items()}
        clusters = {each.cluster: each.name for each in services.hosts.values()}
        return entry_from_access_log(logged, services.masker, hosts=hosts, clusters=clusters)

    return AccessLogServicer(configurations.services.recorder, make_entry)


def _bind(server: grpc.aio.Server, listen: str, tls: GuardTls | None) -> None:
    """Listen where only Envoy can connect: a worker believes what it is told of callers, and sends credentials."""
    if listen.startswith(UNIX):
        Path(listen.removeprefix(UNIX)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif tls is None and not is_loopback(listen):
        raise ConfigError(
            f"cannot listen on {listen} without TLS: anybody who reaches it could claim to be any caller",
            hint="set guard_tls (and envoy.guard_tls), or listen on a unix socket or a loopback address",
        )
    try:
        if tls is None or listen.startswith(UNIX):
            server.add_insecure_port(listen)
        else:
            server.add_secure_port(listen, _credentials(tls))
    except RuntimeError as error:
        raise ConfigError(
            f"cannot listen on {listen}",
            hint="another process uses it, or this user may not: choose another endpoint",
        ) from error


def _credentials(tls: GuardTls) -> grpc.ServerCredentials:
    """Mutual TLS: a peer whose certificate ``client_ca`` has not issued cannot make a call."""
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], tls.client_ca.read_bytes(), require_client_auth=True)
    except OSError as error:
        raise ConfigError(f"guard_tls: {error.filename}: {error.strerror}") from None
