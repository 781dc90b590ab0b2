"""OPA is asked on both event loops: workers use uvloop, commands use asyncio's own."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
