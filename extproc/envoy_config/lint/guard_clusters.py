"""Which clusters are the guard's: by the name in rendered configurations, or by an address of a worker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from extproc.config.schema import Settings
from extproc.envoy_config.lint.backends import addresses_of, own_clusters
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.render.building_blocks import GUARD_CLUSTER

SERVICES = ("grpc_service", "http_service")
"""Fields of ext_proc and ext_authz that name the service to call."""
CLUSTER_KEYS = ("cluster", "cluster_name", "clusterName")


@dataclass(frozen=True)
class GuardClusters:
    """The clusters of one document that reach the guard's workers."""

    names: frozenset[str]
    """Names of clusters."""
    addresses: frozenset[str]
    """The workers' addresses, for filters that name an address and no cluster."""
    are_all: bool
    """True if the guard's settings are at hand, so that no other cluster can be the guard's."""

    def are_called_by(self, config: Node) -> bool:
        """True if a filter calls one of them.

        Args:
            config: the configuration of ext_proc or ext_authz.
        """
        return not self.names.isdisjoint(called(config)) or not self.addresses.isdisjoint(_targets(config))


def guard_clusters_of(root: Node, settings: Settings | None, workers: Iterable[str] = ()) -> GuardClusters:
    """Find the guard's clusters.

    Args:
        root: the Envoy configuration.
        settings: the guard's settings.
        workers: addresses of this machine's workers. They count if ``envoy.guard_endpoints`` is empty.
    """
    given = (settings.envoy.guard_endpoints or workers) if settings else ()
    addresses = frozenset(_address(each) for each in given)
    names = {name for name, each in own_clusters(root).items() if not addresses.isdisjoint(addresses_of(each))}
    return GuardClusters(frozenset({GUARD_CLUSTER, *names}), addresses, are_all=settings is not None)


def called(config: Node) -> list[str]:
    """Return the names of the clusters that a filter calls.

    Args:
        config: the configuration of ext_proc or ext_authz.
    """
    nodes = (node for name in SERVICES for node in config.get(name).walk())
    return [node.value for node in nodes if node.key in CLUSTER_KEYS and isinstance(node.value, str)]


def _targets(config: Node) -> Iterator[str]:
    """Yield the address that a filter calls by Google's gRPC client."""
    yield _address(config.text("grpc_service", "google_grpc", "target_uri"))


def _address(endpoint: str) -> str:
    """Return an endpoint of the settings as ``addresses_of`` has it."""
    if endpoint.startswith("unix:"):
        return endpoint.removeprefix("unix:")
    host, _, port = endpoint.lower().rpartition(":")
    return f"{host.strip('[]').rstrip('.')}:{port}"
