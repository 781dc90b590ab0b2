"""Publish a policy engine's status, and store the last good policy of its process."""

from collections.abc import Callable
from pathlib import Path

from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, write_status

StatusListener = Callable[[PolicyStatus], None]
"""Called with each new status of the policy engine: a policy loaded or refused, an engine failed or well."""


def ignore_status(_status: PolicyStatus) -> None:
    """Ignore the status."""


class EngineReports:
    """The reports of one engine, in the state folder and to one listener.

    An engine that is prepared says nothing before it takes over, and one that gives way says nothing any more.
    """

    def __init__(
        self, state: Path, process: str, on_status: StatusListener = ignore_status, *, in_force: bool = True
    ) -> None:
        """Make the reports of one engine.

        Args:
            state: the state folder.
            process: the process whose status and last good policy are stored.
            on_status: called with each new status, after it has been stored.
            in_force: False for an engine that is prepared.
        """
        self.process = process
        self.last_good = LastGoodPolicy(state / STATUS_FOLDER, process, in_force=in_force)
        self._folder, self._on_status, self._in_force = state / STATUS_FOLDER, on_status, in_force
        self._last: PolicyStatus | None = None

    def publish(self, status: PolicyStatus) -> None:
        """Publish a status, if the engine is in force."""
        self._last = status
        if self._in_force:
            write_status(self._folder, status)
            self._on_status(status)

    def take_over(self) -> None:
        """Publish from now on, beginning with the latest status."""
        self._in_force = True
        self.last_good.take_over()
        if self._last is not None:
            self.publish(self._last)

    def give_way(self) -> None:
        """Publish nothing any more."""
        self._in_force = False
        self.last_good.give_way()
