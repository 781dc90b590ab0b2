"""The client of the control process: HTTP over its unix socket."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from extproc.config.load import load_settings
from extproc.config.state_folder import not_permitted
from extproc.console.bounded_answer import TooSlowError, UnreadableAnswerError, ask
from extproc.console.printable import printable
from extproc.model.errors import ConfigError, ControlError, WhyRefused

ANSWER_S = 60.0
"""Longest wait for an answer; a query may take half of it."""
AMBIGUOUS = "ambiguous"
TOKEN_VARIABLE = "EXTPROC_TOKEN"  # noqa: S105 - a name
MAX_TOKEN = 16_384

LOG = "See the control process's log."
HINTS = {
    "unauthenticated": f"Give a valid token, with --token-file or in {TOKEN_VARIABLE}; it may have expired.",
    "token-rejected": "Get a token of a provider in control.approver_providers, for its audience.",
    "unknown": "See `extproc approvals list`, `extproc sessions list` or `extproc tools list`.",
    "approval-unavailable": "See the control process's log; approvals.store may be gone, locked or full.",
    "definitions-unavailable": "See the control process's log; definitions.db in the state folder may be gone.",
    "evidence-unavailable": LOG,
    "overloaded": "Other queries are running; try again.",
}
"""Remedies by the reason in a problem document."""


class ControlClient:
    """Sends requests to the control process. Every failure is a ``ControlError``, with a hint if there is one."""

    def __init__(self, socket: Path, token: str | None = None) -> None:
        self._socket = socket
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def get(self, *path: str, params: Mapping[str, str | int | None] | None = None) -> dict[str, Any]:
        """GET ``/api/`` and these segments. Parameters that are None are left out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """POST JSON to ``/api/`` and these segments."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: tuple[str, ...], **content: Any) -> dict[str, Any]:
        url = "http://control/api/" + "/".join(quote(segment, safe="") for segment in path)
        try:
            answer = ask(method, url, within_s=ANSWER_S, socket=self._socket, headers=self._headers, **content)
        except TooSlowError:
            raise ControlError(f"the control process did not answer within {ANSWER_S:.0f} s", LOG) from None
        except httpx.HTTPError:
            raise _unreachable(self._socket) from None
        except UnreadableAnswerError:
            raise _somebody_else(self._socket) from None
        if not isinstance(answer.document, dict):
            raise _somebody_else(self._socket)
        if answer.is_success:
            return answer.document
        raise refused_by(answer.document)


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


def _somebody_else(socket: Path) -> ControlError:
    return ControlError(
        f"the server that answers on {socket} is not the control process",
        "Stop it, or correct control.socket or --config.",
    )


def refused_by(document: dict[str, Any]) -> ControlError:
    """Turn a problem document (RFC 9457) into an error. Members of the wrong type are left out."""
    problem = {name: value for name, value in document.items() if isinstance(value, str)}
    reason = problem.get("reason", "")
    message = problem.get("title", "the control process refused")
    explains = reason == WhyRefused.NOT_PENDING and "state" in problem
    for more in (problem.get("detail"), f"It is {problem['state']}." if explains else None):
        message += f": {more}" if more else ""
    matches = document.get("matches")
    listed = ", ".join(map(str, matches)) if isinstance(matches, list) else ""
    hint = f"Give more of the id: {listed}" if listed else HINTS.get(reason, "")
    return ControlError(printable(message), printable(hint), reason)
