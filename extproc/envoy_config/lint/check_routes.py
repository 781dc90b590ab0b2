"""Check routes and clusters for settings that switch the guard off, bypass it, or end held calls."""

from collections.abc import Iterable, Iterator

from extproc.envoy_config.lint.backends import all_clusters
from extproc.envoy_config.lint.chain import Chain
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.declared import Declarations
from extproc.envoy_config.lint.document_tree import Node

ROUTE_TIMEOUT_S = 15.0
DEFAULT_MAX_REQUESTS = 1_024
OVERRIDES = {
    "envoy.config.route.v3.FilterConfig",
    "envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
    "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
    "envoy.extensions.filters.http.lua.v3.LuaPerRoute",
    "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
    "envoy.extensions.filters.http.custom_response.v3.CustomResponse",
}
"""Per-route messages that weaken a protecting filter, whatever its name."""
OVERRIDE_KEYS = ("typed_per_filter_config", "typedPerFilterConfig")
MIRROR_KEYS = ("request_mirror_policies", "requestMirrorPolicies")
HEADER_KEYS = ("cluster_header", "clusterHeader")
PLUGIN_KEYS = (
    *("cluster_specifier_plugin", "inline_cluster_specifier_plugin"),
    *("clusterSpecifierPlugin", "inlineClusterSpecifierPlugin"),
)
UPGRADE_KEYS = ("upgrade_configs", "upgradeConfigs")


def check_routes(routes: Node, protective: set[str], hold: float, declared: Declarations) -> Iterator[Problem]:
    """Check one route configuration.

    Args:
        routes: the ``RouteConfiguration``.
        protective: configured names of the filters that must not be overridden.
        hold: seconds that the guard may hold a call; 0 if unknown.
        declared: parts that are meant to be unguarded; they may switch the filters off.
    """
    for node in routes.walk():
        if declared.cover(node.path):
            continue
        if node.key in OVERRIDE_KEYS:
            yield from _overrides(node, protective)
        elif node.key in MIRROR_KEYS and node.value:
            yield Problem("mirror", node.path, "requests are mirrored")
        elif node.key in UPGRADE_KEYS and node.value:
            yield Problem("upgrades", node.path, "the route allows upgrades")
        elif node.key == "route" and isinstance(node.value, dict):
            yield from _timeouts(node, hold)


def _overrides(configs: Node, protective: set[str]) -> Iterator[Problem]:
    for each in configs.each():
        if (each.key in protective or each.message in OVERRIDES) and not _only_extends(each):
            yield Problem("route-override", each.path, f"overrides {each.key!r}")


def _only_extends(override: Node) -> bool:
    """True if the entry does nothing but give ext_authz context extensions, which policy reads."""
    settings = override.get("check_settings").value
    fields = set(override.value) - {"@type"} if isinstance(override.value, dict) else set()
    named = set(settings) if isinstance(settings, dict) else set()
    return len(fields) == 1 and bool(named) and named <= {"context_extensions", "contextExtensions"}


def _timeouts(action: Node, hold: float) -> Iterator[Problem]:
    timeout = action.seconds("timeout")
    timeout = ROUTE_TIMEOUT_S if timeout is None else timeout
    longest = action.seconds("max_stream_duration", "max_stream_duration") or 0.0
    for name, seconds in (("timeout", timeout), ("max_stream_duration", longest)):
        if 0 < seconds < hold:
            yield Problem("route-timeout", action.get(name).path, f"{seconds:g} s, but a hold may take {hold:g} s")
    idle = action.seconds("idle_timeout") or 0.0
    if 0 < idle < hold:
        yield Problem(
            "idle-timeout", action.get("idle_timeout").path, f"{idle:g} s, but a hold may take {hold:g} s"
        )


def clusters_of(node: Node) -> set[str]:
    """Return the names of the clusters to which nodes below this one forward."""
    singles = {each.value for each in node.walk() if each.key == "cluster" and isinstance(each.value, str)}
    return singles | {each.text("name") for each in _weighted(node)} - {""}


def _weighted(node: Node) -> Iterator[Node]:
    for each in node.walk():
        if each.key in ("weighted_clusters", "weightedClusters"):
            yield from each.each("clusters")


def guarded_clusters(manager: Node, declared: Declarations) -> set[str]:
    """Return the names of the clusters that a connection manager's routes forward to, but for declared routes."""
    return {
        name for route in route_actions(manager) if not declared.cover(route.path) for name in clusters_of(route)
    }


def route_actions(within: Node) -> Iterator[Node]:
    """Yield the actions of routes that forward calls."""
    return (node for node in within.walk() if node.key == "route" and isinstance(node.value, dict))


def forwards(manager: Node, declared: Declarations) -> bool:
    """True if a connection manager forwards undeclared calls, or has routes that are not in the file."""
    if manager.get("rds") or manager.get("scoped_routes"):
        return not declared.cover(manager.path)
    return any(not declared.cover(route.path) for route in route_actions(manager))


def guard_clusters(chains: Iterable[Chain]) -> set[str]:
    """Return the names of the clusters that the guard's filters call."""
    services = [config.get("grpc_service") for each in chains for _, config in each.guards]
    return {service.text("envoy_grpc", "cluster_name") for service in services} - {""}


def check_clusters(root: Node, guards: set[str]) -> Iterator[Problem]:
    """Check all clusters of the document."""
    for cluster in all_clusters(root):
        if cluster.text("name") in guards and _default_breaker(cluster):
            path = cluster.get("circuit_breakers").path
            yield Problem("circuit-breaker", path, f"at most {_max_requests(cluster)} calls at once")
        for node in cluster.walk():
            if node.key in MIRROR_KEYS and node.value:
                yield Problem("mirror", node.path, "requests are mirrored")


def check_chosen_clusters(root: Node) -> Iterator[Problem]:
    """Find routes whose backend is not in the file."""
    for node in root.walk():
        if node.key in HEADER_KEYS and node.value:
            yield Problem("cluster-by-header", node.path, f"the header {node.value} names the cluster")
        elif node.key in PLUGIN_KEYS and node.value:
            yield Problem("dynamic-config", node.path, "a plugin chooses the cluster")


def _max_requests(cluster: Node) -> int:
    """Return the limit for requests of default priority, or Envoy's default."""
    for limits in cluster.each("circuit_breakers", "thresholds"):
        written = limits.get("max_requests").value
        if limits.enum(("DEFAULT", "HIGH"), "priority") == "DEFAULT" and isinstance(written, int):
            return written
    return DEFAULT_MAX_REQUESTS


def _default_breaker(cluster: Node) -> bool:
    return _max_requests(cluster) <= DEFAULT_MAX_REQUESTS
