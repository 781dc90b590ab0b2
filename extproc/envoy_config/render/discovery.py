"""The rendered configuration as files that Envoy follows while it runs: listeners, routes and clusters.

It is the same configuration as the static one, in other places. The workers' cluster stays static: an update of it
would replace the connections on which held calls wait.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from extproc.envoy_config.render.building_blocks import GUARD_CLUSTER

Json: TypeAlias = dict[str, Any]
TYPE = "type.googleapis.com/envoy.config."
CLUSTERS, LISTENERS, ROUTES = "clusters.json", "listeners.json", "routes.json"
TYPES = {
    CLUSTERS: f"{TYPE}cluster.v3.Cluster",
    LISTENERS: f"{TYPE}listener.v3.Listener",
    ROUTES: f"{TYPE}route.v3.RouteConfiguration",
}
"""Each file that Envoy follows, and the type of its resources."""
ROUTE_NAME = "guarded"


@dataclass(frozen=True)
class Discovery:
    """One configuration of Envoy in parts."""

    bootstrap: Json
    """Everything that needs a restart of Envoy."""
    resources: Mapping[str, tuple[Json, ...]] = field(repr=False)
    """The resources in each file."""

    def keeping_clusters_of(self, former: "Discovery") -> "Discovery":
        """Return the same configuration with the former one's clusters too: their calls have not ended yet."""
        ours = self.resources[CLUSTERS]
        names = {each["name"] for each in ours}
        kept = tuple(each for each in former.resources[CLUSTERS] if each["name"] not in names)
        return Discovery(self.bootstrap, {**self.resources, CLUSTERS: ours + kept})

    def text(self, file: str) -> str:
        """Return a file's content."""
        return json.dumps({"version_info": self.version(file), "resources": self._typed(file)}, indent=1)

    def version(self, file: str) -> str:
        """Return the version that Envoy reports once it uses the file's content."""
        return hashlib.sha256(json.dumps(self._typed(file)).encode()).hexdigest()[:16]

    def _typed(self, file: str) -> list[Json]:
        return [{"@type": TYPES[file], **each} for each in self.resources[file]]


def split(rendered: Json, folder: Path) -> Discovery:
    """Split a rendered bootstrap.

    Args:
        rendered: as ``render_bootstrap`` returns it.
        folder: the folder of the files.
    """
    bootstrap = copy.deepcopy(rendered)
    static = bootstrap.pop("static_resources")
    listeners, routes = static["listeners"], []
    for manager in (chain["filters"][0]["typed_config"] for each in listeners for chain in each["filter_chains"]):
        routes.append(manager.pop("route_config"))
        manager["rds"] = {"route_config_name": ROUTE_NAME, "config_source": _followed(folder / ROUTES)}
    guard = [each for each in static["clusters"] if each["name"] == GUARD_CLUSTER]
    others = [each for each in static["clusters"] if each["name"] != GUARD_CLUSTER]
    bootstrap["static_resources"] = {"clusters": guard}
    bootstrap["dynamic_resources"] = {
        "cds_config": _followed(folder / CLUSTERS),
        "lds_config": _followed(folder / LISTENERS),
    }
    return Discovery(bootstrap, {CLUSTERS: tuple(others), LISTENERS: tuple(listeners), ROUTES: tuple(routes)})


def _followed(file: Path) -> Json:
    return {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
