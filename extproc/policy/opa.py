"""Rego in an OPA server, asked over its REST API for each decision.

Written on httpx rather than on a client library, since what matters here is what such a library hides: the raw
bytes of the input, an undefined result told from null, no repeated request, one limit of time for all of it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from extproc.model.call import Json
from extproc.model.errors import PolicyError
from extproc.policy.digest import digest

MAX_ANSWER = 4 << 20
"""Bytes of one answer of OPA's, its list of policies included."""
CONNECTIONS = 64
"""At most so many connections to OPA, and so many kept open."""
ASK = {"strict-builtin-errors": "true", "provenance": "true"}
"""Strict: a built-in's error is an error, where it would be undefined, and make a ``not`` true."""
HEADERS = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "extproc"}


class OpaEngine:
    """Implements ``PolicyEngine``. Owned by one event loop; ``close`` it there."""

    def __init__(self, address: str, query: str, *, timeout_s: float) -> None:
        """Nothing is opened yet.

        Args:
            address: ``host:port``, or ``unix:/path``.
            query: ``data.<package>.<rule>``.
            timeout_s: seconds for one decision, connecting included.
        """
        self._timeout_s = timeout_s
        self._query = query
        self._path = "/v1/" + query.replace(".", "/")
        self._revision = ""
        self._client = _client(address)

    @property
    def revision(self) -> str:
        """Of the policy that gave the latest answer: read it right after ``evaluate`` returns.

        SHA-256, lower-case hex, over the query and the bundles' revisions that OPA reports with each answer;
        without bundles, over the policies OPA held when ``refresh`` was last called.
        """
        return self._revision

    async def evaluate(self, document: bytes) -> Json:
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``."""
        answer = await self._ask("POST", self._path, params=ASK, content=b'{"input":' + document + b"}")
        revision = bundles_revision(answer.get("provenance"), self._query)
        if not revision and not self._revision:
            await self.refresh()
        if "result" not in answer:
            raise PolicyError("the decision is undefined")
        self._revision = revision or self._revision
        return answer["result"]  # type: ignore[no-any-return]

    async def refresh(self) -> str:
        """Learn which policies OPA holds, for an OPA without bundles. Data is not a part of it.

        Raises:
            PolicyError: OPA does not tell.
        """
        answer = await self._ask("GET", "/v1/policies")
        policies = answer.get("result")
        if not isinstance(policies, list) or not policies:
            raise PolicyError("OPA holds no policy")
        self._revision = digest(
            [self._query, *sorted(f"{item.get('id')}\0{item.get('raw')}" for item in policies)]
        )
        return self._revision

    async def healthy(self) -> bool:
        """Whether OPA answers and has activated its bundles. Never raises."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.get("/health", params={"bundles": "true"})
        except (httpx.HTTPError, TimeoutError, OSError):
            return False
        return answer.status_code == httpx.codes.OK

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> dict[str, Any]:
        """One request and its answer, an object.

        Raises:
            PolicyError: for every failure, without OPA's own words: they may quote the input.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(method, path, params=params, content=content) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise PolicyError(f"OPA answered with status {response.status_code}")
                answer = orjson.loads(await _read(response))
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError, ValueError) as error:
            raise PolicyError(f"OPA gave no answer ({type(error).__name__})") from None
        if not isinstance(answer, dict):
            raise PolicyError("OPA's answer is no object")
        return answer


def bundles_revision(provenance: Any, query: str) -> str:
    """A digest of the query and all bundles' revisions; empty when OPA reports none."""
    bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
    if not isinstance(bundles, dict):
        return ""
    revisions = {name: bundle.get("revision") for name, bundle in bundles.items() if isinstance(bundle, dict)}
    if not revisions or not all(revisions.values()):
        return ""
    return digest([query, *(f"{name}\0{revision}" for name, revision in sorted(revisions.items()))])


async def _read(response: httpx.Response) -> bytes:
    whole = bytearray()
    async for piece in response.aiter_raw():
        whole += piece
        if len(whole) > MAX_ANSWER:
            raise PolicyError("OPA's answer is too large")
    return bytes(whole)


def _client(address: str) -> httpx.AsyncClient:
    """A client that speaks to this address only: no proxy from the environment, no redirect, no second try."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    uds = address.removeprefix("unix:") if address.startswith("unix:") else None
    transport = httpx.AsyncHTTPTransport(uds=uds, limits=limits, retries=0, trust_env=False)
    base = "http://opa" if uds else f"http://{address}"
    return httpx.AsyncClient(
        transport=transport,
        base_url=base,
        headers=HEADERS,
        timeout=None,  # noqa: S113 - one limit for the whole request is set where it is made
        follow_redirects=False,
        trust_env=False,
    )
