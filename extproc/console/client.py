"""The client of the control process: HTTP over its unix socket."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from extproc.config.load import load_settings
from extproc.config.state_folder import not_permitted
from extproc.console.afar.published_endpoints import no_answer
from extproc.console.afar.safe_address import Origin
from extproc.console.bounded_answer import TooSlowError, UnreadableAnswerError, ask
from extproc.console.printable import printable
from extproc.model.errors import ControlError, WhyRefused

ANSWER_S = 60.0
"""Longest wait for an answer; a query may take half of it."""
AMBIGUOUS = "ambiguous"
NO_TOKEN = "sign-in-needed"  # noqa: S105 - a reason
TOKEN_VARIABLE = "EXTPROC_TOKEN"  # noqa: S105 - a name
MAX_TOKEN = 16_384
Parameter: TypeAlias = str | int | Sequence[str] | None
"""A query parameter; a sequence is given once for each item."""

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

    def __init__(self, socket: Path | None, token: str | None = None) -> None:
        """Ask over the unix socket of this machine.

        Args:
            socket: of the control process.
            token: of the person who asks; None: reading needs none.
        """
        self._socket = socket
        self._base = "http://control"
        self._bearer: Callable[[], str | None] = lambda: token

    @classmethod
    def at(cls, server: Origin, bearer: Callable[[], str]) -> "ControlClient":
        """Ask a console on another machine.

        Args:
            server: the console, by https; by http only on this machine.
            bearer: returns a token that is for this console.
        """
        made = cls(None)
        made._base, made._bearer = str(server), bearer
        return made

    def get(self, *path: str, params: Mapping[str, Parameter] | None = None) -> dict[str, Any]:
        """GET ``/api/`` and these segments. Parameters that are None are left out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """POST JSON to ``/api/`` and these segments."""
        return self._ask("POST", path, json=body or {})

    def _ask(self, method: str, path: tuple[str, ...], **content: Any) -> dict[str, Any]:
        url = f"{self._base}/api/" + "/".join(quote(segment, safe="") for segment in path)
        token = self._bearer()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            answer = ask(method, url, within_s=ANSWER_S, socket=self._socket, headers=headers, **content)
        except TooSlowError:
            raise ControlError(f"{self._name} did not answer within {ANSWER_S:.0f} s", LOG) from None
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        except UnreadableAnswerError:
            raise self._somebody_else() from None
        if not isinstance(answer.document, dict):
            raise self._somebody_else()
        if answer.is_success:
            return answer.document
        raise self._refused(answer.document)

    @property
    def _name(self) -> str:
        return "the control process" if self._socket else f"the console {self._base}"

    def _unreachable(self, error: httpx.HTTPError) -> ControlError:
        if self._socket is None:
            return no_answer(self._name, error)
        return not_permitted(self._socket) or ControlError(
            f"the control process does not answer on {self._socket}",
            "Start it with `extproc up` (everything) or `extproc control` (alone), with the same --config.",
        )

    def _somebody_else(self) -> ControlError:
        if self._socket is None:
            return ControlError(f"the server at {self._base} is not a console of extproc", "Check the address.")
        return ControlError(
            f"the server that answers on {self._socket} is not the control process",
            "Stop it, or correct control.socket or --config.",
        )

    def _refused(self, document: dict[str, Any]) -> ControlError:
        refused = refused_by(document)
        if self._socket is None and refused.reason in ("unauthenticated", "token-rejected"):
            refused.hint = f"Sign in again: extproc login --server {self._base}"
        return refused


def connect(config: Path, token: str | None = None) -> ControlClient:
    """Make a client for the control process of this configuration.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return ControlClient(load_settings(config, to_serve=False).control.socket, token)


def read_token(file: Path | None) -> str:
    """Read the voter's token from a file or the environment, never from an argument, which other users can list.

    Raises:
        ControlError: ``sign-in-needed``: there is none, or it cannot be a token. The error contains nothing of it.
    """
    source = str(file) if file else TOKEN_VARIABLE
    try:
        token = (file.read_text(encoding="ascii") if file else os.environ.get(TOKEN_VARIABLE, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"cannot read a token from {source}: {type(error).__name__}", "", NO_TOKEN) from None
    if not token:
        hint = f"give it with --token-file, or in {TOKEN_VARIABLE}"
        raise ControlError("this command needs your token", hint, NO_TOKEN)
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ControlError(f"the content of {source} is not a token", "", NO_TOKEN)
    return token


def refused_by(document: dict[str, Any]) -> ControlError:
    """Turn a problem document (RFC 9457) into an error. Members of the wrong type are left out."""
    problem = {name: value for name, value in document.items() if isinstance(value, str)}
    reason = problem.get("reason", "")
    message = problem.get("title", "the control process refused")
    if reason == WhyRefused.NOT_PENDING and "state" in problem:
        message = f"It is already {problem['state']}: nobody can change that any more"
    message += f": {problem['detail']}" if problem.get("detail") else ""
    matches = document.get("matches")
    listed = ", ".join(map(str, matches)) if isinstance(matches, list) else ""
    hint = f"Give more of the id: {listed}" if listed else HINTS.get(reason, "")
    return ControlError(printable(message), printable(hint), reason)
