"""Who may do what through the API.

========================  ===========================  =======================================
what                      on the unix socket           on a port
========================  ===========================  =======================================
read approvals            anybody who can open it      a token; approvals of its groups only
read sessions, query      anybody who can open it      a token with one of ``analyst_groups``
vote                      a token                      a token
========================  ===========================  =======================================

The socket's mode, 0600, is what lets only its owner (and root) open it: whoever serves it must see to that.
A token that is given must be valid, even where none is needed.
"""

from dataclasses import dataclass
from typing import Protocol

from extproc.approvals.port import Approval
from extproc.model.errors import Refused, VoteRefused, WhyRefused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason


class TokenVerifier(Protocol):
    """What the API asks of an authenticator."""

    def identify(self, token: str) -> Identity:
        """Who the token speaks for. Raises ``Refused``."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks the API, and from where."""

    identity: Identity | None
    local: bool
    """Came over the unix socket."""

    def may_read(self, approval: Approval) -> bool:
        """Whether this approval exists, as far as the caller may know."""
        if self.local:
            return True
        return self.identity is not None and bool(set(self.identity.groups) & set(approval.request.groups))

    def check_analyst(self, groups: list[str]) -> None:
        """Let nobody else see evidence. Raises ``Refused``."""
        if self.local:
            return
        if self.identity is None or not set(groups) & set(self.identity.groups):
            raise Refused(Reason.NOT_IN_SCOPE, rule="control.analyst_groups")

    def voter(self) -> Identity:
        """The person who votes.

        Raises:
            Refused: nobody is named.
            VoteRefused: an agent speaks for somebody.
        """
        if self.identity is None:
            raise Refused(Reason.UNAUTHENTICATED, rule="vote")
        if self.identity.actor:
            raise VoteRefused(WhyRefused.ON_BEHALF)
        return self.identity


def read_caller(authorization: list[str], verifier: TokenVerifier, *, local: bool) -> Caller:
    """Read who asks.

    Args:
        authorization: the values of all ``Authorization`` fields.
        verifier: checks tokens.
        local: the request came over the unix socket.

    Raises:
        Refused: a token is missing where one is needed, or is not valid. Source: RFC 6750 section 2.1.
    """
    if not authorization and local:
        return Caller(None, local=True)
    scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise Refused(Reason.UNAUTHENTICATED, rule="authorization")
    return Caller(verifier.identify(token.strip()), local)
