"""Compare the ways in which callers are known: by the tokens and client certificates that Envoy verifies."""

from collections.abc import Iterator

from extproc.config.schema import Settings
from extproc.envoy_config.lint.chain import EXT_PROC, JWT, Chain
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import GuardClusters
from extproc.envoy_config.render.building_blocks import AUTHZ_METADATA, GUARD_METADATA, JWT_METADATA

ALLOW_MISSING = ("allow_missing", "allowMissing")
VALIDATION = (
    ("validation_context",),
    ("combined_validation_context", "default_validation_context"),
)
VERIFIERS = ("trusted_ca", "verify_certificate_hash", "verify_certificate_spki", "custom_validator_config")
NAMESPACE_KEYS = ("metadata_namespace", "metadataNamespace")
"""Fields in which filters name the dynamic metadata that they write."""
OWNERS = {JWT_METADATA, GUARD_METADATA, AUTHZ_METADATA}
TRUST = ("VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED")


def is_meant(problem: Problem, settings: Settings | None) -> bool:
    """True for a missing token that Envoy may let pass, since the guard knows which calls need none."""
    named = problem.danger == "jwt-allow-missing" and problem.path[-1] in ALLOW_MISSING
    return named and settings is not None and _lets_nobody_in(settings)


def _lets_nobody_in(settings: Settings) -> bool:
    anonymous = any(not rule.needed for each in settings.connections.values() for rule in each.token_rules)
    return anonymous or settings.identity.mtls is not None


def check_claims(chain: Chain, settings: Settings) -> Iterator[Problem]:
    """Find claims that the guard looks for elsewhere, and missing tokens that Envoy refuses."""
    keys = {each.issuer: each.metadata_key for each in settings.identity.providers.values()}
    for _, config in chain.of(JWT):
        for each in config.each("providers"):
            key, wanted = each.text("payload_in_metadata"), keys.get(each.text("issuer"), "")
            if key and wanted and key != wanted:
                path = each.get("payload_in_metadata").path
                what = f"payload_in_metadata is {key!r}, but the guard reads {wanted!r}"
                yield Problem("claims-key", path, what)
        if _lets_nobody_in(settings) and not any(node.key in ALLOW_MISSING for node in config.walk()):
            what = "no requirement has allow_missing, which functions without identity and identity.mtls need"
            yield Problem("missing-tokens-refused", config.get("rules").path, what)


def check_namespaces(root: Node) -> Iterator[Problem]:
    """Find filters that write what only jwt_authn and the guard's filters may say."""
    for node in root.walk():
        if node.key in NAMESPACE_KEYS and node.value in OWNERS:
            yield Problem("forged-metadata", node.path, f"metadata_namespace is {node.value}")
        elif node.message == EXT_PROC:
            received = node.get("metadata_options", "receiving_namespaces")
            names = [each for kind in ("untyped", "typed") for each in received.each(kind)]
            yield from (
                Problem("forged-metadata", each.path, f"ext_proc may write {each.value}")
                for each in names
                if each.value == JWT_METADATA
            )


def check_certificates(root: Node, settings: Settings | None, known: GuardClusters) -> Iterator[Problem]:
    """Find client certificates whose names would be believed although nobody verified them."""
    chains = [node for node in root.walk() if node.get("filters") and _has_guard(node, known)]
    for chain in chains:
        context = chain.get("transport_socket", "typed_config")
        contexts = [context.get("common_tls_context", *names) for names in VALIDATION]
        trust = next((each for each in contexts if each.enum(TRUST, "trust_chain_verification") == TRUST[1]), None)
        if trust is not None:
            path = trust.get("trust_chain_verification").path
            yield Problem("clients-unverified", path, "trust_chain_verification is ACCEPT_UNTRUSTED")
        elif context.flag("require_client_certificate") and not _verified(context):
            path = context.get("common_tls_context").path
            yield Problem(
                "clients-unverified", path, "certificates are required, and validation_context is missing"
            )
        elif settings and settings.identity.mtls and not _verified(context):
            yield Problem("clients-without-tls", chain.path, "identity.mtls is set")


def _has_guard(chain: Node, known: GuardClusters) -> bool:
    managers = [node for node in chain.walk() if node.get("http_filters")]
    return any(Chain.of_manager(each, known).guards for each in managers)


def _verified(context: Node) -> bool:
    common = context.get("common_tls_context")
    by_file = any(common.get(*names).get(each) for names in VALIDATION for each in VERIFIERS)
    loaded = ("validation_context_sds_secret_config",)
    return by_file or bool(common.get(*loaded)) or bool(common.get("combined_validation_context", *loaded))
