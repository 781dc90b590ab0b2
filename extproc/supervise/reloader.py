"""Change the configuration of a running installation: everywhere, or nowhere.

1. **Check** the new file as ``extproc config check`` does, have Envoy validate what is rendered of it, and store a
   snapshot of it.
2. **Prepare**: each process makes the new configuration beside the one in force, and says so. One refusal, and all
   of them forget it.
3. **Commit**: from now on a process that starts loads the new snapshot, and each running one switches. A process
   that does not say that it has is killed: it starts again with the new snapshot.
4. **Envoy** gets its clusters, filters and routes. A call whose route is still the old one is served by the old
   configuration. If Envoy does not take them, everything goes back.
5. **Settle**: calls that began under the old configuration end under it. Then its backends are removed from Envoy.
"""

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from extproc.assembly.check_settings import check_parts
from extproc.codecs.located_yaml import KeyPath, load_located
from extproc.config.configuration import SHOWN, Configuration
from extproc.config.live_changes import RESTART, changed_keys, refuse_fixed, refuse_moved_hosts, shown_keys
from extproc.config.load import adding_places, load_settings
from extproc.config.snapshot import SnapshotInForce, Snapshots
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.envoy_config.render.discovery import Discovery
from extproc.model.errors import ConfigError, ExtprocError
from extproc.supervise.children import (
    credential_variables,
    envoy_binary,
    make_discovery,
    notification_variables,
    reconfigure,
    sign_in_variables,
    worker_endpoint,
)
from extproc.supervise.envoy_live import LiveEnvoy, validate
from extproc.supervise.line import LineClosedError, RefusedError, SilentError
from extproc.supervise.supervisor import Child

PREPARE_WITHIN_S = 120.0
COMMIT_WITHIN_S = 10.0
SETTLE_AFTER_S = 1.0
"""Seconds after Envoy's change in which calls may still arrive that it routed before."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A configuration that is in force now."""

    digest: str
    keys: tuple[KeyPath, ...] | None
    """The keys whose values changed; None if it was in force before."""


