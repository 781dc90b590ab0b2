"""Probes that tell whether a process answers: gRPC health checks, HTTP over a unix socket, plain connections."""

import asyncio
import contextlib
from pathlib import Path

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from extproc.settings.envoy import EnvoyGuardTls

ANSWER_WITHIN_S = 1.0
"""Seconds after which a probe counts as not answered."""


def guard_channel(endpoint: str, tls: EnvoyGuardTls | None = None) -> grpc.aio.Channel:
    """Open a channel to a worker, as Envoy would. Proxies of the environment are not used.

    Raises:
        OSError: a file of ``tls`` cannot be read.
    """
    options: list[tuple[str, str | int]] = [("grpc.enable_http_proxy", 0)]
    if tls is None:
        return grpc.aio.insecure_channel(endpoint, options)
    ca, key, certificate = (file.read_bytes() for file in (tls.ca, tls.key, tls.certificate))
    return grpc.aio.secure_channel(
        endpoint,
        grpc.ssl_channel_credentials(ca, key, certificate),
        [*options, ("grpc.ssl_target_name_override", tls.san)],
    )


async def answers_grpc(endpoint: str | grpc.aio.Channel) -> bool:
    """Return whether a worker reports that it serves (gRPC health checking protocol). Closes the channel."""
    try:
        async with guard_channel(endpoint) if isinstance(endpoint, str) else endpoint as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_WITHIN_S)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False


async def answers_http(unix_socket: Path, path: str) -> bool:
    """Return whether a GET over a unix socket gives 200."""
    transport = httpx.AsyncHTTPTransport(uds=str(unix_socket), verify=False)
    try:
        async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S) as client:
            return (await client.get(f"http://control{path}")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def accepts(address: str) -> bool:
    """Return whether a server accepts connections at ``host:port`` or ``unix:/path``."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            if address.startswith("unix:"):
                _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
            else:
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
