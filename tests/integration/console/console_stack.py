"""The whole product with its console, and a real Chromium with people in it.

    page = await console.visit("noor", "sre")
    await page.goto(console.url)

Every page is watched: an error of a script, a violation of the content security policy or a dialog fails the test.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from extproc.approvals.approval import Approval, ApprovalRequest
from extproc.demo.install import free_ports
from extproc.model.ids import uuid7
from extproc.model.quorum import Quorum
from tests.integration.browser.chromium import OPTIONS, chromium_binary
from tests.integration.guard.stack import READY_S, WITHIN_S, Stack, dying_with_us, run_stack
from tests.integration.support.tokens import ISSUER
from tests.integration.support.upstream import Scripted

POLICY = Path(__file__).parent / "console.rego"
ANSWER = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])
S = 10**9
EXPECTED = "Failed to load resource"
"""Chromium's word for each answer with a status from 400: tests of refusals have some."""
WATCH = """
window.violations = []
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective))
"""


@dataclass
class ConsoleStack:
    """Envoy, a worker, the control process with the console, and a browser."""

    stack: Stack
    url: str
    browser: Browser
    log_file: Path
    told: list[str] = field(default_factory=list)
    """What went wrong in a page."""
    contexts: list[BrowserContext] = field(default_factory=list)

    async def link(self, subject: str, *groups: str, **claims: Any) -> str:
        """A one-time link for this person."""
        headers = self.stack.issuer.headers(subject, groups=list(groups), **claims)
        transport = httpx.AsyncHTTPTransport(uds=str(self.stack.settings.control.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            answer = await client.post("/api/sign-in-links", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    async def context(self, **options: Any) -> BrowserContext:
        """A browser profile of its own."""
        made = await self.browser.new_context(**options)
        made.set_default_timeout(WITHIN_S * 1_000)
        await made.add_init_script(WATCH)
        made.on("page", self._watch)
        self.contexts.append(made)
        return made

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.told.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.told.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda said: (
                self.told.append(f"console: {said.text}")
                if said.type in ("error", "warning") and EXPECTED not in said.text
                else None
            ),
        )

    async def visit(self, subject: str, *groups: str, **options: Any) -> Page:
        """A page of a person who is signed in, in a profile of its own, at the queue."""
        context = await self.context(**options)
        page = await context.new_page()
        await page.goto(await self.link(subject, *groups))
        await page.get_by_role("button", name="Sign in as").click()
        await page.wait_for_url(self.url + "/")
        return page

    async def settle(self) -> None:
        """Close all pages, and fail if anything went wrong in one."""
        for context in self.contexts:
            for page in context.pages:
                with contextlib.suppress(Exception):
                    self.told += [f"policy: {each}" for each in await page.evaluate("window.violations || []")]
            await context.close()
        self.contexts.clear()
        told, self.told[:] = list(self.told), []
        assert not told, told

    def open(self, **changes: Any) -> Approval:
        """Store a request as a worker does; no call waits for it."""
        now = time.time_ns()
        request = ApprovalRequest(
            approval_id=uuid7(now, b"0123456789"),
            call_id=uuid7(now + 1_000_000, b"9876543210"),
            digest="d" * 64,
            function="crm.deploy",
            requester=f"{ISSUER}|omar",
            actor=f"{ISSUER}|release-agent",
            reason="high-risk",
            rule="held",
            risk=80,
            quorum=Quorum.any_of("sre"),
            created_ns=now,
            expires_ns=now + 300 * S,
            preview='{"service": "billing"}',
        )
        time.sleep(0.002)  # ids of the same millisecond would be equal
        return self.stack.approvals.open(replace(request, **changes))

    def request_url(self, approval: Approval) -> str:
        """The address of a request's page."""
        return f"{self.url}/approvals/{approval.request.approval_id}"

    def now(self, approval: Approval) -> Approval:
        """How a request stands in the store."""
        found = self.stack.approvals.get(approval.request.approval_id)
        assert found
        return found

    def clear(self) -> None:
        """Cancel what waits."""
        for each in self.stack.approvals.recent(pending_only=True, limit=100_000):
            self.stack.approvals.cancel_own(each.request.approval_id, time.time_ns())

    def log(self) -> str:
        """What the control process wrote."""
        return self.log_file.read_text(errors="replace")


@contextlib.asynccontextmanager
async def run_console(**changes: Any) -> AsyncIterator[ConsoleStack]:
    """Start everything."""
    (port,) = free_ports(1)
    listen = f"127.0.0.1:{port}"
    control = {"listen": listen, **changes.pop("control", {})}
    async with run_stack(
        workers=1, answer=ANSWER, control=control, policy={"paths": [str(POLICY)]}, **changes
    ) as stack:
        log_file = stack.folder / "control.log"
        async with _control(stack, log_file, f"http://{listen}"), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_binary(), args=list(OPTIONS[1:]))
            try:
                yield ConsoleStack(stack, f"http://{listen}", browser, log_file)
            finally:
                await browser.close()


@contextlib.asynccontextmanager
async def _control(stack: Stack, log_file: Path, url: str) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "tests.integration.guard.worker", "control", "--config", str(stack.config)]
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *dying_with_us(),
            *command,
            "--health",
            "none",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(READY_S), httpx.AsyncClient(trust_env=False) as client:
            while not await _answers(client, url):
                assert process.returncode is None, log_file.read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), READY_S)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/healthz")).status_code == 200
    except httpx.HTTPError:
        return False
