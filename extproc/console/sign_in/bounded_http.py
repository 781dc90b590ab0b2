"""Requests to an identity provider: bounded in size and in time as a whole, without redirects and proxies."""

import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx

from extproc.console.sign_in.errors import ProviderUnavailable

REQUEST_S = 10.0
"""Seconds for a whole request, however slowly the answer comes."""
CONNECT_S = 5.0
MAX_ANSWER = 256 * 1_024
"""Bytes of an answer."""


class ClientAuth(Protocol):
    """What authlib calls the authentication of a client: it changes a request before it is sent."""

    def prepare(
        self, method: str, uri: str, headers: dict[str, str], body: str
    ) -> tuple[str, dict[str, str], str]:
        """Return the request's address, header fields and body with the client's credentials."""
        ...


def request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: str = "", *, within_s: float = REQUEST_S
) -> httpx.Response:
    """Send one request, and read its whole answer.

    Args:
        method: GET or POST.
        url: absolute.
        headers: header fields of the request.
        body: of the request.
        within_s: seconds for all of it.

    Raises:
        ProviderUnavailable: no whole answer came within the limits.
    """
    ends = time.monotonic() + within_s
    raw = b""
    try:
        with (
            httpx.Client(timeout=CONNECT_S, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, headers=dict(headers or {}), content=body.encode() or None) as answer,
        ):
            for piece in answer.iter_bytes():
                raw += piece
                if len(raw) > MAX_ANSWER or time.monotonic() > ends:
                    raise ProviderUnavailable("the provider's answer exceeds the limits")
            return httpx.Response(answer.status_code, content=raw, request=httpx.Request(method, url))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(f"the provider gave no answer: {type(error).__name__}") from None


class TokenRequests:
    """The HTTP session that authlib sends token requests by."""

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuth, **_more: Any
    ) -> httpx.Response:
        """Send a form, with the client's credentials."""
        url, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return request("POST", url, sent, body)
