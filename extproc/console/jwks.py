"""The public keys of providers: read from a file or URL within limits, cached, and read again when they rotate."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import structlog

from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND

FETCH_S = 5.0
"""Seconds to wait for a provider."""
FRESH_NS = 300 * NANOSECONDS_PER_SECOND
"""Keys younger than this are used without a new request."""
STALE_NS = 3_600 * NANOSECONDS_PER_SECOND
"""Keys older than this are not used, even if the provider does not answer."""
RETRY_NS = 10 * NANOSECONDS_PER_SECOND
"""Time between two requests, however many unknown keys tokens name."""
MAX_BYTES = 256 * 1_024
"""Bytes of a JSON Web Key Set."""
MAX_KEYS = 64

Jwk = dict[str, Any]
Fetch = Callable[[], bytes]


def read_keys(raw: bytes) -> tuple[Jwk, ...]:
    """Read a JSON Web Key Set (RFC 7517 section 5).

    Returns:
        The members of ``keys`` that are objects, unchecked: each is checked when it is used.

    Raises:
        ValueError: not a key set, or one that exceeds the limits.
    """
    if len(raw) > MAX_BYTES:
        raise ValueError("key set too large")
    document = json.loads(raw)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError("not a key set, or one with too many keys")
    return tuple(key for key in keys if isinstance(key, dict))


def fetch_file(path: Path) -> bytes:
    """Read the file, at most one byte more than allowed."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def fetch_url(url: str) -> bytes:
    """Fetch a key set, without redirects and proxies of the environment, within limits of time and size.

    Raises:
        httpx.HTTPError, httpx.InvalidURL: no answer, or a status other than 200.
        ValueError: the answer is too large.
    """
    with (
        httpx.Client(timeout=FETCH_S, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", url) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise httpx.HTTPError(f"status {response.status_code}")
        raw = b""
        for piece in response.iter_bytes():
            raw += piece
            if len(raw) > MAX_BYTES:
                raise ValueError("key set too large")
        return raw


class Keys:
    """The keys of one provider. Safe to use from any thread: one fetches, the others wait for it."""

    def __init__(self, provider: str, fetch: Fetch, clock: Clock) -> None:
        self._provider = provider
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: tuple[Jwk, ...] = ()
        self._fetched_ns: int | None = None
        self._asked_ns: int | None = None

    def matching(self, kid: str | None) -> tuple[Jwk, ...]:
        """Return the keys with this id, or all keys if a token names none; empty if none can be had."""
        with self._lock:
            now = self._clock()
            if not _within(self._fetched_ns, now, FRESH_NS):
                self._refresh(now)
            found = self._usable(kid, now)
            if not found:  # perhaps the provider has a new key
                self._refresh(now)
                found = self._usable(kid, now)
            return found

    def _usable(self, kid: str | None, now: int) -> tuple[Jwk, ...]:
        if not _within(self._fetched_ns, now, STALE_NS):
            return ()
        return tuple(key for key in self._keys if kid is None or key.get("kid") == kid)

    def _refresh(self, now: int) -> None:
        if _within(self._asked_ns, now, RETRY_NS):
            return
        self._asked_ns = now
        try:
            self._keys = read_keys(self._fetch())
        except (OSError, ValueError, RecursionError, httpx.HTTPError, httpx.InvalidURL) as error:
            structlog.get_logger().warning(
                "keys cannot be had", provider=self._provider, error=type(error).__name__
            )
            return
        self._fetched_ns = now


def _within(since_ns: int | None, now_ns: int, span_ns: int) -> bool:
    # A clock that was set back makes ages negative: fetch again rather than trust old keys for longer.
    return since_ns is not None and 0 <= now_ns - since_ns < span_ns
