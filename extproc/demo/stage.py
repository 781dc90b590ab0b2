"""The tools of the story's steps: calls through the guard, the command line, and a look at the backends."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from extproc.demo.canaries import Canary
from extproc.demo.install import DemoInstallation

CALL_WITHIN_S = 130.0
"""Seconds for a call, also for one that waits for people: see ``approvals.wait`` in extproc.yaml."""
COMMAND_WITHIN_S = 60.0
POLL_S = 0.1
SHOWN = 400
"""Characters of a body that the narration shows."""
CONSOLE_WIDTH = "160"
"""Columns for the output of commands, wide enough that no table cuts an id."""


class StepFailed(Exception):
    """A step of the story did not do what its title says."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}; saw {seen}")
        self.expected = expected
        self.seen = str(seen)


def expect(holds: bool, expected: str, seen: object) -> None:
    """Fail the step if a condition does not hold.

    Raises:
        StepFailed: it does not hold.
    """
    if not holds:
        raise StepFailed(expected, seen)


@dataclass(frozen=True)
class Arrival:
    """One request as a backend received it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)
    carries_a_token: bool


@dataclass
class Stage:
    """The running installation, and the people who call it."""

    installation: DemoInstallation
    console: Console
    tokens: dict[str, str] = field(repr=False)
    """Access tokens by the names of people."""
    http: httpx.Client
    session: str
    """Sent as x-session-id, so that each caller has one session for the whole story."""
    api_key: str = field(repr=False)
    """A made-up secret key that is sent in an argument."""
    canaries: list[Canary] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Print a line, without markup."""
        self.console.print(f"   {escape(line)}".rstrip(), highlight=False, soft_wrap=True)

    def call(
        self, who: str | None, method: str, path: str, *, body: bytes | None = None, host: str = "crm.demo"
    ) -> httpx.Response:
        """Call through the guard as a person, or without a token, and print request and response."""
        headers = {"host": host, "x-session-id": self.session}
        if who is not None:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        if body is not None:
            headers["content-type"] = "application/json"
        sent = f" {body.decode()}" if body is not None else ""
        self.tell(f"{who or 'nobody'} -> {method} {host}{path}{sent}")
        response = self.http.request(
            method, self.installation.url("envoy") + path, headers=headers, content=body, timeout=CALL_WITHIN_S
        )
        self.tell(f"{' ' * len(who or 'nobody')} <- {response.status_code} {shorten(response.text)}")
        return response

    def arrivals(self, backend: str) -> list[Arrival]:
        """Return the requests that a backend has received. Asks it directly: the guard has no such function."""
        seen = self.http.get(f"{self.installation.url(backend)}/_seen").json()
        return [
            Arrival(
                one["method"],
                one["path"],
                [(name, value) for name, value in one["headers"]],
                base64.b64decode(one["body"]),
                one["carries_a_token"],
            )
            for one in seen
        ]

    def command(
        self, *arguments: str, who: str | None = None, show: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line. A person's token is passed in the environment, never as an argument."""
        if show:
            self.tell(f"{who or 'operator'} $ extproc {' '.join(quoted(part) for part in arguments)}")
        environment = {**os.environ, "EXTPROC_CONFIG": str(self.installation.config), "COLUMNS": CONSOLE_WIDTH}
        environment.pop("EXTPROC_TOKEN", None)
        if who is not None:
            environment["EXTPROC_TOKEN"] = self.tokens[who]
        done = subprocess.run(
            [sys.executable, "-m", "extproc", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
            env=environment,
            check=False,
        )
        if show:
            for line in (done.stdout + done.stderr).rstrip().splitlines():
                self.tell(f"  {line}")
        return done

    def command_json(self, *arguments: str, who: str | None = None) -> Any:
        """Run a command that prints JSON, without showing it.

        Raises:
            StepFailed: the command failed, or did not print JSON.
        """
        done = self.command(*arguments, who=who, show=False)
        try:
            expect(done.returncode == 0, f"extproc {arguments[0]} to succeed", done.stderr or done.stdout)
            return json.loads(done.stdout)
        except ValueError as error:
            raise StepFailed(f"JSON from extproc {arguments[0]}", done.stdout[:SHOWN]) from error


def quoted(part: str) -> str:
    """Return an argument as a person would type it."""
    return part if re.fullmatch(r"[A-Za-z0-9_./=:-]+", part) else f'"{part}"'


def shorten(text: str) -> str:
    """Return the text as one line of limited length."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]} …"


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return the problem document of a refusal (RFC 9457).

    Raises:
        StepFailed: the response is not a problem document.
    """
    kind = response.headers.get("content-type", "")
    expect(kind.startswith("application/problem+json"), "a problem document", f"{response.status_code} {kind}")
    document: Mapping[str, Any] = response.json()
    return document


def until(ready: Callable[[], Any], expected: str, *, within_s: float) -> Any:
    """Repeat a question until its answer is true, and return the answer.

    Raises:
        StepFailed: the answer was not true in time.
    """
    deadline = time.monotonic() + within_s
    while not (answer := ready()):
        expect(time.monotonic() < deadline, f"{expected} within {within_s:.0f} s", "nothing")
        time.sleep(POLL_S)
    return answer
