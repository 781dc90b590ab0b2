"""Render an Envoy bootstrap from the settings, as typed messages rather than text.

It contains no secret: the guard adds the backend's credential to each released request.
"""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from typing import Any as Json

import yaml
from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as connections
from envoy_data_plane.google.protobuf import Any

from extproc.config.schema import Settings
from extproc.envoy_config.render.access_logger import access_logs
from extproc.envoy_config.render.building_blocks import envoy_address, seconds
from extproc.envoy_config.render.clusters import render_clusters
from extproc.envoy_config.render.cut_off import local_replies
from extproc.envoy_config.render.filters import decide_only_filters, full_guard_filters, longest_hold
from extproc.envoy_config.render.routes import render_routes
from extproc.settings.envoy import GuardFilter
from extproc.settings.limits import LimitSettings

ADMIN_SOCKET = "admin.sock"
OWNER_ONLY = 0o600
IDLE_S = 3_600.0
REQUEST_S = 60.0
HEADERS_S = 10.0
MAX_CONNECTIONS = 50_000
BUFFER_SLACK = 64 << 10
NOBODY = core.CidrRange(address_prefix="255.255.255.255", prefix_len=32)
"""No caller is internal. With an empty list, callers with private and loopback addresses would be, and Envoy
obeys the ``x-envoy-*`` headers of internal callers (retries, timeouts)."""


def render_bootstrap(
    settings: Settings, *, guard_endpoints: list[str], guard_filter: GuardFilter | None = None
) -> dict[str, Json]:
    """Render the whole configuration of one Envoy.

    Args:
        settings: the settings, with absolute paths, as ``extproc.config.load`` returns them.
        guard_endpoints: one address per worker, ``host:port`` or ``unix:/path``.
        guard_filter: ``ext_proc`` is the full guard, ``ext_authz`` only decides. None: ``envoy.guard_filter``.

    Returns:
        A JSON document with field names in snake case.

    Raises:
        ConfigError: the guard endpoints cannot be in one cluster.
    """
    made = bootstrap.Bootstrap(
        node=core.Node(id="extproc", cluster="extproc"),
        admin=_admin(settings),
        static_resources=bootstrap.BootstrapStaticResources(
            listeners=[_listener(settings, guard_filter or settings.envoy.guard_filter)],
            clusters=render_clusters(settings, guard_endpoints),
        ),
        overload_manager=_overload(),
    )
    # str keeps the names; the library's own snake case writes consecutive_5_xx, which Envoy refuses.
    document: dict[str, Json] = made.to_dict(casing=str)
    return document


class _Dumper(yaml.SafeDumper):
    """Writes scripts as blocks, so that people can read them."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Represent a string. One with several lines is a literal block."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if text.count("\n") > 1 else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def as_yaml(document: dict[str, Json]) -> str:
    """Return a rendered bootstrap as YAML, for people and for Envoy."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110)
    return text


def _admin(settings: Settings) -> bootstrap.Admin:
    """Make a socket for the owner only: its clients can stop Envoy, and read all its statistics."""
    address = settings.envoy.admin or f"unix:{settings.state / ADMIN_SOCKET}"
    return bootstrap.Admin(address=envoy_address(address, mode=OWNER_ONLY if address.startswith("unix:") else 0))


def _overload() -> overload.OverloadManager:
    limit = connections.DownstreamConnectionsConfig(max_active_downstream_connections=MAX_CONNECTIONS)
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return overload.OverloadManager(
        resource_monitors=[overload.ResourceMonitor(name=name, typed_config=Any.pack(limit))]
    )


def _listener(settings: Settings, guard_filter: GuardFilter) -> listener.Listener:
    manager = Any.pack(_connection_manager(settings, guard_filter))
    chain = listener.FilterChain(
        filters=[listener.Filter(name="envoy.filters.network.http_connection_manager", typed_config=manager)]
    )
    return listener.Listener(
        name="guarded",
        address=envoy_address(settings.envoy.listen, mode=OWNER_ONLY),
        per_connection_buffer_limit_bytes=buffer_limit(settings.limits),
        filter_chains=[chain],
    )


def buffer_limit(limits: LimitSettings) -> int:
    """Return the bytes that Envoy may buffer for a body: the largest allowed, and room for mask labels."""
    largest = max(limits.request_body, limits.response_body)
    return largest + largest // 4 + BUFFER_SLACK


def _connection_manager(settings: Settings, guard_filter: GuardFilter) -> hcm.HttpConnectionManager:
    """Make the connection manager. Paths are normalized before anything is decided or routed by them."""
    manager = hcm.HttpConnectionManager
    filters = full_guard_filters(settings) if guard_filter == "ext_proc" else decide_only_filters(settings)
    return manager(
        stat_prefix="guarded",
        server_name="extproc",
        route_config=render_routes(settings),
        http_filters=filters,
        access_log=access_logs(),
        local_reply_config=local_replies() if guard_filter == "ext_proc" else None,
        # The caller's address is the connection's, not the one that the caller claims.
        use_remote_address=True,
        xff_num_trusted_hops=settings.envoy.trusted_hops,
        internal_address_config=hcm.HttpConnectionManagerInternalAddressConfig(cidr_ranges=[NOBODY]),
        generate_request_id=True,
        # One spelling per path, so that no other spelling bypasses a rule.
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=hcm.HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST,
        common_http_protocol_options=_protocol_options(),
        max_request_headers_kb=60,
        # A held call is silent during its hold; no call may be silent for longer.
        stream_idle_timeout=seconds(max(IDLE_S, longest_hold(settings.limits)) + settings.limits.message_timeout),
        request_headers_timeout=seconds(HEADERS_S),
        request_timeout=seconds(REQUEST_S),
    )


def _protocol_options() -> core.HttpProtocolOptions:
    """Refuse ``x_y`` in header names: ``x_y`` and ``x-y`` are the same variable in many backends."""
    action = core.HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST
    return core.HttpProtocolOptions(
        idle_timeout=seconds(IDLE_S), max_headers_count=100, headers_with_underscores_action=action
    )
