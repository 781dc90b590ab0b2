"""Find out whether a policy decides responses when it is loaded: asking it about each one doubles its cost.

The same for requests that servers make of clients: policies that were written without them know no such call.

A policy that never looks at ``input.direction`` or ``input.response`` cannot tell a response from its request, and
is not asked about it. Where the answer is not certain, the policy is asked.
"""

from enum import StrEnum

from extproc.model.call import Json

DIRECTIONS = ("data", "extproc", "directions")
"""A rule about data alone: the set of directions that a policy decides. Evaluated once, at loading."""
SERVER = "server"
KNOWN = frozenset({"request", "response", "list", SERVER})
TELLING = frozenset({"direction", "response"})
"""Keys of the input that distinguish a response from its request."""


class ResponseInterest(StrEnum):
    """The values that say if a policy is to be asked about responses."""

    NEVER = "never"
    """It has nothing to say about any response: it is not asked."""
    ALWAYS = "always"
    """It says that it decides responses."""
    UNKNOWN = "unknown"
    """It may have something to say: it is asked."""


def declared_interest(directions: Json) -> ResponseInterest:
    """The interest that the value of ``data.extproc.directions`` declares.

    Returns:
        ``UNKNOWN`` for a value that is not a list of known directions.
    """
    match directions:
        case [*names] if all(isinstance(name, str) and name in KNOWN for name in names):
            return ResponseInterest.ALWAYS if "response" in names else ResponseInterest.NEVER
        case _:
            return ResponseInterest.UNKNOWN


def declares_server_requests(directions: Json) -> bool:
    """Return whether ``data.extproc.directions`` has a value that names requests of servers to clients.

    A policy that does not say so was written without them: it is not asked.
    """
    match directions:
        case [*names]:
            return SERVER in names and declared_interest(directions) is not ResponseInterest.UNKNOWN
        case _:
            return False
