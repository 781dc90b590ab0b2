"""Measure the console: pages with many waiting requests, and the time from a hold to its row in an open page.

    python -m benchmarks.console_pages [waiting]

The pages are asked for over HTTP, as a browser asks; the rows are seen in a real Chromium.
"""

import asyncio
import statistics
import sys
import time
from dataclasses import replace

import httpx
from playwright.async_api import Page

from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.ids import uuid7
from tests.integration.console.console_stack import ConsoleStack, run_console
from tests.integration.support.tokens import ISSUER

WAITING = 10_000
CALLERS = 400
ASKED, HELD = 20, 20
PREVIEW = '{"service": "billing", "environment": "production", "note": "%d", "targets": ["a", "b", "c"]}'


async def main(waiting: int) -> None:
    """Print the measures."""
    async with run_console() as console:
        page = await console.visit("noor", "sre")
        await _held(console, page, "nothing else waits")
        _fill(console, waiting)
        cookies = {each["name"]: each["value"] for each in await page.context.cookies()}
        async with httpx.AsyncClient(cookies=cookies, trust_env=False, timeout=60) as client:
            for name, address in (("queue, for me", "/"), ("queue, all", "/?show=all"), ("history", "/history")):
                await _asked(client, name, console.url + address)
            await _asked(client, "one request", console.request_url(console.open()))
        await _held(console, page, f"{waiting} others wait")
        console.told.clear()


def _fill(console: ConsoleStack, waiting: int) -> None:
    """Store requests of many callers that wait."""
    request = console.open().request
    store = SqliteApprovals(console.stack.settings.approvals.store)
    began = time.perf_counter()
    for number in range(waiting):
        stored = replace(
            request,
            approval_id=uuid7(time.time_ns() + number * 1_000_000, number.to_bytes(10, "big")),
            requester=f"{ISSUER}|caller-{number % CALLERS}",
            preview=PREVIEW % number,
            call_key="",
            expires_ns=request.expires_ns + 3_600 * 10**9,
        )
        store.open(stored)
    print(f"stored {waiting} requests in {time.perf_counter() - began:.1f} s")


async def _asked(client: httpx.AsyncClient, name: str, url: str) -> None:
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        answer = await client.get(url)
        took.append((time.perf_counter() - began) * 1_000)
        assert answer.status_code == 200
    size = len(answer.content) / 1_024
    print(f"{name:14} median {statistics.median(took):6.0f} ms, slowest {max(took):6.0f} ms, {size:5.0f} KiB")


async def _held(console: ConsoleStack, page: Page, name: str) -> None:
    """Measure from before the request is stored until its row is in the page."""
    took = []
    await page.goto(console.url + "/")
    for _ in range(HELD):
        began = time.perf_counter()
        request = console.open(expires_ns=time.time_ns() + 60 * 10**9)  # the least time left: on the first page
        await page.wait_for_selector(f'[data-id="{request.request.approval_id}"]')
        took.append((time.perf_counter() - began) * 1_000)
        console.stack.approvals.cancel_own(request.request.approval_id, time.time_ns())
    print(f"hold to row, {name}: median {statistics.median(took):.0f} ms, slowest {max(took):.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else WAITING))