class Reloader:
    """Changes the configuration of all children, one change at a time. Belongs to one event loop."""

    def __init__(
        self,
        configuration: Configuration,
        file: Path,
        children: list[Child],
        discovery: Discovery,
        envoy: LiveEnvoy,
    ) -> None:
        """Start with the configuration that the children were started with.

        Args:
            configuration: the snapshot in force.
            file: the configuration file.
            children: all children.
            discovery: Envoy's part of the configuration.
            envoy: follows changes of it.
        """
        self.configuration = configuration
        self._file, self._children, self._envoy = file, children, envoy
        self._discovery = self._shown_to_envoy = discovery
        self._snapshots = Snapshots(configuration.settings.state)
        self._one_at_a_time = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None
        self._needed = {configuration.digest}
        """Snapshots that a process, or a cluster that is still in Envoy, may read again."""
        self._stopped = False

    async def reload(self) -> Changed:
        """Check the file, and change all processes to it.

        Raises:
            ExtprocError: the reason why not. The configuration in force stays, in all processes.
        """
        async with self._one_at_a_time:
            if self._stopped:
                raise ConfigError("the installation is stopping: its configuration stays")
            new = await asyncio.to_thread(self._checked)
            if new.digest == self.configuration.digest:
                return Changed(new.digest, None)
            changed = changed_keys(self.configuration.settings, new.settings)
            await self._stop_settling()
            try:
                await self._change(new)
            finally:
                self._settling = asyncio.create_task(self._settle())
            structlog.get_logger().info(
                "configuration changed", digest=new.digest[:SHOWN], keys=shown_keys(changed)
            )
            return Changed(new.digest, changed)

    async def stop(self) -> None:
        """Change nothing any more."""
        self._stopped = True
        async with self._one_at_a_time:
            await self._stop_settling()

    # Check.

    def _checked(self) -> Configuration:
        """Check the file completely, and take its snapshot."""
        settings = load_settings(self._file)
        with adding_places(self._file):
            check_parts(settings)
        new = self._snapshots.take(self._file)
        try:
            self._check_change(new)
        except BaseException:
            self._snapshots.keep_only(*self._needed)
            raise
        return new

    def _check_change(self, new: Configuration) -> None:
        old = self.configuration
        if new.digest == old.digest:
            return
        document = load_located(self._file)
        refuse_fixed(changed_keys(old.settings, new.settings), document)
        refuse_moved_hosts(old.settings, new.settings, document)
        for variable, name in credential_variables(new.settings).items():
            if variable in os.environ and variable not in credential_variables(old.settings):
                place = document.place(("connections", name, "credential", "env"))
                raise ConfigError(f"Envoy runs with the variable {variable}: it would know it", place, RESTART)
        for variable in sign_in_variables(new.settings) - sign_in_variables(old.settings):
            if variable in os.environ:
                place = document.place(("control", "sign_in", "client_secret_env"))
                raise ConfigError(f"Envoy runs with the variable {variable}: it would know it", place, RESTART)
        for variable in notification_variables(new.settings) - notification_variables(old.settings):
            if variable in os.environ:
                place = document.place(("notifications", "targets"))
                raise ConfigError(f"Envoy runs with the variable {variable}: it would know it", place, RESTART)
        endpoints = [worker_endpoint(new.settings, index) for index in range(new.settings.workers)]
        validate(envoy_binary(), render_bootstrap(new.settings, guard_endpoints=endpoints))

    # Change.

    async def _change(self, new: Configuration) -> None:
        discovery = await asyncio.to_thread(make_discovery, new.settings)
        if discovery.bootstrap != self._discovery.bootstrap:
            raise ConfigError("a part of Envoy's configuration would change that needs a restart", hint=RESTART)
        await self._prepare(new)
        old, old_discovery = self.configuration, self._discovery
        try:
            self._put_in_force(new)
        except BaseException:
            await self._each("discard")
            raise
        await self._switch("commit")
        try:
            await self._show_envoy(discovery)
        except (ExtprocError, OSError) as error:
            await self._go_back(old, old_discovery)
            raise ConfigError(f"nothing was changed: {error}") from error
        self._discovery = discovery

    async def _prepare(self, new: Configuration) -> None:
        """Have each process prepare it. A process that dies meanwhile starts with what is in force then."""
        questions = [self._prepare_one(child, new) for child in self._children if child.line]
        refusals = [each for each in await asyncio.gather(*questions) if each]
        if refusals:
            await self._each("discard")
            raise ConfigError(refusals[0])

    async def _prepare_one(self, child: Child, new: Configuration) -> str:
        """Return why a process cannot prepare it; empty if it has, or has died."""
        try:
            if child.line is not None:
                await child.line.ask("prepare", PREPARE_WITHIN_S, file=str(new.file), digest=new.digest)
        except (RefusedError, SilentError) as error:
            return f"{child.name}: {error}"
        except LineClosedError:  # whichever process is there at the commit is asked then
            return ""
        return ""

    def _put_in_force(self, configuration: Configuration) -> None:
        """Have processes that start from now on load this snapshot: the commit."""
        self._snapshots.put_in_force(SnapshotInForce(configuration.digest, str(self._file), time.time_ns()))
        reconfigure(self._children, configuration)
        self.configuration = configuration
        self._needed.add(configuration.digest)

    async def _switch(self, do: str) -> None:
        """Have each running process switch. One that does not is killed, and starts with what is in force."""
        await asyncio.gather(*(self._switch_one(child, do) for child in self._children if child.line))

    async def _switch_one(self, child: Child, do: str) -> None:
        process, line = child.process, child.line
        try:
            if line is not None:
                await line.ask(do, COMMIT_WITHIN_S)
        except (RefusedError, LineClosedError) as error:
            structlog.get_logger().warning(
                "restarted, to change its configuration", part=child.name, why=str(error)
            )
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def _each(self, do: str, within_s: float | None = COMMIT_WITHIN_S) -> None:
        """Ask each running process; one that has died needs nothing."""
        lines = [child.line for child in self._children if child.line]
        await asyncio.gather(*(line.ask(do, within_s) for line in lines), return_exceptions=True)

    # Envoy, and the end of the old configuration.

    async def _show_envoy(self, discovery: Discovery) -> None:
        """Give Envoy its part, with the clusters that it has by now: calls may be on their way to them."""
        shown = discovery.keeping_clusters_of(self._shown_to_envoy)
        await self._envoy.change(shown)
        self._shown_to_envoy = shown

    async def _go_back(self, old: Configuration, discovery: Discovery) -> None:
        self._put_in_force(old)
        await self._switch("revert")
        with contextlib.suppress(ExtprocError, OSError):
            await self._show_envoy(discovery)
        await self._each("settle")

    async def _settle(self) -> None:
        """Let the old configuration end with its calls, then remove its backends from Envoy."""
        await asyncio.sleep(SETTLE_AFTER_S)
        await self._each("settle")
        await self._each("settled", None)
        try:
            await self._envoy.change(self._discovery)
            self._shown_to_envoy = self._discovery
        except (ExtprocError, OSError) as error:
            structlog.get_logger().warning("clusters stay in Envoy", why=str(error))
        else:
            self._needed = {self.configuration.digest}
        self._forget_snapshots()

    def _forget_snapshots(self) -> None:
        """Remove the snapshots that nobody needs. A reload that is under way may have taken another one."""
        if not self._one_at_a_time.locked():
            self._snapshots.keep_only(*self._needed)

    async def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.wait([self._settling])
            self._settling = None
