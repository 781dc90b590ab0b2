"""Find known dangers in any Envoy configuration: bootstrap, listener, connection manager or routes.

Not checked: parts that Envoy loads at run time (reported as ``dynamic-config``), types of values (``envoy --mode
validate`` checks them), and that the guard which the filters call is extproc.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from extproc.codecs.located_yaml import load_located
from extproc.envoy_config.lint.check_filters import Chain, check_chain
from extproc.envoy_config.lint.check_routes import (
    check_clusters,
    check_routes,
    clusters_of,
    forwards,
    guard_clusters,
)
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
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


def check_file(path: Path) -> list[Problem]:
    """Find the dangers in one YAML or JSON file.

    Returns:
        Problems with their lines, in the order of the file. Empty if no known danger is found.

    Raises:
        ConfigError: the file cannot be read, or is not one clean YAML or JSON document.
    """
    document = load_located(path)
    found = [replace(each, line=document.place(each.path).line) for each in check_document(document.data)]
    return sorted(found, key=lambda each: each.line)


def check_document(data: Any) -> list[Problem]:
    """Find the dangers in a document that has been read already. The problems have no lines."""
    root = Node(data)
    return list(dict.fromkeys((*_unknown(root), *_dynamic(root), *_managers(root))))


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


def _managers(root: Node) -> Iterator[Problem]:
    managers = [node for node in root.walk() if node.get("http_filters") and not _is_cluster_options(node)]
    chains = {node.path: Chain(tuple(node.each("http_filters"))) for node in managers}
    guarded = [node for node in managers if chains[node.path].guards]
    open_ = [node for node in managers if not chains[node.path].guards]
    loose = [node for node in root.walk() if node.get("virtual_hosts") and not _inside(node, managers)]
    if not managers and not loose and not list(root.each("dynamic_resources")):
        yield Problem("nothing-found", root.path, "no listener, connection manager or routes")
    for manager in guarded:
        chain = chains[manager.path]
        yield from check_chain(chain)
        yield from _connection_manager(manager, chain.longest_hold)
        yield from check_routes(manager.get("route_config"), chain.protective, chain.longest_hold)
    for routes in loose:
        yield from check_routes(routes, set(), 0.0)
    yield from _around(root, open_, guarded)
    yield from check_clusters(root, guard_clusters(guarded))


def _is_cluster_options(node: Node) -> bool:
    return node.message.endswith(".HttpProtocolOptions")


def _inside(node: Node, managers: list[Node]) -> bool:
    return any(node.path[: len(each.path)] == each.path for each in managers)


def _around(root: Node, open_: list[Node], guarded: list[Node]) -> Iterator[Problem]:
    """Find listeners without a guard that forward calls."""
    behind = {name for manager in guarded for name in clusters_of(manager)}
    for manager in open_:
        if behind & clusters_of(manager):
            yield Problem("direct-access", manager.path, "another listener forwards to a guarded backend")
        elif forwards(manager):
            yield Problem("no-guard", manager.get("http_filters").path, "no ext_proc or ext_authz filter")
    for node in root.walk():
        if node.message == TCP_PROXY and behind & clusters_of(node):
            yield Problem("direct-access", node.path, "a TCP proxy forwards to a guarded backend")


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
