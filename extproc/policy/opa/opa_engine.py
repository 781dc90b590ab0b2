"""Ask an OPA server for each decision, over its REST API."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from weakref import WeakValueDictionary

import orjson

from extproc.concurrency.background import background, cancel
from extproc.model.call import Json
from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.policy.contract.response_interest import (
    DIRECTIONS,
    TELLING,
    ResponseInterest,
    declared_interest,
    declares_server_requests,
)
from extproc.policy.contract.text_digest import digest
from extproc.policy.contract.uninspectable_reads import NONE_READ, UninspectableReads
from extproc.policy.opa.bundle_status import BundleStatus, read_statuses
from extproc.policy.opa.bundles import BundlesInForce, read_bundles
from extproc.policy.opa.circuit_breaker import Breaker
from extproc.policy.opa.opa_client import OpaClient
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.opa.policy_inputs import may_read

CONNECTIONS = 64
"""The most questions at once, each on a connection of its own. Questions about OPA's health are not among them."""
SHARE = CONNECTIONS // 4
"""The most questions about one caller's calls at once. The caller's others wait; other callers' do not."""
ASK = "strict-builtin-errors=true&provenance=true"
"""Strict: a built-in's error is an error. By default it is undefined, which makes a ``not`` true."""
HEALTH_TASK = "opa-health"
"""The name of the task that asks for OPA's health after a question without an answer."""
OK = 200


