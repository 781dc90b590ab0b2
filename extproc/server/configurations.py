"""The configurations of one worker: the one in force, one that is prepared, and those whose calls still run.

Each call is served by one configuration, from its first message to its last; only a held call goes on under the
configuration in force at its release. A configuration takes effect by one assignment, between two messages.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from extproc.assembly.engine_reports import EngineReports
from extproc.assembly.make_services import LatestServices, Parts
from extproc.concurrency.background import cancel
from extproc.config.configuration import Configuration
from extproc.flow.request.identify import find_connection
from extproc.flow.services import Services
from extproc.model.call import RequestHead
from extproc.model.errors import Refused


class Generation:
    """One configuration with its services, and the number of calls that use them."""

    def __init__(
        self, configuration: Configuration, parts: Parts, services: Services, reports: EngineReports
    ) -> None:
        self.configuration, self.parts, self.services = configuration, parts, services
        self._reports = reports
        self._running = 0
        self._idle, self._over = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._watching: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def call(self) -> Iterator[Services]:
        """Count one call as long as the block runs."""
        self._running += 1
        self._idle.clear()
        try:
            yield self.services
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def take_over(self) -> None:
        """Report from now on, and follow the policy's changes."""
        self._reports.take_over()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def give_way(self) -> None:
        """Report nothing any more."""
        self._reports.give_way()

    async def end(self) -> None:
        """End once no call uses the services. Of the one in force, this is a stop of the worker."""
        self._over.set()
        if self._watching is not None:
            await self._watching

    async def idle(self) -> None:
        """Wait until no call uses the services."""
        await self._idle.wait()

    async def abandon(self) -> None:
        """End at once, and leave the last good policy to the next worker."""
        if self._watching is not None:
            await cancel(self._watching)

    async def _watch(self) -> None:
        async with self.services.engine.watching():
            await self._over.wait()


class Configurations:
    """Chooses the services of each call. Belongs to one event loop."""

    def __init__(self, first: Generation, latest: LatestServices) -> None:
        """Put the first configuration in force.

        Args:
            first: with which the worker starts.
            latest: where held calls look for the services in force.
        """
        self._latest, self._running = latest, 0
        self._prepared: Generation | None = None
        self._former: Generation | None = None
        self._retired: dict[Generation, asyncio.Task[None]] = {}
        self._put_in_force(first)

    @property
    def in_force(self) -> Generation:
        """The configuration in force."""
        return self._in_force

    @property
    def services(self) -> Services:
        """The services of the configuration in force."""
        return self._in_force.services

    @property
    def running(self) -> int:
        """Number of calls that run now, under any configuration."""
        return self._running

    @contextlib.contextmanager
    def call(self, head: RequestHead | None = None) -> Iterator[Services]:
        """Yield the services of one call while the block runs.

        Args:
            head: the call's first message, where there is one. During a switch, the route that Envoy chose for it
                may still be one of the former configuration, which then serves the call.
        """
        self._running += 1
        try:
            with self._of_route(head).call() as services:
                yield services
        finally:
            self._running -= 1

    def prepare(self, generation: Generation) -> None:
        """Keep a configuration ready, in place of one that was prepared before."""
        self._prepared = generation

    def discard(self) -> None:
        """Forget the prepared configuration."""
        self._prepared = None

    def commit(self) -> None:
        """Put the prepared configuration in force. Until ``settle``, the former serves calls on its own routes."""
        if self._prepared is None:
            raise LookupError("no configuration is prepared")
        self.settle()
        former, prepared = self._in_force, self._prepared
        self._prepared = None
        self._put_in_force(prepared, former)

    def revert(self) -> None:
        """Put the former configuration in force again, before ``settle``."""
        if self._former is None:
            raise LookupError("there is no former configuration")
        former, failed = self._former, self._in_force
        self._put_in_force(former, failed)

    def settle(self) -> None:
        """Serve no new call by the former configuration. It ends with its last call."""
        if self._former is not None:
            self._retired[self._former] = asyncio.create_task(self._retire(self._former))
            self._former = None

    async def settled(self) -> None:
        """Wait until all calls of former configurations have ended."""
        await asyncio.gather(*self._retired.values())

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Follow the policy's changes while the block runs, whichever configuration is in force."""
        self._in_force.take_over()
        try:
            yield
        except BaseException:
            await self._in_force.abandon()
            raise
        else:
            await self._in_force.end()
        finally:
            self.settle()
            for generation, task in tuple(self._retired.items()):
                await cancel(task)
                await generation.abandon()

    def _put_in_force(self, generation: Generation, former: Generation | None = None) -> None:
        self._in_force, self._former = generation, former
        self._latest.services = generation.services
        if former is not None:
            former.give_way()
            generation.take_over()

    async def _retire(self, generation: Generation) -> None:
        await generation.idle()
        await generation.end()
        del self._retired[generation]

    def _of_route(self, head: RequestHead | None) -> Generation:
        """Return the configuration to which Envoy's route of a call belongs: the one in force, or the former."""
        if head is None or self._former is None or not _leads(head, self._former) or _leads(head, self._in_force):
            return self._in_force
        return self._former


def _leads(head: RequestHead, generation: Generation) -> bool:
    """Return whether the configuration sends a call of this host to the backend that Envoy's route leads to."""
    try:
        return find_connection(head, generation.services).cluster == head.attributes.cluster
    except Refused:
        return False
