"""Open the approvals store that the settings name: a file of this machine, or a database that machines share."""

from pathlib import Path

import structlog

from extproc.approvals.port import ApprovalStore
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.postgresql_address import place
from extproc.approvals.postgresql_database import StoreAwayError
from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.schema import Settings
from extproc.model.errors import ApprovalError

HINT = "`extproc doctor` says more; approvals.store names the database"


def make_approvals(settings: Settings) -> ApprovalStore:
    """Open the approvals store.

    A database that is away for now is logged, and is no error: a worker that starts meanwhile serves all calls
    that need no approval.

    Args:
        settings: the whole configuration.

    Raises:
        ApprovalError: the file cannot be used; or the database was reached, and must not be used.
    """
    store = settings.approvals.store
    if isinstance(store, Path):
        return SqliteApprovals(store)
    made = PostgresApprovals(store)
    try:
        made.recent(pending_only=True, limit=1)
    except StoreAwayError as error:
        said = "the approvals store is away: calls that need approval are denied until it is back"
        structlog.get_logger().error(said, store=place(store), error=str(error))
    except ApprovalError as error:
        made.close()
        raise ApprovalError(f"{place(store)}: {error}\n  {HINT}") from None
    return made
