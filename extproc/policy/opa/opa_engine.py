"""Rego in an OPA server, asked over its REST API for each decision.

Written on httpx rather than on a client library, since what matters here is what such a library hides: the raw
bytes of the input, an undefined result told from null, no repeated request, one limit of time for all of it.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import httpx
import orjson

from extproc.concurrency.background import background, cancel
from extproc.model.call import Json
from extproc.model.errors import ConfigError, PolicyError, PolicyUnreachable
from extproc.policy.contract.response_interest import DIRECTIONS, ResponseInterest, declared_interest
from extproc.policy.contract.text_digest import digest
from extproc.policy.opa.circuit_breaker import Breaker

MAX_ANSWER = 4 << 20
"""Bytes of one answer of OPA's, its list of policies included."""
CONNECTIONS = 64
"""At most so many connections to OPA, and so many kept open."""
SHARE = CONNECTIONS // 4
"""At most so many questions about one caller's calls at once: its others wait, and nobody else does for them."""
ASK = {"strict-builtin-errors": "true", "provenance": "true"}
"""Strict: a built-in's error is an error, where it would be undefined, and make a ``not`` true."""
HEALTH_CONNECTIONS = 2
"""For questions about its health, apart: slow questions of callers must not keep those waiting."""
HEADERS = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "extproc"}


@dataclass(frozen=True, slots=True)
class OpaServer:
    """Where an OPA is, and how it is asked."""

    address: str
    """``host:port``, or ``unix:/path``."""
    timeout_s: float = 1.0
    """Seconds for one decision, connecting included."""
    tls: bool = False
    ca_file: Path | None = None
    """Certificates that OPA's must chain to; None: those of the system."""
    failures: int = 5
    """So many questions in a row without an answer, and OPA is left alone for ``pause_s``."""
    pause_s: float = 2.0
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    """``UNKNOWN``: as OPA's ``data.extproc.directions`` declares."""


