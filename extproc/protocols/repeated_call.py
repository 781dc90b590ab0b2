"""A call that a client makes again by protocol: it gives back what the guard answered when the call was held."""

from dataclasses import dataclass, field

from extproc.model.call import RequestHead


@dataclass(frozen=True, slots=True)
class RepeatedCall:
    """A request without what the guard's own answer put into it: the backend must not see that."""

    head: RequestHead
    """The head of a request with this body."""
    body: bytes = field(repr=False)
    """The body, decoded. All bytes but those that were taken out are as they came."""
    state: str = field(repr=False)
    """The state as the client gave it back. Nobody has verified it yet."""
    is_declined: bool
    """True if the person at the client declined: the call is given up."""
    is_dismissed: bool = False
    """True if that person answered nothing: the client is not asked again, but told in words."""
