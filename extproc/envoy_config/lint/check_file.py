"""Find known dangers in any Envoy configuration: bootstrap, listener, connection manager or routes.

Not checked: parts that Envoy loads at run time (reported as ``dynamic-config``), types of values (``envoy --mode
validate`` checks them), and that what listens at the guard's addresses is extproc.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from extproc.codecs.located_yaml import KeyPath, load_located
from extproc.config.schema import Settings
from extproc.envoy_config.lint.backends import Backends, own_clusters
from extproc.envoy_config.lint.chain import Chain
from extproc.envoy_config.lint.check_against_settings import check_against_settings
from extproc.envoy_config.lint.check_attributes import (
    check_attributes,
    check_certificate_header,
    check_server_name,
)
from extproc.envoy_config.lint.check_callers import check_certificates, check_namespaces, is_meant
from extproc.envoy_config.lint.check_every_call import (
    check_cluster_names,
    check_guard_protocol,
    check_identity,
    check_records,
)
from extproc.envoy_config.lint.check_filters import check_chain
from extproc.envoy_config.lint.check_others import describe
from extproc.envoy_config.lint.check_routes import (
    check_chosen_clusters,
    check_clusters,
    check_routes,
    clusters_of,
    forwards,
    guard_clusters,
    guarded_clusters,
)
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.declared import Declarations, declarations
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import GuardClusters, guard_clusters_of
from extproc.envoy_config.lint.unknown_fields import resolve, unknown_fields

ESCAPED_SLASHES = (
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
)
UNDERSCORES = ("ALLOW", "REJECT_REQUEST", "DROP_HEADER")
DEFAULT_IDLE_S = 300.0
TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
SHAPES = {
    "static_resources": "envoy.config.bootstrap.v3.Bootstrap",
    "dynamic_resources": "envoy.config.bootstrap.v3.Bootstrap",
    "resources": "envoy.service.discovery.v3.DiscoveryResponse",
    "filter_chains": "envoy.config.listener.v3.Listener",
    "http_filters": "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "virtual_hosts": "envoy.config.route.v3.RouteConfiguration",
}
"""A field that only one message has → the message that the document is."""


def check_file(path: Path, settings: Settings | None = None, workers: Iterable[str] = ()) -> list[Problem]:
    """Find the dangers in one YAML or JSON file.

    Args:
        path: the file.
        settings: the guard's settings. With them, the check finds parts that do not fit together.
        workers: addresses of this machine's workers, if the settings name no others.

    Returns:
        Problems with their lines, in the order of the file. Empty if no known danger is found.

    Raises:
        ConfigError: the file cannot be read, or is not one clean YAML or JSON document.
    """
    document = load_located(path)
    found = [
        replace(each, line=document.place(each.path).line)
        for each in check_document(document.data, settings, workers)
    ]
    return sorted(found, key=lambda each: each.line)


def check_document(data: Any, settings: Settings | None = None, workers: Iterable[str] = ()) -> list[Problem]:
    """Find the dangers in a document that has been read already. The problems have no lines."""
    root = Node(data)
    known = guard_clusters_of(root, settings, workers)
    found = (*_unknown(root), *_dynamic(root), *_managers(root, known), *check_certificates(root, settings, known))
    compared = check_against_settings(root, settings, known) if settings else ()
    return [each for each in dict.fromkeys((*found, *compared)) if not is_meant(each, settings)]


def _unknown(root: Node) -> Iterator[Problem]:
    kind = resolve(root.message) or next((resolve(name) for key, name in SHAPES.items() if root.get(key)), None)
    if kind is not None:
        yield from unknown_fields(root, kind)


def _dynamic(root: Node) -> Iterator[Problem]:
    for name in ("lds_config", "cds_config", "ads_config"):
        if found := root.get("dynamic_resources", name):
            yield Problem("dynamic-config", found.path, f"{name} loads listeners or clusters at run time")
    for node in root.walk():
        if node.key in ("rds", "scoped_routes", "scopedRoutes") and isinstance(node.value, dict):
            yield Problem("dynamic-config", node.path, "routes are loaded at run time")


def _managers(root: Node, known: GuardClusters) -> Iterator[Problem]:
    managers = [node for node in root.walk() if node.get("http_filters") and not _is_cluster_options(node)]
    chains = {node.path: Chain.of_manager(node, known) for node in managers}
    guarded = [node for node in managers if chains[node.path].guards]
    open_ = [(node, chains[node.path]) for node in managers if not chains[node.path].guards]
    loose = [node for node in root.walk() if node.get("virtual_hosts") and not _inside(node, managers)]
    if not managers and not loose and not list(root.each("dynamic_resources")):
        yield Problem("nothing-found", root.path, "no listener, connection manager or routes")
    declared = declarations(root, known)
    yield from declared.problems(root, known)
    for manager in guarded:
        chain = chains[manager.path]
        yield from check_chain(chain)
        yield from check_identity(chain)
        yield from check_attributes(chain)
        yield from check_certificate_header(manager)
        yield from check_records(manager, chain)
        yield from _connection_manager(manager, chain.longest_hold)
        yield from check_routes(manager.get("route_config"), chain.protective, chain.longest_hold, declared)
    for routes in loose:
        yield from check_routes(routes, set(), 0.0, declared)
    yield from _around(root, open_, guarded, declared)
    guards = guard_clusters(chains.values())
    yield from check_clusters(root, guards)
    yield from check_guard_protocol(root, guards)
    yield from check_cluster_names(root)
    yield from check_chosen_clusters(root)
    yield from check_namespaces(root)
    yield from check_server_name(root)


def _is_cluster_options(node: Node) -> bool:
    return node.message.endswith(".HttpProtocolOptions")


def _inside(node: Node, managers: list[Node]) -> bool:
    return any(node.path[: len(each.path)] == each.path for each in managers)


def _around(
    root: Node, open_: list[tuple[Node, Chain]], guarded: list[Node], declared: Declarations
) -> Iterator[Problem]:
    """Find listeners without a guard that forward calls, and declared routes that reach guarded backends."""
    behind = {name for manager in guarded for name in guarded_clusters(manager, declared)}
    backends = Backends(own_clusters(root))
    for manager, chain in open_:
        if backends.share(clusters_of(manager), behind):
            yield Problem("direct-access", manager.path, "another listener forwards to a guarded backend")
        elif chain.others and _may_forward(manager, declared):
            what = ", and ".join(f"there is the {describe(config)}" for _, config in chain.others)
            yield Problem("guard-missing", manager.get("http_filters").path, what)
        elif forwards(manager, declared):
            yield Problem("no-guard", manager.get("http_filters").path, "no ext_proc or ext_authz filter")
    for part in (Node(value, path) for path, value in _declared_parts(root, declared)):
        if backends.share(clusters_of(part), behind):
            yield Problem(
                "direct-access", part.path, "declared to be unguarded, and forwards to a guarded backend"
            )
    for node in root.walk():
        if node.message == TCP_PROXY and backends.share(clusters_of(node), behind):
            yield Problem("direct-access", node.path, "a TCP proxy forwards to a guarded backend")


def _may_forward(manager: Node, declared: Declarations) -> bool:
    """True if a connection manager forwards undeclared calls, or its routes are not in the file."""
    unknown = not manager.get("route_config") and not declared.cover(manager.path)
    return unknown or forwards(manager, declared)


def _declared_parts(root: Node, declared: Declarations) -> Iterator[tuple[KeyPath, Any]]:
    return ((node.path, node.value) for node in root.walk() if node.path in declared.reasons)


def _connection_manager(manager: Node, hold: float) -> Iterator[Problem]:
    """Check the accepted forms of requests, and the longest silence."""
    for danger, name in (
        ("normalize-path", "normalize_path"),
        ("merge-slashes", "merge_slashes"),
        ("remote-address", "use_remote_address"),
    ):
        if not manager.flag(name):
            yield Problem(danger, manager.get(name).path, f"{name} is not true")
    slashes = manager.enum(ESCAPED_SLASHES, "path_with_escaped_slashes_action")
    if slashes != "REJECT_REQUEST":
        path = manager.get("path_with_escaped_slashes_action").path
        yield Problem("escaped-slashes", path, f"path_with_escaped_slashes_action is {slashes}")
    underscores = manager.enum(UNDERSCORES, "common_http_protocol_options", "headers_with_underscores_action")
    if underscores != "REJECT_REQUEST":
        path = manager.get("common_http_protocol_options", "headers_with_underscores_action").path
        yield Problem("underscores", path, f"headers_with_underscores_action is {underscores}")
    if not list(manager.each("internal_address_config", "cidr_ranges")):
        yield Problem("internal-callers", manager.get("internal_address_config").path, "no cidr_ranges are given")
    if list(manager.each("upgrade_configs")):
        yield Problem("upgrades", manager.get("upgrade_configs").path, "upgrades are allowed")
    idle = manager.seconds("stream_idle_timeout")
    idle = DEFAULT_IDLE_S if idle is None else idle
    if 0 < idle < hold:
        path = manager.get("stream_idle_timeout").path
        yield Problem("idle-timeout", path, f"{idle:g} s, but the guard may hold a call for {hold:g} s")
