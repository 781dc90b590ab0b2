"""The embedded engine, kept up to date with its files while calls run.

A changed policy is compiled, linted, tested and tried in a process of its own; only then it replaces the one in
force, between two decisions. One that is refused changes nothing, and is told of. Nor does a worker's death: what
it decided by is kept for the one that takes its place.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.concurrency.background import background
from extproc.model.call import Json
from extproc.model.errors import ExtprocError, PolicyError
from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.policy_status import PolicyStatus, Refusal
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.regorus.evaluation_timer import killed_after
from extproc.policy.regorus.evaluator import EmbeddedEngine, PolicyCheck

KILL_FACTOR = 5.0
"""Times the limit of one decision: an evaluation that takes so long is taken for one without an end."""
MAX_WHY = 2_000
"""Characters of a refusal that are kept."""
Fingerprint = tuple[tuple[str, int, int, int, int], ...]
"""Of each file: its name, size, times of its content's and its own last change, and inode."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy comes from."""

    paths: tuple[Path, ...]
    """Rego files or folders; empty: the starter policies."""
    data: tuple[Path, ...]
    query: str

    def read(self) -> Sources:
        """Everything, as it is now. The starter policies come without their tests, which need not run again.

        Raises:
            ConfigError: a file is missing or malformed.
        """
        sources = read_sources(self.paths, self.data, self.query)
        return sources if self.paths else replace(sources, tests=())

    def fingerprint(self) -> Fingerprint:
        """Differs whenever a file was added, removed or written. Reads no file."""
        return tuple(_stamp(file) for file in sorted(self._files()))

    def _files(self) -> Iterator[Path]:
        for path in self.paths or (starter_folder(),):
            yield from path.rglob("*.rego") if path.is_dir() else (path,)
        yield from self.data


class ReloadingEngine:
    """Implements ``PolicyEngine``. Owned by one event loop; never without a policy that was tried."""

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
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Read, try and load the policy.

        Args:
            files: where it comes from.
            process: this process's name, for ``on_change``.
            every_s: seconds between two polls of the files; None: they are read once.
            clock_ns: wall-clock nanoseconds.
            on_change: called with the status at the start, and after each change and refusal.
            check: tries a candidate; runs in a thread when the loop runs.
            last_good: the policy this process decided by before it died, if it did; None: none is saved.
            limit_s: seconds of one decision. An answer that took longer does not count; one that takes
                ``KILL_FACTOR`` times as long is never waited for: the process ends.
            clock_s: monotonic seconds.

        Raises:
            ConfigError, PolicyInvalid: the policy must not be loaded, and no last good one is saved.
        """
        self._files, self._every_s, self._clock_ns, self._on_change, self._check = (
            files,
            every_s,
            clock_ns,
            on_change,
            check,
        )
        self._last_good, self._limit_s, self._clock_s = last_good, limit_s, clock_s
        self._process = process
        self._seen = files.fingerprint()
        self._begin()

    def _begin(self) -> None:
        """Load what the files hold; where that is refused, as for a change, what was in force stays."""
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
        self._engine = EmbeddedEngine.from_sources(sources, checked=self._check(sources))
        self.status = PolicyStatus(self._process, "embedded", sources.revision, sources.query, since_ns)
        self._report(None)
        self._save(sources)

    def _save(self, sources: Sources) -> None:
        """Without tests, which it has passed."""
        if self._last_good:
            self._last_good.save(replace(sources, tests=()))

    @property
    def revision(self) -> str:
        """Of the policy in force: read it right after ``evaluate`` returns."""
        return self._engine.revision

    @property
    def input_keys(self) -> frozenset[str] | None:
        """What the policy in force can look at."""
        return self._engine.input_keys

    @property
    def response_interest(self) -> ResponseInterest:
        """Whether the policy in force is to be asked about responses."""
        return self._engine.response_interest

    @property
    def problem(self) -> str:
        """Always empty: what was loaded decides."""
        return ""

    async def evaluate(self, document: bytes, caller: str = "") -> Json:  # noqa: ARG002 - nobody waits
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``. Does not wait for anything."""
        begun = self._clock_s()
        with killed_after(KILL_FACTOR * self._limit_s):
            answer = self._engine.evaluate_now(document)
        if self._clock_s() - begun > self._limit_s:
            raise PolicyError(f"the policy took longer than {self._limit_s:g} s")
        return answer

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at the files now and then, until the block ends; unless by an error, that is a stop."""
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
        """Look at the files once, and take what they hold where it is new and good. Never raises."""
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
                self._engine = EmbeddedEngine.from_sources(sources, checked=checked)
                self.status = replace(self.status, revision=revision, since_ns=self._clock_ns())
            self._report(None)
            await asyncio.to_thread(self._save, sources)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the policy in force stays
            self._report(self._refusal(revision, error))

    def _refusal(self, revision: str, error: Exception) -> Refusal:
        ours = isinstance(error, ExtprocError)
        why = str(error)[:MAX_WHY] if ours else f"the guard could not try it ({type(error).__name__})"
        return Refusal(revision, self._clock_ns(), why)

    def _report(self, refused: Refusal | None) -> None:
        self.status = replace(self.status, refused=refused)
        self._on_change(self.status)


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), -1, 0, 0, 0)
    return (str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
