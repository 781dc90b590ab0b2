"""Reads the caller's identity from the principal of the client certificate that Envoy has verified.

Envoy says it in its own attributes: the certificate's first URI, else its first DNS name, else its subject. The
header ``x-forwarded-client-cert``, which a caller may write, is never read. Not checked here: that the listener
verifies certificates. Envoy reports the names of one that it did not verify in the same way.
"""

from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.settings.mtls import MtlsSettings

MAX_PRINCIPAL = 256
"""Characters; as for the subject of a token."""


def identify(principal: str, settings: MtlsSettings | None) -> Identity | None:
    """Return the identity that a client certificate gives.

    Args:
        principal: as Envoy reports it; empty without a certificate.
        settings: the accepted trust domains; None if callers are not known by certificates.

    Returns:
        The identity; None if there is no certificate, or if none counts.

    Raises:
        Refused: ``token-rejected`` if the principal belongs to no accepted trust domain.
    """
    if settings is None or not principal:
        return None
    domain = settings.trust_domain(principal) if len(principal) <= MAX_PRINCIPAL else ""
    if not domain:
        detail = "the client certificate is of no accepted trust domain"
        raise Refused(Reason.TOKEN_REJECTED, rule="mtls.trust_domains", detail=detail)
    return Identity(issuer=domain, subject=principal, groups=settings.groups_of(principal))
