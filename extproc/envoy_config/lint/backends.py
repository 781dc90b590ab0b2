"""Which backends the clusters of a document are: two clusters can have one backend under two names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from extproc.envoy_config.lint.document_tree import Node

Backend: TypeAlias = tuple[str, str]
"""A kind of name, and the name: of a cluster, an address, or a service of endpoint discovery."""
ADDRESSES = ("socket_address", "socketAddress")
AGGREGATE = "envoy.extensions.clusters.aggregate.v3.ClusterConfig"
ANY_HOST = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
"""A cluster that forwards to the host that the caller names."""


@dataclass(frozen=True)
class Backends:
    """The clusters of one document."""

    clusters: dict[str, Node]
    """Name → cluster."""

    def share(self, names: Iterable[str], others: Iterable[str]) -> bool:
        """True if a cluster of the one group may forward to a backend of the other.

        Args:
            names: of clusters.
            others: of clusters that are guarded.
        """
        guarded, found = set(others), set(names)
        if guarded and any(self._is_any_host(each) for each in found):
            return True
        return not self._of(found).isdisjoint(self._of(guarded))

    def _is_any_host(self, name: str) -> bool:
        cluster = self.clusters.get(name, Node(None))
        return cluster.get("cluster_type", "typed_config").message == ANY_HOST

    def _of(self, names: set[str]) -> set[Backend]:
        """Return what is behind these clusters, and behind those that they choose from."""
        pending, seen, found = list(names), set[str](), set[Backend]()
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                cluster = self.clusters.get(name, Node(None))
                found |= {("cluster", name), *_backends(cluster)}
                pending.extend(_chosen_from(cluster))
        return found


def _chosen_from(cluster: Node) -> Iterator[str]:
    config = cluster.get("cluster_type", "typed_config")
    if config.message == AGGREGATE:
        yield from (str(each.value) for each in config.each("clusters"))


def _backends(cluster: Node) -> Iterator[Backend]:
    service = cluster.text("eds_cluster_config", "service_name")
    if service:
        yield "service", service
    yield from (("address", each) for each in addresses_of(cluster))


def addresses_of(cluster: Node) -> Iterator[str]:
    """Yield the addresses of a cluster's endpoints: ``host:port``, or the path of a socket.

    Args:
        cluster: the cluster.
    """
    for node in cluster.get("load_assignment").walk():
        if node.key in ADDRESSES:
            port = node.get("port_value").value or node.text("named_port")
            yield f"{node.text('address').lower().rstrip('.')}:{port}"
        elif node.key == "pipe":
            yield node.text("path")


def all_clusters(root: Node) -> Iterator[Node]:
    """Yield the clusters that a document defines."""
    yield from root.each("static_resources", "clusters")
    yield from (each for each in root.each("resources") if each.message == "envoy.config.cluster.v3.Cluster")


def own_clusters(root: Node) -> dict[str, Node]:
    """Return the clusters that a document defines, by name."""
    return {cluster.text("name"): cluster for cluster in all_clusters(root)}
