"""The ``approvals`` section."""

from pathlib import Path

from extproc.settings.base import PathSetting, Seconds, Strict


class ApprovalsSettings(Strict):
    """The store of held calls."""

    store: PathSetting = Path("approvals.db")
    """SQLite file, under ``state`` unless absolute. All workers of one machine share it."""
    poll: Seconds = 0.1
    """Seconds between two reads of the store by a worker."""
    wait: Seconds = 45.0
    """Seconds for which a held caller waits in Envoy before it is told to call again, in mode `auto` of a hold.
    Most clients give up after 60."""
