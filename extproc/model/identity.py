"""The caller's identity."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose token Envoy has verified. Holds claims, never the token."""

    issuer: str
    """The token's ``iss`` (RFC 7519 section 4.1.1)."""
    subject: str
    """The token's ``sub``; unique within its issuer."""
    groups: tuple[str, ...] = ()
    """From the claim that the provider's configuration names."""
    actor: str = ""
    """The party that acts for the subject: ``act.sub`` (RFC 8693 section 4.1); empty if there is none."""

    @property
    def name(self) -> str:
        """The subject, unique across issuers: distinguishes one person from another."""
        return f"{self.issuer}|{self.subject}"
