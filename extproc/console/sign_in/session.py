"""A person's session in the console, as pages see it."""

from dataclasses import dataclass

from extproc.console.roles import Role
from extproc.model.identity import Identity


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in, as of one request."""

    identity: Identity
    """From the provider's last word."""
    roles: frozenset[Role]
    """By the configuration in force."""
    name: str
    """For people to read: the provider's name of the person. Not unique, and chosen by people: escape it."""
    csrf: str
    """The synchroniser token of the session's forms: send it back in the field ``csrf``."""
    session_id: str
    """SHA-256 of the cookie in hexadecimal: tells sessions apart, and opens none."""
    source: str
    """The address of this request: ``console 10.0.0.1``."""
    by_link: bool
    """True if a one-time link began the session, not the provider."""
    began_ns: int
    ends_ns: int
    """The end at the latest."""
