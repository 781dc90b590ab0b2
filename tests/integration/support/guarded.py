"""Envoy with our rendered configuration, a scripted guard before it, a scripted backend behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from extproc.envoy_config.render.bootstrap import GuardFilter, render_bootstrap
from tests.integration.support.envoy_process import EnvoyProcess, run_envoy, short_folder
from tests.integration.support.scripted_guard import Check, Script, ScriptedGuard, allow_all, run_guard
from tests.integration.support.settings import HOST, small_settings
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import Answer, RunningUpstream, run_upstream


@dataclass
class Guarded:
    """All that runs, and a client that calls ``HOST`` with a valid token."""

    envoy: EnvoyProcess
    guard: ScriptedGuard
    upstream: RunningUpstream
    issuer: Issuer
    client: httpx.AsyncClient

    async def call(self, method: str = "GET", path: str = "/customers/1", **options: Any) -> httpx.Response:
        """Call through Envoy; ``headers`` given here are added to the token and the host."""
        headers = {"host": HOST, **self.issuer.headers(), **options.pop("headers", {})}
        return await self.client.request(method, self.envoy.url + path, headers=headers, **options)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to Envoy, for what ``client`` would not do."""
        return await asyncio.open_connection("127.0.0.1", self.envoy.port)


@contextlib.asynccontextmanager
async def guarded(
    script: Script = allow_all,
    answer: Answer | None = None,
    *,
    guard_filter: GuardFilter = "ext_proc",
    check: Check | None = None,
    http2: bool = False,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    **settings: Any,
) -> AsyncIterator[Guarded]:
    """Start everything.

    Args:
        script: what the guard does on each ext_proc stream.
        answer: what the backend answers.
        guard_filter: which filters.
        check: what the guard answers as the ext_authz service.
        http2: whether the client speaks HTTP/2 (with prior knowledge).
        change: changes the rendered configuration in place before Envoy gets it.
        settings: top-level keys of the configuration file to replace.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(short_folder())
        upstream = await stack.enter_async_context(run_upstream(answer))
        guard = await stack.enter_async_context(run_guard(folder, script, check))
        issuer = Issuer(folder)
        rendered = render_bootstrap(
            small_settings(folder, issuer, upstream.address, **settings),
            guard_endpoints=[guard.address],
            guard_filter=guard_filter,
        )
        change(rendered)
        envoy = await stack.enter_async_context(run_envoy(rendered))
        client = await stack.enter_async_context(
            httpx.AsyncClient(http1=not http2, http2=http2, timeout=20.0, verify=False)
        )
        yield Guarded(envoy, guard, upstream, issuer, client)
