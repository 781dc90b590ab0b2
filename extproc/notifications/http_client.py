"""HTTP requests to targets: within a time, without redirects, and with answers of a bounded size."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from extproc.model.errors import DeliveryFailed

ANSWER_MAX = 64 << 10
"""Bytes of an answer that are read."""


class Poster:
    """Sends POST requests. Belongs to one event loop."""

    def __init__(self, timeout_s: float) -> None:
        """Make a client.

        Args:
            timeout_s: seconds for a whole request, from the connection to the end of the answer.
        """
        self._timeout_s = timeout_s
        headers = {"user-agent": "extproc", "accept-encoding": "identity"}
        self._client = httpx.AsyncClient(follow_redirects=False, timeout=timeout_s, headers=headers)

    async def __aenter__(self) -> Self:
        """Open it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def post(self, url: str, *, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a request, and return the answer with the beginning of its body.

        Raises:
            DeliveryFailed: there is no answer in time, or none at all.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, content, headers)
        except TimeoutError:
            raise DeliveryFailed("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # Its text may quote the URL.
            raise DeliveryFailed(f"not reached: {type(error).__name__}") from None

    async def _post(self, url: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        async with self._client.stream("POST", url, content=content, headers=dict(headers)) as answer:
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > ANSWER_MAX:
                    break
            kept = {name: value for name, value in answer.headers.items() if name in ("retry-after", "location")}
            return httpx.Response(answer.status_code, headers=kept, content=bytes(body[:ANSWER_MAX]))


def failed(response: httpx.Response, *, permanent: bool = False) -> DeliveryFailed:
    """Return the error of a response that is not a success."""
    redirect = ": redirects are not followed" if response.is_redirect else ""
    return DeliveryFailed(
        f"status {response.status_code}{redirect}",
        permanent=permanent,
        retry_after_s=retry_after(response.headers.get("retry-after", "")),
    )


def retry_after(value: str) -> float:
    """Return the seconds of a ``Retry-After`` field (RFC 9110 section 10.2.3); 0 for none, or for a date."""
    return float(value) if value.isdecimal() and len(value) <= 6 else 0.0  # noqa: PLR2004 - a million seconds
