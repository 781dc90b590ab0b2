"""The ``approvals`` section."""

from pathlib import Path

from extproc.settings.base import Seconds, Strict


class ApprovalsSettings(Strict):
    """Where held calls wait."""

    store: Path = Path("approvals.db")
    """SQLite file, under ``state`` unless absolute; shared by all workers of one machine."""
    poll: Seconds = 0.1
    """Seconds between looks at the store, one look per worker."""
