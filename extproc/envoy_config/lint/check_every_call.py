"""Find what makes every call fail, or end without a record: parts that were forgotten beside the filters."""

from collections.abc import Iterator

from extproc.envoy_config.lint.backends import own_clusters
from extproc.envoy_config.lint.chain import EXT_AUTHZ, EXT_PROC, JWT, Chain
from extproc.envoy_config.lint.check_routes import guard_clusters
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import CLUSTER_KEYS
from extproc.envoy_config.render.building_blocks import JWT_METADATA

GRPC_ACCESS_LOG = "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
WHOLE_FILE = ("static_resources",)
"""Fields of a bootstrap. Other documents may refer to clusters of another file."""


def check_identity(chain: Chain) -> Iterator[Problem]:
    """Check that verified tokens exist, and that the guard gets to know their claims."""
    first = min(index for index, _ in chain.guards)
    verifiers = chain.of(JWT)
    if not verifiers:
        yield Problem("no-jwt", chain.filters[first].path, "no jwt_authn filter is before the guard")
    for _, config in verifiers:
        for provider in config.each("providers"):
            if not provider.text("payload_in_metadata"):
                path = provider.get("payload_in_metadata").path
                yield Problem("claims-not-kept", path, "payload_in_metadata is missing")
    for _, config in chain.guards:
        yield from _claims_are_sent(config)


def _claims_are_sent(config: Node) -> Iterator[Problem]:
    places = {
        EXT_PROC: ("metadata_options", "forwarding_namespaces", "untyped"),
        EXT_AUTHZ: ("metadata_context_namespaces",),
    }
    namespaces = config.get(*places[config.message])
    sent = {each.value for each in namespaces.each()}
    if JWT_METADATA not in sent:
        yield Problem("claims-not-sent", namespaces.path, f"{JWT_METADATA} is not among the namespaces")


def check_records(manager: Node, chain: Chain) -> Iterator[Problem]:
    """Check that Envoy reports the calls that no guard sees to their end."""
    guards = guard_clusters([chain])
    for log in manager.each("access_log"):
        config = log.get("typed_config")
        service = config.get("common_config", "grpc_service", "envoy_grpc")
        if config.message == GRPC_ACCESS_LOG and service.text("cluster_name") in guards:
            return
    yield Problem(
        "no-access-log", manager.get("access_log").path, "no gRPC access log goes to the guard's cluster"
    )


def check_cluster_names(root: Node) -> Iterator[Problem]:
    """Check that each cluster that the file names is defined in it, where it is a whole bootstrap."""
    if not root.get(*WHOLE_FILE) or root.get("dynamic_resources"):
        return
    known = own_clusters(root)
    for node in root.walk():
        if _is_reference(node) and node.value not in known:
            yield Problem("unknown-cluster", node.path, f"the cluster {node.value!r} is not in this file")


def _is_reference(node: Node) -> bool:
    """True if the value is the name of a cluster to call. The ``node`` of a bootstrap has Envoy's own cluster."""
    named = node.key in CLUSTER_KEYS and isinstance(node.value, str) and bool(node.value)
    return named and node.path[0] == WHOLE_FILE[0]


def check_guard_protocol(root: Node, guards: set[str]) -> Iterator[Problem]:
    """Check that Envoy speaks HTTP/2 to the guard: gRPC needs it, and Envoy's default is HTTP/1.1."""
    for cluster in root.each("static_resources", "clusters"):
        if cluster.text("name") in guards and not _speaks_http2(cluster):
            yield Problem("guard-http1", cluster.path, "the guard's cluster does not speak HTTP/2")


def _speaks_http2(cluster: Node) -> bool:
    if cluster.get("http2_protocol_options"):
        return True
    options = cluster.get("typed_extension_protocol_options")
    return any(
        each.get("explicit_http_config", "http2_protocol_options")
        for each in options.each()
        if each.message == HTTP_OPTIONS
    )
