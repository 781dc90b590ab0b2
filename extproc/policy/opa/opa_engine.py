"""Ask an OPA server for each decision, over its REST API.

Written on httpx, not on a client library. A library hides the points that matter here: the raw bytes of the input,
the difference between undefined and null, no repeated request, one time limit for the whole question.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
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
"""Bytes of one answer from OPA; the list of its policies is one."""
CONNECTIONS = 64
"""The most connections to OPA, open or idle."""
SHARE = CONNECTIONS // 4
"""The most questions about one caller's calls at once. The caller's others wait; other callers' do not."""
ASK = {"strict-builtin-errors": "true", "provenance": "true"}
"""Strict: a built-in's error is an error. By default it is undefined, which makes a ``not`` true."""
HEALTH_CONNECTIONS = 2
"""Connections for OPA's health only: slow questions of callers must not delay it."""
HEALTH_TASK = "opa-health"
"""The name of the task that asks for OPA's health after a question without an answer."""
HEADERS = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "extproc"}


@dataclass(frozen=True, slots=True)
class OpaServer:
    """The address of an OPA server, and how to ask it."""

    address: str
    """``host:port``, or ``unix:/path``."""
    timeout_s: float = 1.0
    """Seconds for one decision, connecting included."""
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to which OPA's certificate must chain; None: the system's."""
    failures: int = 5
    """Questions in a row without an answer, after which OPA is not asked for ``pause_s`` seconds."""
    pause_s: float = 2.0
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    """``UNKNOWN``: as OPA's ``data.extproc.directions`` declares."""


