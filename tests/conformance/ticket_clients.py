"""What each client does with the ticket of a call that waits for approval: ``python -m tests.conformance tickets``."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extproc.approvals.approval import Approval, Vote
from extproc.approvals.sqlite import SqliteApprovals
from tests.conformance.clients_table import MODERN, SESSIONS, python_with
from tests.conformance.guard import Guard, run_guard
from tests.conformance.programs import HERE, NODE, run_server
from tests.integration.guard.stack import POLL_S, dying_with_us

TOOL = "test_structured_content"
DONE = '{"count":3,"title":"three"}'
"""What the tool says."""
LATE_S = 300.0
"""When a client hangs."""


@dataclass(frozen=True)
class TicketClient:
    """One client in one era, with a person who answers its questions in one way."""

    name: str
    script: str
    version: str = SESSIONS
    requirements: tuple[str, ...] = ()
    """What pip installs for it; empty: the packages of the suite, or of the project, have it."""
    action: str = "none"
    """What the person does when asked to open the page: ``accept``, ``decline``, ``cancel``; ``none``: the client says
    that it opens no pages."""

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.action}"

    def command(self, url: str) -> list[str]:
        """Return how it is started."""
        program = str(NODE) if self.script.endswith(".mjs") else str(python_with(self.requirements))
        era = [MODERN] if self.version == MODERN else []
        return [program, str(HERE / "tickets" / self.script), url, self.action, *era]

    @property
    def server(self) -> str:
        """A server that speaks the version."""
        return "typescript_2" if self.version == MODERN else "typescript_1"


@dataclass
class Seen:
    """What a client told, line by line, and what came of its call."""

    told: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    """All requests for approval that it made."""

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The questions to its person."""
        return [each["elicited"] for each in self.told if "elicited" in each]

    @property
    def tickets(self) -> list[dict[str, Any]]:
        """The results that it showed to its model while the call waited."""
        return [each for each in self.told if each.get("error") and each.get("meta")]

    @property
    def end(self) -> dict[str, Any]:
        """The last that it told."""
        return self.told[-1]

    @property
    def is_done(self) -> bool:
        """True if it got the tool's result in the end."""
        return self.end.get("text") == DONE


INSTALLED = (
    TicketClient("TypeScript SDK 1.32.2", "typescript_1.mjs"),
    TicketClient("TypeScript SDK 2.4.0", "typescript_2.mjs"),
    TicketClient("TypeScript SDK 2.4.0", "typescript_2.mjs", MODERN),
    TicketClient("TypeScript SDK 2.4.0", "typescript_2.mjs", MODERN, action="accept"),
    TicketClient("TypeScript SDK 2.4.0", "typescript_2.mjs", MODERN, action="decline"),
    TicketClient("TypeScript SDK 2.4.0", "typescript_2.mjs", MODERN, action="cancel"),
    TicketClient("Python SDK 2.3.0", "python_2.py"),
    TicketClient("Python SDK 2.3.0", "python_2.py", MODERN),
    TicketClient("Python SDK 2.3.0", "python_2.py", MODERN, action="accept"),
    TicketClient("Python SDK 2.3.0", "python_2.py", MODERN, action="decline"),
    TicketClient("Python SDK 2.3.0", "python_2.py", MODERN, action="cancel"),
)
"""Clients of which the suite and the project have the packages."""
OTHERS = (
    TicketClient("Python SDK 1.9.4", "python_1.py", "2025-03-26", ("mcp==1.9.4", "pydantic==2.11.10")),
    TicketClient("Python SDK 1.30.0", "python_1.py", requirements=("mcp==1.30.0",)),
    TicketClient("fastmcp 2.14.7", "fastmcp_2_and_4.py", requirements=("fastmcp==2.14.7", "mcp==1.30.0")),
    TicketClient("fastmcp 4.2.3", "fastmcp_2_and_4.py", requirements=("fastmcp==4.2.3",)),
    TicketClient("fastmcp 4.2.3", "fastmcp_2_and_4.py", MODERN, ("fastmcp==4.2.3",)),
    TicketClient("fastmcp 4.2.3", "fastmcp_2_and_4.py", MODERN, ("fastmcp==4.2.3",), "accept"),
)
"""Clients that pip installs first."""


async def try_client(client: TicketClient, folder: Path, *, wait_s: float, approve_after_s: float) -> Seen:
    """Let a client call a tool that is held, approve the call later, and return what the client did.

    Args:
        client: the client.
        folder: for logs.
        wait_s: ``approvals.wait``.
        approve_after_s: seconds from the first request for approval to its approval.
    """

    def hold(configured: dict[str, Any], data: dict[str, Any]) -> None:
        configured["approvals"] = {"wait": wait_s}
        configured["control"] = {"public_url": "https://approve.example.com"}
        for each in configured["connections"].values():
            each["approvals"] = {"groups": ["sre"], "expires_in": 600}
        risks = {f"{name}.{TOOL}": 90 for name in configured["connections"]}
        data["risk"] = {"default": 0, "functions": risks, "findings": {}}
        data["hold"] = [{"at": 80, "groups": ["sre"]}]

    async with run_server(client.server, folder) as address, run_guard(address, change=hold) as guard:
        voting = asyncio.create_task(_approve(guard, approve_after_s))
        try:
            told = await _run(client.command(guard.url()))
        finally:
            voting.cancel()
        return Seen(told, store(guard).recent(pending_only=False, limit=100))


def store(guard: Guard) -> SqliteApprovals:
    """Return the approvals of a guard."""
    return SqliteApprovals(guard.settings.approvals.store)


async def _run(command: Sequence[str]) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *dying_with_us(),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LATE_S):
            said, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    told = [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]
    if not told:
        raise RuntimeError(errors.decode(errors="replace")[-2_000:])
    return told


async def _approve(guard: Guard, after_s: float) -> None:
    """Approve the first request, when its time has come."""
    while not (pending := store(guard).recent(pending_only=True, limit=10)):
        await asyncio.sleep(POLL_S)
    await asyncio.sleep(after_s)
    vote = Vote("https://login.example.com|bob", True, "looked at the change", time.time_ns())
    store(guard).vote(pending[-1].request.approval_id, vote, ("sre",))


async def try_all(folder: Path, clients: Sequence[TicketClient]) -> AsyncIterator[tuple[TicketClient, Seen]]:
    """Try clients one after the other, with a short wait."""
    for client in clients:
        yield client, await try_client(client, folder, wait_s=2.0, approve_after_s=5.0)


async def print_all(folder: Path) -> int:
    """Print what each client told; return 1 if one did not get the result in the end."""
    lost = 0
    async for client, seen in try_all(folder, (*INSTALLED, *OTHERS)):
        print(f"{client}: {len(seen.approvals)} requests for approval")
        for each in seen.told:
            print("  ", json.dumps(each), flush=True)
        lost += not seen.is_done and client.action != "decline"
    return 1 if lost else 0
