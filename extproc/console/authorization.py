"""The rights of callers of the API.

========================  ===========================  =======================================
right                     on the unix socket           on a port
========================  ===========================  =======================================
read approvals            anybody who can open it      a token: see ``approval_desk``
read definitions          anybody who can open it      a token; of connections whose approver it is
read sessions, query      anybody who can open it      a token: ``analyst_groups``, auditors and admins
vote, accept, reject      a token                      a token
========================  ===========================  =======================================

The server must give the socket mode 0600, so that only its owner (and root) can open it. A token must be valid
even where none is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.console.roles import Role, roles_of
from extproc.console.visitor import API, SOCKET, Visitor
from extproc.model.errors import Refused, VoteRefused, WhyRefused
from extproc.model.identity import ANONYMOUS, Identity
from extproc.model.reasons import Reason
from extproc.settings.control import ControlSettings, RoleSettings


class TokenVerifier(Protocol):
    """Verifies bearer tokens, for the API."""

    def identify(self, token: str) -> Identity:
        """Return the identity of the token. Raises ``Refused``."""
        ...

    def verify(self, token: str) -> tuple[Identity, Mapping[str, Any]]:
        """Return the identity and the claims of the token; numbers among them are doubles. Raises ``Refused``."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, and the listener it came through."""

    identity: Identity | None
    local: bool
    """True if the request came over the unix socket."""

    def may_see(self, groups: Sequence[str]) -> bool:
        """Return whether the caller may know of something that these groups decide about."""
        if self.local:
            return True
        return self.identity is not None and bool(set(self.identity.groups) & set(groups))

    def check_analyst(self, control: ControlSettings) -> None:
        """Refuse callers who may not read evidence. Raises ``Refused``."""
        if self.local:
            return
        person = self.identity or ANONYMOUS
        reads = roles_of(person, control.roles) & {Role.AUDITOR, Role.ADMIN}
        if not reads and not set(control.analyst_groups) & set(person.groups):
            raise Refused(Reason.NOT_IN_SCOPE, rule="control.analyst_groups")

    def visitor(self, roles: RoleSettings, address: str) -> Visitor:
        """Return the caller as the desk knows people.

        Args:
            roles: ``control.roles``.
            address: of the peer; empty over the unix socket.
        """
        person = self.identity or ANONYMOUS
        theirs = roles_of(person, roles)
        if self.local:  # whoever opens the socket can read the store's file as well
            return Visitor(person, theirs | {Role.ADMIN}, SOCKET)
        return Visitor(person, theirs, API, address)

    def voter(self) -> Identity:
        """Return the person who votes.

        Raises:
            Refused: the request has no token.
            VoteRefused: an agent acts for the person.
        """
        if self.identity is None:
            raise Refused(Reason.UNAUTHENTICATED, rule="vote")
        if self.identity.actor:
            raise VoteRefused(WhyRefused.ON_BEHALF)
        return self.identity


def read_caller(authorization: list[str], verifier: TokenVerifier, *, local: bool) -> Caller:
    """Read the caller from a request.

    Args:
        authorization: the values of all ``Authorization`` headers.
        verifier: checks tokens.
        local: whether the request came over the unix socket.

    Raises:
        Refused: a token is missing where one is needed, or is invalid. Source: RFC 6750 section 2.1.
    """
    if not authorization and local:
        return Caller(None, local=True)
    scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise Refused(Reason.UNAUTHENTICATED, rule="authorization")
    return Caller(verifier.identify(token.strip()), local)