class OpaEngine:
    """Implements ``PolicyEngine``. Owned by one event loop; ``close`` it there."""

    is_remote = True
    input_keys: frozenset[str] | None = None
    """What OPA's policies look at is OPA's business."""

    def __init__(
        self,
        server: OpaServer,
        query: str,
        *,
        poll_every_s: float | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, str], None] = lambda _revision, _problem: None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            server: which OPA.
            query: ``data.<package>.<rule>``.
            poll_every_s: seconds between two polls of OPA's health and policies; None: none.
            clock_s: monotonic seconds.
            on_change: called with the revision and the problem whenever one of them has changed.

        Raises:
            ConfigError: a certificate file that cannot be used.
        """
        self._timeout_s = server.timeout_s
        self._query = query
        self._path = "/v1/" + query.replace(".", "/")
        self._revision = ""
        self._without_bundles = False
        self._configured_interest = self._response_interest = server.response_interest
        self._breaker = Breaker(most=server.failures, pause_s=server.pause_s, clock_s=clock_s)
        self._client = _client(server, CONNECTIONS)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        """Nobody waits in the client: whoever is cancelled there leaves a connection that is never used again."""
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """Of callers whose calls are asked about, or wait to be."""
        self._health = _client(server, HEALTH_CONNECTIONS)
        self._doubts = 0
        self._asking_health: asyncio.Task[None] | None = None
        self._poll_every_s, self._on_change = poll_every_s, on_change
        self._unhealthy = ""
        self._reported = ("", "")

    @property
    def response_interest(self) -> ResponseInterest:
        """As configured, else as OPA declared when it was last polled."""
        return self._response_interest

    @property
    def problem(self) -> str:
        """What keeps it from deciding; empty when nothing is known of."""
        return "OPA does not answer: its breaker is open" if self._breaker.is_open else self._unhealthy

    @property
    def revision(self) -> str:
        """Of the policy that gave the latest answer: read it right after ``evaluate`` returns.

        SHA-256, lower-case hex, over the query and the bundles' revisions that OPA reports with each answer;
        without bundles, over the policies OPA held when ``refresh`` was last called.
        """
        return self._revision

    async def evaluate(self, document: bytes, caller: str = "") -> Json:
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``."""
        try:
            with self._breaker.asking():
                question = b'{"input":' + document + b"}"
                answer = await self._ask("POST", self._path, params=ASK, content=question, caller=caller)
        except PolicyUnreachable as error:
            if not error.absent:
                self._doubt()
            raise
        finally:
            self._report_changes()
        revision = bundles_revision(answer.get("provenance"), self._query)
        self._without_bundles = not revision
        if not revision and not self._revision:
            await self.refresh()
        if "result" not in answer:
            raise PolicyError(f"the decision is undefined{'; ' if self._unhealthy else ''}{self._unhealthy}")
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
        return await self._health_status(bundles="true") == httpx.codes.OK

    async def _health_status(self, **params: str) -> int:
        """What it answers; 0 when it does not, in the time of a decision."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._health.stream("GET", "/health", params=params) as said,
            ):
                return said.status_code
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError):
            return 0

    def _doubt(self) -> None:
        """A question had no answer: find out, beside the call, whether OPA answers at all."""
        self._doubts += 1
        if self._asking_health is None or self._asking_health.done():
            self._asking_health = asyncio.create_task(self._settle_doubts())

    async def _settle_doubts(self) -> None:
        """One question for all doubts there are by now, then one for those that came meanwhile."""
        while self._doubts:
            doubts, self._doubts = self._doubts, 0
            if await self._health_status():
                self._breaker.answered()
            else:
                self._breaker.failed(doubts)
            self._report_changes()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at OPA now and then, until the block ends; then close all connections."""
        every_s = self._poll_every_s
        try:
            async with background(self._watch(every_s)) if every_s else contextlib.nullcontext():
                yield
        finally:
            await self.close()

    async def _watch(self, every_s: float) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(every_s)

    async def poll(self) -> None:
        """Look once: is it well, and, without bundles, which policies does it hold now? Never raises."""
        self._unhealthy = "" if await self.healthy() else "OPA is not healthy, or cannot be reached"
        if not self._unhealthy and self._without_bundles:
            with contextlib.suppress(PolicyError):
                await self.refresh()
        if self._configured_interest is ResponseInterest.UNKNOWN:
            self._response_interest = await self._declared_interest()
        self._report_changes()

    async def _declared_interest(self) -> ResponseInterest:
        """The interest that OPA's ``data.extproc.directions`` declares; ``UNKNOWN`` if it declares none."""
        try:
            answer = await self._ask("POST", "/v1/" + "/".join(DIRECTIONS), content=b'{"input":{}}')
        except PolicyError:
            return ResponseInterest.UNKNOWN
        return declared_interest(answer.get("result"))

    def _report_changes(self) -> None:
        now = (self._revision, self.problem)
        if now != self._reported:
            self._reported = now
            self._on_change(*now)

    async def close(self) -> None:
        """Close all connections."""
        self._doubts = 0
        if self._asking_health is not None:
            await cancel(self._asking_health)
        await self._client.aclose()
        await self._health.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        caller: str = "",
    ) -> dict[str, Any]:
        """One request and its answer, an object.

        Raises:
            PolicyUnreachable: nothing came, or not all of it, or not in time.
            PolicyError: for every other failure. Neither has OPA's own words: they may quote the input.
        """
        share = self._shares.setdefault(caller, asyncio.Semaphore(SHARE))
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                share,
                self._turns,
                self._client.stream(method, path, params=params, content=content) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise PolicyError(f"OPA answered with status {response.status_code}")
                raw = await _read(response)
        except TimeoutError:
            raise PolicyUnreachable(f"OPA gave no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.StreamError, OSError, ssl.SSLError) as error:
            absent = isinstance(error, httpx.ConnectError)
            raise PolicyUnreachable(f"OPA gave no answer ({type(error).__name__})", absent=absent) from None
        return _object(raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(raw)
    except ValueError:
        raise PolicyError("OPA's answer is not JSON") from None
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


def _client(server: OpaServer, connections: int) -> httpx.AsyncClient:
    """A client that speaks to this server only: no proxy from the environment, no redirect, no second try."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    uds = server.address.removeprefix("unix:") if server.address.startswith("unix:") else None
    verify = _trust(server.ca_file) if server.tls else False
    transport = httpx.AsyncHTTPTransport(uds=uds, limits=limits, retries=0, trust_env=False, verify=verify)
    base = "http://opa" if uds else f"{'https' if server.tls else 'http'}://{server.address}"
    return httpx.AsyncClient(
        transport=transport,
        base_url=base,
        headers=HEADERS,
        timeout=None,  # noqa: S113 - one limit for the whole request is set where it is made
        follow_redirects=False,
        trust_env=False,
    )


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Checks the server's certificate and its name."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"policy.opa.ca_file: {ca_file}: no certificates could be read from it") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