class OpaEngine:
    """Implements ``PolicyEngine``. Owned by one event loop; ``close`` it there."""

    is_remote = True
    input_keys: frozenset[str] | None = None
    """Not known: the policies are in OPA."""

    def __init__(
        self,
        server: OpaServer,
        query: str,
        *,
        poll_every_s: float | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, str], None] = lambda _revision, _problem: None,
    ) -> None:
        """Make an engine. It opens no connection yet.

        Args:
            server: the OPA server.
            query: ``data.<package>.<rule>``.
            poll_every_s: seconds between two polls of OPA's health and policies; None: none.
            clock_s: monotonic seconds.
            on_change: called with the revision and the problem whenever one of them has changed.

        Raises:
            ConfigError: a certificate file cannot be used.
        """
        self.timeout_s = server.timeout_s
        """Seconds for one question, connecting included."""
        self._query = query
        self._path = "/v1/" + query.replace(".", "/")
        self._revision = ""
        self._without_bundles = False
        self._configured_interest = self._response_interest = server.response_interest
        self._breaker = Breaker(most=server.failures, pause_s=server.pause_s, clock_s=clock_s)
        self._client = _client(server, CONNECTIONS)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        """Questions wait here, not in the client: one cancelled there leaves a connection that is never reused."""
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """For each caller with questions that run or wait."""
        self._health = _client(server, HEALTH_CONNECTIONS)
        self._doubts = 0
        """Questions without an answer, for which OPA's health is still to be found out."""
        self._health_check: asyncio.Task[None] | None = None
        self._poll_every_s, self._on_change = poll_every_s, on_change
        self._unhealthy = ""
        self._reported = ("", "")

    @property
    def response_interest(self) -> ResponseInterest:
        """As configured, else as OPA declared when it was last polled."""
        return self._response_interest

    @property
    def problem(self) -> str:
        """Why OPA cannot decide; empty while it can, as far as is known."""
        return "OPA does not answer: its breaker is open" if self._breaker.is_open else self._unhealthy

    @property
    def revision(self) -> str:
        """The revision of the policy that gave the latest answer: read it right after ``evaluate`` returns.

        SHA-256, lower-case hex, over the query and the bundles' revisions that OPA reports with each answer.
        Without bundles: over the query and the policies that OPA held when ``refresh`` was last called.
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
        return answer["result"]

    async def refresh(self) -> str:
        """Compute the revision of an OPA without bundles, over its policies. Data is not a part of it.

        Raises:
            PolicyError: OPA does not list its policies.
        """
        answer = await self._ask("GET", "/v1/policies")
        policies = answer.get("result")
        if not isinstance(policies, list) or not policies:
            raise PolicyError("OPA holds no policy")
        texts = [f"{item.get('id')}\0{item.get('raw')}" for item in policies if isinstance(item, dict)]
        if len(texts) != len(policies):
            raise PolicyError("OPA's list of policies cannot be read")
        self._revision = digest([self._query, *sorted(texts)])
        return self._revision

    async def healthy(self) -> bool:
        """True if OPA answers and has activated its bundles. Never raises."""
        return await self._health_status(bundles="true") == httpx.codes.OK

    async def _health_status(self, **params: str) -> int:
        """The HTTP status of OPA's health; 0 without an answer within the time for a decision."""
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                self._health.stream("GET", "/health", params=params) as response,
            ):
                return response.status_code
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError):
            return 0

    def _doubt(self) -> None:
        """After a question without an answer, ask for OPA's health in the background."""
        self._doubts += 1
        if self._health_check is None or self._health_check.done():
            self._health_check = asyncio.create_task(self._settle_doubts(), name=HEALTH_TASK)

    async def _settle_doubts(self) -> None:
        """Ask for OPA's health once for all doubts so far, then again for those that came meanwhile."""
        while self._doubts:
            doubts, self._doubts = self._doubts, 0
            if await self._health_status():
                self._breaker.answered()
            else:
                self._breaker.failed(doubts)
            self._report_changes()

    async def doubts_settled(self) -> None:
        """Wait until OPA's health is known for every question that has had no answer so far."""
        if self._health_check is not None:
            await self._health_check

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Poll OPA until the block ends; then close all connections."""
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
        """Ask once for OPA's health, its directions and, without bundles, its policies. Never raises."""
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
        if self._health_check is not None:
            await cancel(self._health_check)
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
    ) -> dict[str, Json]:
        """Send one request, and read its answer, an object.

        Raises:
            PolicyUnreachable: no answer, an incomplete one, or a late one.
            PolicyError: any other failure. Neither message has OPA's own text, which may quote the input.
        """
        share = self._shares.setdefault(caller, asyncio.Semaphore(SHARE))
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                share,
                self._turns,
                self._client.stream(method, path, params=params, content=content) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise PolicyError(f"OPA answered with status {response.status_code}")
                raw = await _read(response)
        except TimeoutError:
            raise PolicyUnreachable(f"OPA gave no answer within {self.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.StreamError, OSError, ssl.SSLError) as error:
            absent = isinstance(error, httpx.ConnectError)
            raise PolicyUnreachable(f"OPA gave no answer ({type(error).__name__})", absent=absent) from None
        return _object(raw)


def _object(raw: bytes) -> dict[str, Json]:
    try:
        answer = orjson.loads(raw)
    except ValueError:
        raise PolicyError("OPA's answer is not JSON") from None
    if not isinstance(answer, dict):
        raise PolicyError("OPA's answer is not an object")
    return answer


def bundles_revision(provenance: Json, query: str) -> str:
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
    """A client for this server only: no proxy from the environment, no redirect, no retry."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    uds = server.address.removeprefix("unix:") if server.address.startswith("unix:") else None
    verify = _trust(server.ca_file) if server.tls else False
    transport = httpx.AsyncHTTPTransport(uds=uds, limits=limits, retries=0, trust_env=False, verify=verify)
    base = "http://opa" if uds else f"{'https' if server.tls else 'http'}://{server.address}"
    return httpx.AsyncClient(
        transport=transport,
        base_url=base,
        headers=HEADERS,
        timeout=None,  # noqa: S113 - _ask sets one limit for the whole request
        follow_redirects=False,
        trust_env=False,
    )


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """A context that checks the server's certificate and its name."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"policy.opa.ca_file: {ca_file}: no certificates could be read from it") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
