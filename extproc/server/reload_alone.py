"""SIGHUP reloads a worker or control process without a supervisor. ``extproc up`` reloads all its processes."""

import asyncio
from pathlib import Path
from typing import Protocol

import structlog

from extproc.codecs.located_yaml import load_located
from extproc.config.configuration import SHOWN, Configuration, load_configuration
from extproc.config.live_changes import changed_keys, refuse_fixed, shown_keys
from extproc.config.schema import Settings
from extproc.model.errors import ExtprocError
from extproc.server.reloading import ChangesConfiguration
from extproc.server.supervised import is_supervised


class Reloads(ChangesConfiguration, Protocol):
    """A process that knows its configuration in force."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        ...


class ReloadAlone:
    """Reloads this process, once at a time. Every failure is logged, and leaves the configuration in force."""

    def __init__(self, part: Reloads, file: Path) -> None:
        """Prepare to reload.

        Args:
            part: this process.
            file: its configuration file.
        """
        self._part, self._file = part, file
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def start(self) -> None:
        """Reload in the background, and once more if this is asked for meanwhile."""
        if is_supervised():
            return
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._again:
            self._again = False
            try:
                await self.reload()
            except ExtprocError as error:
                structlog.get_logger().error("configuration refused", why=str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the configuration in force stays
                structlog.get_logger().error("configuration refused", why=type(error).__name__)

    async def reload(self) -> None:
        """Check the file, and switch to it.

        Raises:
            ExtprocError: it cannot be used, or needs a restart. The configuration in force stays.
        """
        old = self._part.configuration
        new = await asyncio.to_thread(load_configuration, self._file)
        if new.digest == old.digest:
            structlog.get_logger().info("configuration unchanged", digest=new.digest[:SHOWN])
            return
        changed = changed_keys(old.settings, new.settings)
        refuse_fixed(changed, load_located(self._file))
        await self._part.prepare(self._file, new.digest)
        self._part.commit()
        self._part.settle()
        structlog.get_logger().info("configuration changed", keys=shown_keys(changed))
        await asyncio.to_thread(_tell_envoys_part, old.settings, new.settings)


def _tell_envoys_part(old: Settings, new: Settings) -> None:
    """Name the parts that somebody else's Envoy has to get too."""
    from extproc.envoy_config.render.differences import differences  # noqa: PLC0415 - slow, and seldom needed

    if found := differences(old, new):
        hint = "extproc envoy render"
        structlog.get_logger().warning("envoy configuration differs", parts=", ".join(found), hint=hint)
