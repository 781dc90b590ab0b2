"""A call that has not been made yet, because people have to approve it and its caller does not wait any longer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from extproc.model.units import NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """What a caller is told about its call that waits for approval: a ticket.

    The same call, made again by the same caller, belongs to the same request for approval. A ticket needs no
    secret, since it is the caller and the call that are compared, and not what the ticket says.
    """

    approval_id: str
    """UUIDv7."""
    url: str
    """The page on which approvers decide; empty where the console has no public URL."""
    retry_after_s: int
    """Seconds after which asking again makes sense."""
    expires_ns: int
    """Wall-clock nanoseconds at which the request for approval ends."""
    state_token: str = field(default="", repr=False)
    """What the caller's client gives back when it makes the call again by protocol; empty: it is not to do so by
    itself. See ``extproc.identity.approval_state``. Never recorded."""
    was_shown: bool = False
    """True if the client has shown the page before, so that it is not to open it once more."""

    @property
    def expires(self) -> str:
        """When the request ends: RFC 3339, in UTC, whole seconds."""
        return datetime.fromtimestamp(self.expires_ns // NANOSECONDS_PER_SECOND, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )

    @property
    def facts(self) -> dict[str, str]:
        """The facts for programs: ``approval``, ``approval_url`` where there is one, ``expires``."""
        url = {"approval_url": self.url} if self.url else {}
        return {"approval": self.approval_id, **url, "expires": self.expires}
