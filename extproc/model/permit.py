"""The permit: permission to forward one request, together with the request that may go.

The wire encodes nothing that goes upstream without a permit, and takes what goes from nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from extproc.model.errors import ProtocolViolation
from extproc.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class HeaderEdits:
    """Header fields to set (replacing all of that name), to remove, and to add beside those that were set."""

    set: tuple[tuple[str, bytes], ...] = ()
    remove: tuple[str, ...] = ()
    add: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The request that goes upstream in place of the caller's."""

    edits: HeaderEdits
    """Of the request's header fields, the backend's credential among them."""
    has_body: bool
    """True if the permit answers request_body; False if it answers request_headers."""
    body: bytes | None
    """The body that goes; None: the caller's bytes, untouched."""
    response_headers: tuple[tuple[str, bytes], ...] = ()
    """Fields that policy adds to the response, beside the backend's of the same name."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Policy's metadata for Envoy's other filters and its access log."""

    if_cut_off: str = ""
    """The body that the caller gets if Envoy has to end the call itself; empty: Envoy's own words."""

    def __post_init__(self) -> None:
        if self.body is not None and not self.has_body:
            raise ProtocolViolation("a request without a body cannot be given one")


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to forward one exact request. Only ``extproc.flow.grant`` makes one (a test holds it to that)."""

    call_id: str
    forwarding: Forwarding = field(repr=False)
    """All that may be sent. Holds the backend's credential: never log it."""
    reason: Reason
    expires_ns: int
    """Wall-clock nanoseconds; from then on the permit is void."""

    def check(self, now_ns: int) -> None:
        """Refuse an expired permit.

        Args:
            now_ns: wall-clock nanoseconds.

        Raises:
            ProtocolViolation: the permit has expired.
        """
        if now_ns >= self.expires_ns:
            raise ProtocolViolation("the permit has expired")
