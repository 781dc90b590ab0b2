"""The whole way of each client from initialize to DELETE, directly and through the guard, as a table for the docs."""

import asyncio
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.guard import run_guard
from tests.conformance.programs import HERE, NODE, PACKAGES, run_server
from tests.integration.guard.stack import REPOSITORY, dying_with_us

PAGE = REPOSITORY / "docs" / "topics" / "mcp.md"
BEGIN, END = "<!-- made by `python -m tests.conformance clients` -->", "<!-- the end of it -->"
ENVIRONMENTS = REPOSITORY / ".tools" / "clients"
STEPS = (
    *("initialize", "tools/list", "text", "image", "audio", "embedded resource", "resource link"),
    *(
        "structured content",
        "tool error",
        "prompts",
        "resources",
        "pagination",
        "completion",
        "progress",
        "cancel",
    ),
    *("logging", "subscriptions", "elicitation, form", "elicitation, URL", "sampling", "roots"),
    *("rounds with state", "Mcp-Param", "tasks", "resumption", "DELETE"),
)
SESSIONS, MODERN = "2025-11-25", "2026-07-28"
Steps = dict[str, str]
"""What went wrong in each step; empty: nothing."""


@dataclass(frozen=True)
class Journey:
    """One client in one era."""

    client: str
    script: str
    server: str
    requirements: tuple[str, ...] = ()
    """What pip installs for it; empty: the packages of the suite, or of the project, have it."""
    version: str = SESSIONS
    """The protocol version that it speaks with the server."""
    proxy: tuple[str, ...] = ()
    """The command of a proxy that it speaks with over stdio; ``{url}`` stands for the server."""

    def __str__(self) -> str:
        return f"{self.client}<br>{self.version}"

    def command(self, url: str) -> list[str]:
        script = str(HERE / "journeys" / self.script)
        program = str(NODE) if self.script.endswith(".mjs") else str(python_with(self.requirements))
        proxy = [each.format(url=url) for each in self.proxy]
        return [program, script, url, *([MODERN] if self.version == MODERN else proxy)]


REMOTE = (str(NODE), str(PACKAGES / "mcp-remote" / "dist" / "proxy.js"), "{url}", "--allow-http")
JOURNEYS = (
    Journey("TypeScript SDK 1.32.2", "typescript_1.mjs", "typescript_1"),
    Journey("TypeScript SDK 2.4.0", "typescript_2.mjs", "typescript_1"),
    Journey("TypeScript SDK 2.4.0", "typescript_2.mjs", "typescript_2", version=MODERN),
    Journey(
        "Python SDK 1.9.4",
        "python_1.py",
        "typescript_1",
        ("mcp==1.9.4", "pydantic==2.11.10"),
        "2025-03-26",
    ),
    Journey("Python SDK 1.30.0", "python_1.py", "typescript_1", ("mcp==1.30.0",)),
    Journey("Python SDK 2.3.0", "python_2.py", "typescript_1"),
    Journey("Python SDK 2.3.0", "python_2.py", "python_2", version=MODERN),
    Journey("fastmcp 2.14.7", "fastmcp_2_and_4.py", "typescript_1", ("fastmcp==2.14.7", "mcp==1.30.0")),
    Journey("fastmcp 4.2.3", "fastmcp_2_and_4.py", "typescript_1", ("fastmcp==4.2.3",)),
    Journey("fastmcp 4.2.3", "fastmcp_2_and_4.py", "python_2", ("fastmcp==4.2.3",), MODERN),
    Journey("mcp-remote 0.15.1", "python_1.py", "typescript_1", ("mcp==1.30.0",), proxy=REMOTE),
)


Found = dict[Journey, tuple[Steps, Steps]]
"""The steps of each client: directly, and through the guard."""


def python_with(requirements: Sequence[str]) -> Path:
    """Return a Python that has these packages; made at the first time."""
    if not requirements:
        return Path(sys.executable)
    folder = ENVIRONMENTS / "-".join(requirements).replace("==", "-")
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(pip, check=True)
        done.touch()
    return python


async def travel(journey: Journey, url: str) -> Steps:
    """Run one client, and return its steps."""
    process = await asyncio.create_subprocess_exec(
        *dying_with_us(),
        *journey.command(url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    told = [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]
    if not told:
        raise RuntimeError(f"{journey} did not begin")
    return {each["step"]: each.get("error") or "" for each in told}


async def compare_journeys(folder: Path, journeys: Sequence[Journey] = JOURNEYS) -> Found:
    """Run clients, directly and through a guard."""
    found: Found = {}
    for server in sorted({journey.server for journey in journeys}):
        async with run_server(server, folder) as address, run_guard(address) as guard:
            for journey in journeys:
                if journey.server == server:
                    direct = await travel(journey, f"http://{address}/mcp".replace("127.0.0.1", "localhost"))
                    found[journey] = direct, await travel(journey, guard.url())
    return {journey: found[journey] for journey in journeys}


def cell(step: str, direct: Steps, guarded: Steps) -> str:
    """Say how a step ended."""
    if step not in direct:
        return ""
    if direct[step]:
        return "not directly either"
    return "**no**" if guarded.get(step, "missing") else "yes"


def lost(found: Found) -> list[str]:
    """Return the steps that end well directly, and not through the guard."""
    return [
        f"{journey.client} {journey.version}: {step}: {guarded.get(step, 'missing')}"
        for journey, (direct, guarded) in found.items()
        for step in direct
        if cell(step, direct, guarded) == "**no**"
    ]


def table(found: Found) -> str:
    """Return the table of clients, in Markdown."""
    head = ["step", *map(str, found)]
    rows = [head, ["---"] * len(head)]
    rows += [[step, *(cell(step, direct, guarded) for direct, guarded in found.values())] for step in STEPS]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def write(text: str) -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
