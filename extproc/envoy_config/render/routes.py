"""Routes: one virtual host per connection, and one for all other hosts."""

from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.google.protobuf import Any

from extproc.config.schema import Settings
from extproc.envoy_config.render.browsers import CORS_FILTER, cors_policy
from extproc.envoy_config.render.building_blocks import seconds
from extproc.settings.connection import ConnectionSettings
from extproc.settings.upstream_cluster import upstream_cluster

UNKNOWN_HOST = "unknown-host"


def render_routes(settings: Settings) -> route.RouteConfiguration:
    """Return all routes. No per-filter configuration is of a filter that guards: it could switch the guard off."""
    hosts = [_virtual_host(name, connection) for name, connection in settings.connections.items()]
    return route.RouteConfiguration(
        name="guarded", virtual_hosts=[*hosts, _unknown_host()], validate_clusters=True
    )


def _virtual_host(name: str, connection: ConnectionSettings) -> route.VirtualHost:
    """Match exactly the configured hosts; Envoy's domains have the same wildcards (``extproc.settings.hosts``).

    ``timeout: 0s``: a held call may last as long as its hold.
    """
    action = route.RouteAction(cluster=upstream_cluster(name, connection), timeout=seconds(0))
    if connection.upstream.host:
        action.host_rewrite_literal = connection.upstream.host
    everything = route.Route(name=name, match=route.RouteMatch(prefix="/"), route=action)
    made = route.VirtualHost(name=name, domains=list(connection.hosts), routes=[everything])
    if policy := cors_policy(connection):
        made.typed_per_filter_config = {CORS_FILTER: Any.pack(policy)}
    return made


def _unknown_host() -> route.VirtualHost:
    """Send unregistered hosts through the same filters, so that the guard sees, refuses and records them."""
    answer = route.Route(
        name=UNKNOWN_HOST,
        match=route.RouteMatch(prefix="/"),
        direct_response=route.DirectResponseAction(status=404),
    )
    return route.VirtualHost(name=UNKNOWN_HOST, domains=["*"], routes=[answer])
