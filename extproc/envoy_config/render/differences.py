"""The parts of Envoy's configuration that change with the settings, for people who run an Envoy of their own."""

from collections.abc import Iterator
from typing import Any

from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import render_bootstrap

SOMEWHERE = "unix:/worker.sock"
"""The address of workers where the settings name none: the same on both sides."""


def differences(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the names of the rendered parts that differ: clusters, hosts, and the listener with its filters."""
    before, after = (_parts(_rendered(each)) for each in (old, new))
    return tuple(name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name))


def _rendered(settings: Settings) -> dict[str, Any]:
    return render_bootstrap(settings, guard_endpoints=list(settings.envoy.guard_endpoints) or [SOMEWHERE])


def _parts(rendered: dict[str, Any]) -> dict[str, Any]:
    resources = rendered["static_resources"]
    return dict(
        [
            *_listeners(resources["listeners"]),
            *((f"cluster {each['name']}", each) for each in resources["clusters"]),
        ]
    )


def _listeners(listeners: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for listener in listeners:
        for chain in listener["filter_chains"]:
            routes = chain["filters"][0]["typed_config"].pop("route_config")
            yield from ((f"route {each['name']}", each) for each in routes["virtual_hosts"])
        yield f"listener {listener['name']}", listener
