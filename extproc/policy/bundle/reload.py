"""Reload the embedded engine's policy when its files change, while calls run.

A changed policy is compiled, linted, tested and tried in a child process. Only then does it replace the policy in
force, between two decisions. A refused candidate changes nothing, and is reported. Nor does a worker's death
change the policy in force: the last good policy is saved for the worker that takes its place.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from extproc.concurrency.background import background
from extproc.model.call import Json
from extproc.model.errors import ExtprocError, PolicyError
from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.bundle.policy_status import PolicyStatus, RefusedCandidate
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads, UninspectableSetting
from extproc.policy.regorus.evaluation_timer import killed_after
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.policy_check import PolicyCheck

KILL_FACTOR = 5.0
"""Times the limit of one decision. An evaluation that takes this long is assumed never to end."""
MAX_WHY = 2_000
"""Characters of a refusal's text that are reported."""


class ReloadingEngine:
    """Implements ``PolicyEngine``. Owned by one event loop. It always has a policy that was tried."""

    is_remote = False

    def __init__(
        self,
        files: PolicyFiles,
        *,
        process: str,
        every_s: float | None,
        clock_ns: Callable[[], int],
        on_change: Callable[[PolicyStatus], None],
        check: Callable[[Sources], PolicyCheck],
        last_good: LastGoodPolicy | None = None,
        limit_s: float = 1.0,
        uninspectable: UninspectableSetting = "auto",
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Read, try and load the policy.

        Args:
            files: the files of the policy.
            process: this process's name, for ``on_change``.
            every_s: seconds between two polls of the files; None: they are read once.
            clock_ns: wall-clock nanoseconds.
            on_change: called with the status at the start, and after each change and refusal.
            check: tries a candidate; runs in a thread when the loop runs.
            last_good: the policy that this process used before it died, if it did; None: none is saved.
            limit_s: seconds for one decision. A later answer does not count. An evaluation that takes
                ``KILL_FACTOR`` times as long ends the process.
            uninspectable: whether policy is asked about what cannot be read: see ``UninspectableReads``.
            clock_s: monotonic seconds.

        Raises:
            ConfigError, PolicyInvalid: the policy must not be loaded, and no last good one is saved.
        """
        self._files, self._process, self._every_s = files, process, every_s
        self._on_change, self._check, self._last_good = on_change, check, last_good
        self._limit_s, self._clock_s, self._clock_ns = limit_s, clock_s, clock_ns
        self._uninspectable: UninspectableSetting = uninspectable
        self._seen = files.fingerprint()
        self._begin()

    def _begin(self) -> None:
        """Load the policy in the files. If it is refused, load the last good one, if there is one."""
        revision = ""
        try:
            sources = self._files.read()
            revision = sources.revision
            self._load(sources, self._clock_ns())
        except Exception as error:
            last = self._last_good.load() if self._last_good else None
            if last is None:
                raise
            try:
                self._load(*last)
            except ExtprocError:
                raise error from None
            if self.revision != revision:
                self._report(self._refusal(revision, error))

    def _load(self, sources: Sources, since_ns: int) -> None:
        self._use(EmbeddedEngine.from_sources(sources, checked=self._check(sources)))
        self.status = PolicyStatus(
            self._process, "embedded", sources.revision, sources.query, since_ns, rules=self._engine.rule_names
        )
        self._report(None)
        self._save(sources)

    def _use(self, engine: EmbeddedEngine) -> None:
        """Decide by this policy from now on."""
        self._engine = engine
        self._uninspectable_reads = engine.uninspectable_reads.configured(self._uninspectable)

    def _save(self, sources: Sources) -> None:
        """Save a policy without its tests, which it has passed."""
        if self._last_good:
            self._last_good.save(replace(sources, tests=()))

    @property
    def revision(self) -> str:
        """The revision of the policy in force: read it right after ``evaluate`` returns."""
        return self._engine.revision

    @property
    def bundles(self) -> tuple[str, ...]:
        """Always empty: the policy is in files."""
        return ()

    @property
    def input_keys(self) -> frozenset[str] | None:
        """The keys of the input that the policy in force can look at; None: all."""
        return self._engine.input_keys

    @property
    def response_interest(self) -> ResponseInterest:
        """Says if the policy in force is to be asked about responses."""
        return self._engine.response_interest

    @property
    def decides_server_requests(self) -> bool:
        """Says if the policy in force is to be asked about requests of servers."""
        return self._engine.decides_server_requests

    @property
    def uninspectable_reads(self) -> UninspectableReads:
        """Says which requests and responses that cannot be read the policy in force is asked about."""
        return self._uninspectable_reads

    @property
    def connection_facts(self) -> frozenset[str]:
        """The facts about the connection that the policy in force reads."""
        return self._engine.connection_facts

    @property
    def problem(self) -> str:
        """Always empty: a loaded policy decides."""
        return ""

    async def evaluate(self, document: bytes, caller: str = "") -> Json:  # noqa: ARG002 - no question waits
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``. Does not wait for anything."""
        begun = self._clock_s()
        with killed_after(KILL_FACTOR * self._limit_s):
            answer = self._engine.evaluate_now(document)
        if self._clock_s() - begun > self._limit_s:
            raise PolicyError(f"the policy took longer than {self._limit_s:g} s")
        return answer

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Poll the files until the block ends. An end without an error is a stop, which discards the copy."""
        every_s = self._every_s
        async with background(self._watch(every_s)) if every_s is not None else contextlib.nullcontext():
            yield
            if self._last_good:
                self._last_good.discard()

    async def _watch(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await self.poll()

    async def poll(self) -> None:
        """Check the files once, and load their policy if it is new and good. Never raises."""
        revision = ""
        try:
            seen = await asyncio.to_thread(self._files.fingerprint)
            if seen == self._seen:
                return
            self._seen = seen
            sources = await asyncio.to_thread(self._files.read)
            revision = sources.revision
            if revision != self.revision:
                checked = await asyncio.to_thread(self._check, sources)
                self._use(EmbeddedEngine.from_sources(sources, checked=checked))
                names = self._engine.rule_names
                self.status = replace(self.status, revision=revision, since_ns=self._clock_ns(), rules=names)
            self._report(None)
            await asyncio.to_thread(self._save, sources)
        except Exception as error:  # noqa: BLE001 - after any error the policy in force stays
            self._report(self._refusal(revision, error))

    def _refusal(self, revision: str, error: Exception) -> RefusedCandidate:
        ours = isinstance(error, ExtprocError)
        why = str(error)[:MAX_WHY] if ours else f"the guard could not try it ({type(error).__name__})"
        return RefusedCandidate(revision, self._clock_ns(), why)

    def _report(self, refused: RefusedCandidate | None) -> None:
        self.status = replace(self.status, refused=refused)
        self._on_change(self.status)
