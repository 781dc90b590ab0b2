"""Who acts or looks, by which way: what every part of the console knows of a person."""

from dataclasses import dataclass

from extproc.console.roles import Role
from extproc.model.identity import Identity

SOCKET, API = "socket", "api"
"""Channels of programs: the command line on the same machine, for the owner of the state folder; the port."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person, or an agent, with its roles. Whoever makes one has verified the token or the session."""

    identity: Identity
    """``ANONYMOUS`` for the owner of the socket, who reads without a token."""
    roles: frozenset[Role]
    channel: str
    """The way: ``console``, ``api``, ``socket`` or ``slack``."""
    address: str = ""
    """The peer's address, or the account in a chat; empty over the socket."""

    @property
    def source(self) -> str:
        """The way and the address, as votes and entries have them: ``console 192.0.2.7``."""
        return f"{self.channel} {self.address}".rstrip()

    @property
    def sees_all(self) -> bool:
        """True for the roles that may read every approval."""
        return bool(self.roles & {Role.AUDITOR, Role.ADMIN})
