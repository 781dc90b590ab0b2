"""Health and metrics over HTTP, for clients without gRPC health checks."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Checks = Callable[[], Awaitable[dict[str, str]]]
"""Returns the state of each part by name: ``ok``, or a description of the fault."""

OK = "ok"


Facts = Callable[[], Mapping[str, object]]
"""Returns further members of the answer: they say what runs, and nothing about health."""


def no_facts() -> Mapping[str, object]:
    """Return no further members."""
    return {}


def health_app(checks: Checks, facts: Facts = no_facts) -> Starlette:
    """``/healthz``: 200 when every part is ``ok``, 503 otherwise. ``/metrics``: Prometheus text."""

    async def healthz(_request: Request) -> Response:
        parts = await checks()
        healthy = all(state == OK for state in parts.values())
        answer = {"status": OK if healthy else "unhealthy", "parts": parts, **facts()}
        return JSONResponse(answer, 200 if healthy else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])


def _registry() -> CollectorRegistry:
    """The metrics of all processes that share ``PROMETHEUS_MULTIPROC_DIR``; without it, those of this process."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - read after the environment is set

    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@contextlib.asynccontextmanager
async def http_health(listen: str, checks: Checks, facts: Facts = no_facts) -> AsyncIterator[None]:
    """Serve ``health_app`` at this address while the block runs; ``none`` serves nothing."""
    if listen == "none":
        yield
        return
    from extproc.server.web import web  # noqa: PLC0415 - a worker without health checks loads no web server

    async with web(health_app(checks, facts), listen):
        yield
