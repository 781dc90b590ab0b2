"""The client of the control process: HTTP over its unix socket."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from extproc.config.load import load_settings
from extproc.config.state_folder import not_permitted
from extproc.console.printable import printable
from extproc.model.errors import ConfigError, ControlError, WhyRefused

ANSWER_S = 60.0
"""Longest wait for an answer; a query may take half of it."""
TOKEN_VARIABLE = "EXTPROC_TOKEN"  # noqa: S105 - a name
MAX_TOKEN = 16_384

HINTS = {
    "unauthenticated": f"Give a valid token, with --token-file or in {TOKEN_VARIABLE}; it may have expired.",
    "token-rejected": "Get a token of a provider in control.approver_providers, for its audience.",
    "unknown": "See `extproc approvals list`, `extproc sessions list` or `extproc tools list`.",
    "approval-unavailable": "See the control process's log; approvals.store may be gone, locked or full.",
    "definitions-unavailable": "See the control process's log; definitions.db in the state folder may be gone.",
    "evidence-unavailable": "See the control process's log.",
    "overloaded": "Other queries are running; try again.",
}
"""Remedies by the reason in a problem document."""


class ControlClient:
    """Sends requests to the control process. Every failure is a ``ControlError``, with a hint if there is one."""

    def __init__(self, socket: Path, token: str | None = None) -> None:
        self._socket = socket
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket), verify=False),
            base_url="http://control",
            headers=headers,
            timeout=ANSWER_S,
            trust_env=False,
        )

    def get(self, *path: str, params: Mapping[str, str | int | None] | None = None) -> Any:
        """GET ``/api/`` and these segments. Parameters that are None are left out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, object]) -> Any:
        """POST JSON to ``/api/`` and these segments."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: tuple[str, ...], **how: Any) -> Any:
        url = "/api/" + "/".join(quote(segment, safe="") for segment in path)
        try:
            response = self._http.request(method, url, **how)
            document = response.json()
        except httpx.TimeoutException:
            raise ControlError(f"the control process did not answer within {ANSWER_S:.0f} s") from None
        except httpx.HTTPError:
            raise _unreachable(self._socket) from None
        except ValueError:
            raise ControlError(f"the server that answers on {self._socket} is not the control process") from None
        if response.is_success:
            return document
        raise _refused(document if isinstance(document, dict) else {})


def connect(config: Path, token: str | None = None) -> ControlClient:
    """Make a client for the control process of this configuration.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return ControlClient(load_settings(config, to_serve=False).control.socket, token)


def read_token(file: Path | None) -> str:
    """Read the voter's token from a file or the environment, never from an argument, which other users can list.

    Raises:
        ConfigError: there is none, or it cannot be a token. The error contains nothing of it.
    """
    source = str(file) if file else TOKEN_VARIABLE
    try:
        token = (file.read_text(encoding="ascii") if file else os.environ.get(TOKEN_VARIABLE, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read a token from {source}: {type(error).__name__}") from None
    if not token:
        raise ConfigError("a vote needs your token", hint=f"give it with --token-file, or in {TOKEN_VARIABLE}")
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"the content of {source} is not a token")
    return token


def _unreachable(socket: Path) -> ControlError:
    return not_permitted(socket) or ControlError(
        f"the control process does not answer on {socket}",
        "Start it with `extproc up` (everything) or `extproc control` (alone), with the same --config.",
    )


def _refused(problem: dict[str, Any]) -> ControlError:
    """Turn a problem document into an error."""
    reason = str(problem.get("reason", ""))
    message = str(problem.get("title", "the control process refused"))
    explains = reason == WhyRefused.NOT_PENDING and "state" in problem
    for more in (problem.get("detail"), f"It is {problem['state']}." if explains else None):
        message += f": {more}" if more else ""
    matches = problem.get("matches", [])
    hint = "Give more of the id: " + ", ".join(map(str, matches)) if matches else HINTS.get(reason, "")
    return ControlError(printable(message), printable(hint))
