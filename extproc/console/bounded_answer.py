"""One HTTP request whose answer is bounded in time and size, for clients that may face a hostile server.

Redirects are never followed: a request carries a token, and another place must not get it.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

MAX_ANSWER = 64 << 20
"""Bytes of an answer: more than 10,000 rows of evidence need."""


class UnreadableAnswerError(ValueError):
    """The answer is no JSON document, or larger than allowed. The message holds nothing of it."""


class TooSlowError(Exception):
    """The whole answer did not come in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole."""

    status: int
    document: Any
    """JSON."""

    @property
    def is_success(self) -> bool:
        """True for the statuses 200 to 299."""
        return httpx.codes.is_success(self.status)

    @property
    def problem(self) -> dict[str, Any]:
        """The document, if it is an object, as errors are; else an empty one."""
        return self.document if isinstance(self.document, dict) else {}


def ask(
    method: str,
    url: str,
    *,
    within_s: float,
    socket: Path | None = None,
    most: int = MAX_ANSWER,
    headers: Mapping[str, str] | None = None,
    json_expected: bool = True,
    **content: Any,
) -> Answer:
    """Send a request, and read its JSON answer.

    Args:
        method: of HTTP.
        url: an ``https`` URL; ``http`` only for a unix socket or loopback, which no proxy of the environment sees.
        within_s: seconds from the beginning to the answer's last byte.
        socket: the unix socket to connect to; None: the URL's host.
        most: bytes of the answer that are read.
        headers: further header fields.
        json_expected: False: the document is None, whatever the answer's body is.
        content: ``json``, ``data`` or ``params``, as httpx takes them.

    Raises:
        TooSlowError: no whole answer in time.
        UnreadableAnswerError: see there.
        httpx.HTTPError: no answer, or one that breaks the protocol.
    """
    request = httpx.Request(method, url, headers={"accept-encoding": "identity"} | dict(headers or {}), **content)
    status, body = asyncio.run(_send(request, within_s, socket, most))
    return Answer(status, _document(body) if json_expected else None)


async def _send(request: httpx.Request, within_s: float, socket: Path | None, most: int) -> tuple[int, bytes]:
    secure = request.url.scheme == "https"
    try:
        async with asyncio.timeout(within_s), _client(socket, secure=secure, within_s=within_s) as client:
            response = await client.send(request, stream=True)
            return response.status_code, await _body(response, most)
    except (TimeoutError, httpx.TimeoutException):
        raise TooSlowError from None


def _client(socket: Path | None, *, secure: bool, within_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(socket), verify=False) if socket else None,
        verify=ssl.create_default_context() if secure else False,
        trust_env=secure,  # proxies
        timeout=within_s,
        follow_redirects=False,
    )


async def _body(response: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise UnreadableAnswerError(f"more than {most} bytes")
    return bytes(body)


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswerError("not JSON") from None