class OpaReport(NamedTuple):
    """What operators are told of an OPA server."""

    revision: str = ""
    bundles: tuple[str, ...] = ()
    """``name@revision`` of each."""
    problem: str = ""


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
        uninspectable_reads: UninspectableReads = NONE_READ,
        poll_every_s: float | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        on_change: Callable[[OpaReport], None] = lambda _report: None,
    ) -> None:
        """Make an engine. It opens no connection yet.

        Args:
            server: the OPA server.
            query: ``data.<package>.<rule>``.
            uninspectable_reads: what the policies in OPA read, as far as it is known.
            poll_every_s: seconds between two polls of OPA's health and policies; None: none.
            clock_s: monotonic seconds.
            on_change: called whenever what the engine reports has changed.

        Raises:
            ConfigError: a certificate file cannot be used.
        """
        self.timeout_s = server.timeout_s
        """Seconds for one question, connecting included."""
        self._query = query
        self._target = f"/v1/{query.replace('.', '/')}?{ASK}"
        self.uninspectable_reads = uninspectable_reads
        self.connection_facts: frozenset[str] = frozenset()
        """See ``PolicyEngine``."""
        self._revision = ""
        self._bundles = self._latest = BundlesInForce()
        self._provenance: Json = None
        self._without_bundles = False
        self._configured_interest = self._response_interest = server.response_interest
        self._server_requests: bool | None = None
        """True if OPA's policy decides requests of servers; None until OPA has said so: it is asked then."""
        self._scanned: ResponseInterest | None = None
        """What the policies in OPA say of it; None while they are to be looked at."""
        self._breaker = Breaker(most=server.failures, pause_s=server.pause_s, clock_s=clock_s)
        self._client = OpaClient(server)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """For each caller with questions that run or wait."""
        self._doubts = 0
        """Questions without an answer, for which OPA's health is still to be found out."""
        self._health_check: asyncio.Task[None] | None = None
        self._poll_every_s, self._on_change = poll_every_s, on_change
        self._unhealthy = ""
        self._reported = OpaReport()

    @property
    def response_interest(self) -> ResponseInterest:
        """As configured, else as OPA declared when it was last polled, or as its policies had it by then."""
        return self._response_interest

    @property
    def decides_server_requests(self) -> bool:
        """As OPA declared when it was last polled; true until it has answered."""
        return self._server_requests is not False

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

    @property
    def bundles(self) -> tuple[str, ...]:
        """``name@revision`` of the bundles that gave the latest answer; as ``revision``."""
        return self._bundles.names

    async def evaluate(self, document: bytes, caller: str = "") -> Json:
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``."""
        try:
            with self._breaker.asking():
                answer = await self._ask("POST", self._target, b'{"input":' + document + b"}", caller)
        except PolicyUnreachable as error:
            if not error.absent:
                self._doubt()
            raise
        finally:
            self._report_changes()
        before = self._provenance
        bundles = self._read_bundles(answer.get("provenance"))
        if before not in (None, self._provenance):
            await self._look_again()
        revision = bundles.revision
        self._without_bundles = not revision
        if not revision and not self._revision:
            await self.refresh()
        if "result" not in answer:
            raise PolicyError(f"the decision is undefined{'; ' if self._unhealthy else ''}{self._unhealthy}")
        self._revision, self._bundles = revision or self._revision, bundles
        return answer["result"]

    def _read_bundles(self, provenance: Json) -> BundlesInForce:
        """Read the bundles of an answer; nearly always they are those of the answer before."""
        if provenance == self._provenance:
            return self._latest
        if self._provenance is not None:
            self._response_interest, self._server_requests = self._configured_interest, None
        self._scanned = None
        self._provenance, self._latest = provenance, read_bundles(provenance, self._query)
        return self._latest

    async def refresh(self) -> str:
        """Compute the revision of an OPA without bundles, over its policies. Data is not a part of it.

        Raises:
            PolicyError: OPA does not list its policies.
        """
        texts = sorted(f"{name}\0{text}" for name, text in (await self.policies()).items())
        self._revision = digest([self._query, *texts])
        return self._revision

    async def policies(self) -> dict[str, str]:
        """The texts of the policies that OPA holds, by name.

        Raises:
            PolicyError: OPA does not list its policies, or has none.
        """
        policies = await self._list_policies()
        texts = {str(item.get("id")): str(item.get("raw")) for item in policies if isinstance(item, dict)}
        if len(texts) != len(policies):
            raise PolicyError("OPA's list of policies cannot be read")
        return texts

    async def bundle_statuses(self) -> tuple[BundleStatus, ...] | None:
        """The bundles, as OPA's status plugin reports them; None if it is off, so that nobody knows.

        Raises:
            PolicyError: OPA cannot be reached, or its answer cannot be read.
        """
        try:
            answer = await self._ask("GET", "/v1/status")
        except PolicyUnreachable:
            raise
        except PolicyError:  # status 500: the plugin is off
            return None
        return read_statuses(answer.get("result"))

    async def guard_data(self) -> Json:
        """The data that the starter policies read, if OPA holds them and they find its shape right; else None.

        Raises:
            PolicyError: OPA cannot be reached, or its answer cannot be read.
        """
        valid = (await self._ask("GET", "/v1/data/extproc/settings/valid")).get("result")
        return (await self._ask("GET", "/v1/data/guard")).get("result") if valid is True else None

    async def _list_policies(self) -> list[Json]:
        """The policies that OPA holds, those of bundles included; at least one.

        Raises:
            PolicyError: OPA does not list them.
        """
        policies = (await self._ask("GET", "/v1/policies")).get("result")
        if not isinstance(policies, list) or not policies:
            raise PolicyError("OPA holds no policy")
        return policies

    async def healthy(self) -> bool:
        """True if OPA answers and has activated its bundles. Never raises."""
        return await self._health_status("/health?bundles=true") == OK

    async def _health_status(self, target: str = "/health") -> int:
        """The HTTP status of OPA's health; 0 without an answer within the time for a decision.

        It waits for no turn: slow questions of callers must not delay it.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                return (await self._client.ask("GET", target)).status
        except (PolicyError, TimeoutError):
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
        await self._find_interest()
        self._report_changes()

    async def _look_again(self) -> None:
        """Find out at once about bundles that came since the last answer, where OPA is polled."""
        if self._poll_every_s:
            await self._find_interest()

    async def _find_interest(self) -> None:
        """Find out what OPA is to be asked about. Policies without bundles change unnoticed."""
        directions, provenance = await self._directions(), self._provenance
        if self._configured_interest is not ResponseInterest.UNKNOWN:
            return
        declared = declared_interest(directions)
        if declared is not ResponseInterest.UNKNOWN:
            self._response_interest = declared
            return
        if self._scanned is None or self._without_bundles:
            self._scanned = await self._scanned_interest()
        if provenance is self._provenance:  # else a bundle came meanwhile
            self._response_interest = self._scanned or ResponseInterest.UNKNOWN

    async def _scanned_interest(self) -> ResponseInterest | None:
        """``NEVER`` if no policy in OPA can tell a response from its request; None if OPA does not list them."""
        try:
            policies = await self._list_policies()
        except PolicyError:
            return None
        return ResponseInterest.UNKNOWN if may_read(policies, TELLING) else ResponseInterest.NEVER

    async def _directions(self) -> Json:
        """The value of OPA's ``data.extproc.directions``; None if it has none, or does not tell."""
        provenance = self._provenance
        try:
            answer = await self._ask("POST", "/v1/" + "/".join(DIRECTIONS), b'{"input":{}}')
        except PolicyError:
            return None
        directions = answer.get("result")
        if provenance is self._provenance:  # else a bundle came meanwhile
            self._server_requests = declares_server_requests(directions)
        return directions

    def _report_changes(self) -> None:
        now = OpaReport(self._revision, self._bundles.names, self.problem)
        if now != self._reported:
            self._reported = now
            self._on_change(now)

    async def close(self) -> None:
        """Close all connections."""
        self._doubts = 0
        if self._health_check is not None:
            await cancel(self._health_check)
        self._client.close()

    async def _ask(self, method: str, target: str, content: bytes = b"", caller: str = "") -> dict[str, Json]:
        """Send one request, and read its answer, an object.

        Raises:
            PolicyUnreachable: no answer, an incomplete one, or a late one.
            PolicyError: any other failure. Neither message has OPA's own text, which may quote the input.
        """
        share = self._shares.setdefault(caller, asyncio.Semaphore(SHARE))
        try:
            async with asyncio.timeout(self.timeout_s), share, self._turns:
                answer = await self._client.ask(method, target, content)
        except TimeoutError:
            raise PolicyUnreachable(f"OPA gave no answer within {self.timeout_s:g} s") from None
        if answer.status != OK:
            raise PolicyError(f"OPA answered with status {answer.status}")
        return _object(answer.body)


def _object(raw: bytes) -> dict[str, Json]:
    try:
        answer = orjson.loads(raw)
    except ValueError:
        raise PolicyError("OPA's answer is not JSON") from None
    if not isinstance(answer, dict):
        raise PolicyError("OPA's answer is not an object")
    return answer
