"""Make the pictures of the documentation: ``make screenshots``. All people and calls in them are made up."""

import asyncio
import sys
import time
from pathlib import Path

from playwright.async_api import Page

from extproc.approvals.approval import Approval, Vote
from extproc.model.masking import Finding
from extproc.model.quorum import Quorum
from tests.integration.console.console_stack import ConsoleStack, S, run_console
from tests.integration.support.tokens import ISSUER

DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
BEFORE = '{"service": "billing", "version": "2.9.4", "environment": "staging", "replicas": 4, "note": "nightly"}'
NOW = (
    '{"service": "billing", "version": "2.10.0", "environment": "production", "replicas": 6,'
    ' "note": "rotate [STRIPE_KEY] afterwards", "skip_backup": true}'
)
KEY = (Finding("STRIPE_KEY", "$.note", "redact"),)


def decide(console: ConsoleStack, request: Approval, voter: str, note: str, *, approve: bool = True) -> None:
    vote = Vote(f"{ISSUER}|{voter}", approve, note, time.time_ns(), ("sre",), source="console 192.0.2.7")
    console.stack.approvals.vote(request.request.approval_id, vote, ("sre",))


def fill(console: ConsoleStack) -> Approval:
    """The requests of the pictures; returns the one that is shown whole."""
    ends = time.time_ns()
    for number, (function, who, approve, note) in enumerate(
        [
            ("crm.issue_refund", "maya", True, "within the limit, customer is right"),
            ("crm.run_query", "lin", False, "touches production data: ask for the replica"),
            ("mail.send", "maya", True, "text checked with support"),
            ("crm.issue_refund", "maya", False, "no ticket"),
        ]
    ):
        old = console.open(
            function=function, requester=f"{ISSUER}|{who}", actor=f"{ISSUER}|support-agent", session=str(number)
        )
        decide(console, old, "noor" if approve else "emil", note, approve=approve)
    decide(console, console.open(preview=BEFORE), "emil", "change 4702, tested on staging")
    refund = '{"customer": "1002", "amount": 900, "reason": "goodwill"}'
    for number in range(12):
        console.open(
            function="mail.send",
            requester=f"{ISSUER}|maya",
            actor=f"{ISSUER}|support-agent",
            risk=72,
            expires_ns=ends + (900 + number) * S,
            preview=f'{{"to": ["[EMAIL_ADDRESS]"], "subject": "Your refund {4400 + number}", "body": "Hello [PERSON]"}}',
            findings=(Finding("EMAIL_ADDRESS", "$.to[0]", "redact"),),
        )
    console.open(
        function="db.run_query",
        requester=f"{ISSUER}|lin",
        actor="",
        risk=55,
        expires_ns=ends + 51 * S,
        preview='{"statement": "DELETE FROM sessions WHERE last_seen < now() - interval 30 day", "database": "shop"}',
    )
    ticket = console.open(
        function="crm.issue_refund",
        requester=f"{ISSUER}|maya",
        actor=f"{ISSUER}|billing-agent",
        risk=75,
        quorum=Quorum((("sre",), ("finance", "support-leads"))),
        expires_ns=ends + 3_400 * S,
        preview=refund,
    )
    console.stack.approvals.issue_ticket(ticket.request.approval_id, time.time_ns())
    return console.open(
        preview=NOW, findings=KEY, expires_ns=ends + 272 * S, source="10.2.0.14:52114", policy_revision="3f" * 32
    )


async def shoot(page: Page, url: str, file: Path, *, whole: bool = False) -> None:
    await page.goto(url)
    await page.wait_for_timeout(400)
    await page.screenshot(path=file, full_page=whole)
    print(file)


async def main(folder: Path) -> None:
    async with run_console() as console:
        request = console.request_url(fill(console))
        light = await console.visit("noor", "sre", viewport=DESKTOP)
        await shoot(light, f"{console.url}/?show=all", folder / "console-queue.png")
        await shoot(light, request, folder / "console-request.png")
        await shoot(light, f"{console.url}/history", folder / "console-history.png")
        dark = await console.visit("noor", "sre", viewport=DESKTOP, color_scheme="dark")
        await shoot(dark, request, folder / "console-request-dark.png")
        phone = await console.visit("noor", "sre", viewport=PHONE, device_scale_factor=1.5)
        await shoot(phone, request, folder / "console-request-phone.png")
        await console.settle()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
