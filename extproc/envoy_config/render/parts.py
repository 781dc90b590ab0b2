"""The parts of the rendered bootstrap to copy into another Envoy configuration, each with its place."""

from typing import Any as Json

from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import as_yaml, render_bootstrap
from extproc.settings.envoy import GuardFilter
from extproc.settings.upstream_cluster import UPSTREAM

STRICT = (
    "use_remote_address",
    "xff_num_trusted_hops",
    "internal_address_config",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "common_http_protocol_options",
    "stream_idle_timeout",
    "local_reply_config",
)
"""Settings of the connection manager: the accepted forms of requests, the time that a held call needs, and what
Envoy says if it has to end a call itself."""
TO_GUARD = "envoy.access_loggers.http_grpc"
COMMENTS = {
    "http_filters": "1. Into the connection manager that serves the hosts, in this order, the router last.",
    "connection_manager": "2. Into the same connection manager, beside http_filters.",
    "access_log": "3. Into the same connection manager. Calls that no guard sees to their end are recorded by it.",
    "clusters": "4. Into static_resources.clusters: the workers, and where the issuers' keys are.",
    "listener": "5. Into the listener.",
    "route": "6. Into the action of every guarded route: a held call lasts as long as its hold.",
}


def render_parts(
    settings: Settings, *, guard_endpoints: list[str], guard_filter: GuardFilter | None = None
) -> str:
    """Render the parts to copy, as YAML with a comment before each.

    Args:
        settings: the settings, with absolute paths.
        guard_endpoints: one address per worker.
        guard_filter: as in ``render_bootstrap``.
    """
    found = parts_of(render_bootstrap(settings, guard_endpoints=guard_endpoints, guard_filter=guard_filter))
    return "\n".join(f"# {COMMENTS[name]}\n{as_yaml({name: part})}" for name, part in found.items())


def parts_of(bootstrap: dict[str, Json]) -> dict[str, Json]:
    """Return the parts of a rendered bootstrap by the names in ``COMMENTS``."""
    resources = bootstrap["static_resources"]
    listener = resources["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return {
        "http_filters": manager["http_filters"],
        "connection_manager": {name: manager[name] for name in STRICT if name in manager},
        "access_log": [each for each in manager["access_log"] if each["name"] == TO_GUARD],
        "clusters": [each for each in resources["clusters"] if not each["name"].startswith(UPSTREAM)],
        "listener": {"per_connection_buffer_limit_bytes": listener["per_connection_buffer_limit_bytes"]},
        "route": {"timeout": "0s"},
    }
