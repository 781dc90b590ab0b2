"""Why nobody is signed in, and the errors that say so.

::

    ExtprocError
    ├── SignInNeeded         the request has no session: pages lead to /sign-in
    ├── SignInRefused        a sign-in, a link or a form does not count: says why
    ├── SessionsUnavailable  the store of sessions cannot be used: no page is served
    └── ProviderUnavailable  the identity provider does not answer: no session is begun or goes on
"""

from dataclasses import dataclass
from enum import StrEnum

from extproc.model.errors import ExtprocError


class WhyNot(StrEnum):
    """Reasons for which a sign-in, a link or a form does not count. A closed list, for pages and log lines."""

    ATTEMPT_UNKNOWN = "attempt-unknown"
    """The answer of the provider belongs to no sign-in of this browser, or to one that is over."""
    DENIED = "denied"
    """The provider says that the person may not, or does not want to, sign in."""
    CODE_REFUSED = "code-refused"
    """The provider gave no tokens for its own code."""
    WRONG_ISSUER = "wrong-issuer"
    """The answer is another issuer's (RFC 9207 section 2.4)."""
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - a word, not a secret
    """The ID token is not valid, or not meant for this sign-in."""
    SIGNED_OUT = "signed-out"
    """The provider ended the session meanwhile."""
    LINK_UNKNOWN = "link-unknown"
    """The link was used, has expired, or never was."""
    NOT_LOCAL = "not-local"
    """Links work on loopback alone."""
    AGENT = "agent"
    """An agent that acts for a person does not sign in."""
    FORGED = "forged"
    """The form does not come from a page of this session."""
    TOO_MANY = "too-many"
    """Too many requests from this address, or in this session."""
    NOT_SET_UP = "not-set-up"
    """The configuration names no provider for sign-in."""


class SignInNeeded(ExtprocError):
    """The request has no session that is still good."""


@dataclass
class SignInRefused(ExtprocError):
    """A sign-in, a link or a form does not count."""

    why: WhyNot
    retry_after_s: int = 0
    """Seconds to wait, if there are too many requests."""

    def __str__(self) -> str:
        return str(self.why)


class SessionsUnavailable(ExtprocError):
    """The store of sessions cannot be used."""


class ProviderUnavailable(ExtprocError):
    """The identity provider gave no usable answer. Its sessions are not ended: a later request asks again."""
