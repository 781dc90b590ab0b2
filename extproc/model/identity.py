"""The caller's identity."""

from dataclasses import dataclass

ANONYMOUS_NAME = "anonymous"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose token or client certificate Envoy has verified, or nobody. Holds claims, never the token."""

    issuer: str
    """The token's ``iss`` (RFC 7519 section 4.1.1); the certificate's trust domain."""
    subject: str
    """The token's ``sub``, or the certificate's principal; unique within its issuer."""
    groups: tuple[str, ...] = ()
    """From the claim that the provider's configuration names."""
    actor: str = ""
    """The party that acts for the subject: ``act.sub`` (RFC 8693 section 4.1); empty if there is none."""
    person: str = ""
    """The claim that joins the accounts of one person, in one form; empty where none is configured or given."""
    actor_issuer: str = ""
    """Who names the actor: ``act.iss``, where that is another than ``issuer``; else empty."""

    @property
    def name(self) -> str:
        """The subject, unique across issuers: distinguishes one person from another."""
        return ANONYMOUS_NAME if self.is_anonymous else f"{self.issuer}|{self.subject}"

    @property
    def actor_name(self) -> str:
        """The actor, unique across issuers; empty if there is none."""
        return f"{self.actor_issuer or self.issuer}|{self.actor}" if self.actor else ""

    @property
    def is_anonymous(self) -> bool:
        """True if nobody said who calls."""
        return not self.issuer

    @property
    def recorded_subject(self) -> str:
        """The subject as entries have it."""
        return ANONYMOUS_NAME if self.is_anonymous else self.subject


ANONYMOUS = Identity("", "")
"""A caller without token and certificate. Only functions with ``identity: none`` can be called so."""
