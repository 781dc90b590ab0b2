"""Make the names that policies may use from the settings."""

from extproc.config.schema import Settings
from extproc.detectors.catalogue import CATALOGUE
from extproc.model.masking import MASKED_VALUE
from extproc.policy.names.known_names import KnownConnection, KnownNames


def known_names(settings: Settings) -> KnownNames:
    """Return all names that calls, findings and callers of this configuration can have. Loads no detector."""
    masking = settings.masking
    presidio = masking.presidio.entities if masking.presidio else ()
    return KnownNames(
        {
            name: KnownConnection(
                name,
                each.function_names,
                each.method_names,
                each.function_patterns,
                describe=each.described_calls,
                anonymous=each.anonymous_functions,
            )
            for name, each in settings.connections.items()
        },
        frozenset({*(detector.entity for detector in CATALOGUE), *masking.detectors, *presidio, MASKED_VALUE}),
        frozenset(provider.issuer for provider in settings.identity.providers.values()),
        frozenset(settings.policy.other_connections),
    )
