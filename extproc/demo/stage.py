"""What the story's steps stand on: callers with tokens, the guard in front of them, the backends behind it."""

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

CALL_WITHIN_S = 60.0
COMMAND_WITHIN_S = 60.0
POLL_S = 0.1
SHOWN = 400
"""Characters of a body shown in the narration."""
CONSOLE_WIDTH = "160"
"""Columns the commands may use when their output is read here, so that no table cuts an id."""


class StepFailed(Exception):
    """A step of the story did not do what it says."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}; saw {seen}")
        self.expected = expected
        self.seen = str(seen)


def expect(holds: bool, expected: str, seen: object) -> None:
    """Go on only if it holds.

    Raises:
        StepFailed: it does not.
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
    """The running installation, and who plays."""

    installation: DemoInstallation
    console: Console
    tokens: dict[str, str] = field(repr=False)
    """Access token by name of person."""
    http: httpx.Client
    session: str
    """Sent as x-session-id, so that the story is one session of each caller."""
    api_key: str = field(repr=False)
    """Looks like a secret key; travels in an argument."""
    canaries: list[Canary] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Print a line as it is."""
        self.console.print(f"   {escape(line)}", highlight=False, soft_wrap=True)

    def call(
        self, who: str | None, method: str, path: str, *, body: bytes | None = None, host: str = "crm.demo"
    ) -> httpx.Response:
        """Call through the guard as somebody, or as nobody, and show both sides of it."""
        headers = {"host": host, "x-session-id": self.session}
        if who is not None:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        if body is not None:
            headers["content-type"] = "application/json"
        said = f" {body.decode()}" if body is not None else ""
        self.tell(f"{who or 'nobody'} -> {method} {host}{path}{said}")
        response = self.http.request(
            method, self.installation.url("envoy") + path, headers=headers, content=body, timeout=CALL_WITHIN_S
        )
        self.tell(f"{' ' * len(who or 'nobody')} <- {response.status_code} {shorten(response.text)}")
        return response

    def arrivals(self, backend: str) -> list[Arrival]:
        """What a backend has received so far. Asked directly: the guard knows no such function."""
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
        """Run the real command line; a person's token goes by environment, never by argument."""
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
        """Run a command that prints JSON, unseen.

        Raises:
            StepFailed: it failed, or printed something else.
        """
        done = self.command(*arguments, who=who, show=False)
        try:
            expect(done.returncode == 0, f"extproc {arguments[0]} to succeed", done.stderr or done.stdout)
            return json.loads(done.stdout)
        except ValueError as error:
            raise StepFailed(f"JSON from extproc {arguments[0]}", done.stdout[:SHOWN]) from error


def quoted(part: str) -> str:
    """As a person would type it."""
    return part if re.fullmatch(r"[A-Za-z0-9_./=:-]+", part) else f'"{part}"'


def shorten(text: str) -> str:
    """One line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]} …"


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document of a refusal (RFC 9457).

    Raises:
        StepFailed: the answer is something else.
    """
    kind = response.headers.get("content-type", "")
    expect(kind.startswith("application/problem+json"), "a problem document", f"{response.status_code} {kind}")
    document: Mapping[str, Any] = response.json()
    return document


def until(ready: Callable[[], Any], expected: str, *, within_s: float) -> Any:
    """Ask again until the answer is true, and return it.

    Raises:
        StepFailed: it never was.
    """
    deadline = time.monotonic() + within_s
    while not (answer := ready()):
        expect(time.monotonic() < deadline, f"{expected} within {within_s:.0f} s", "nothing")
        time.sleep(POLL_S)
    return answer
