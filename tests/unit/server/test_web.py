"""The web server stops, whatever its clients keep open."""

import asyncio
import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from extproc.demo.install import free_ports
from extproc.server.web import STREAMS_END_S, web

pytestmark = pytest.mark.asyncio


async def test_a_stream_that_never_ends_does_not_keep_the_process():
    async def for_ever(_request):
        async def lines():
            while True:
                yield ": still here\n\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(lines(), media_type="text/event-stream")

    (port,) = free_ports(1)
    app = Starlette(routes=[Route("/events", for_ever)])
    async with httpx.AsyncClient(trust_env=False) as client:
        async with web(app, f"127.0.0.1:{port}"):
            request = client.build_request("GET", f"http://127.0.0.1:{port}/events")
            answer = await client.send(request, stream=True)
            began = time.monotonic()
        assert time.monotonic() - began < STREAMS_END_S + 5
        await answer.aclose()
