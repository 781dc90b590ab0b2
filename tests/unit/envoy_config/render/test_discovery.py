"""The files that Envoy follows hold the same configuration as the static one."""

import copy
import json
from pathlib import Path

from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.envoy_config.render.discovery import CLUSTERS, LISTENERS, ROUTES, split
from tests.unit.envoy_config.conftest import WORKERS, backend

FOLDER = Path("/run/envoy")


def test_the_parts_together_are_the_whole(full):
    before = copy.deepcopy(full)
    parts = split(full, FOLDER)
    assert full == before
    [listener] = copy.deepcopy(parts.resources[LISTENERS])
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager.pop("rds")["route_config_name"] == parts.resources[ROUTES][0]["name"]
    [manager["route_config"]] = parts.resources[ROUTES]
    whole = copy.deepcopy(parts.bootstrap)
    assert whole.pop("dynamic_resources").keys() == {"cds_config", "lds_config"}
    whole["static_resources"] |= {"listeners": [listener]}
    whole["static_resources"]["clusters"] += parts.resources[CLUSTERS]
    assert whole == {**before, "static_resources": {**before["static_resources"], "listeners": [listener]}}
    assert (
        manager.keys()
        == before["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"].keys()
    )


def test_the_workers_cluster_is_static(full):
    """An update would replace the connections on which held calls wait."""
    parts = split(full, FOLDER)
    assert [each["name"] for each in parts.bootstrap["static_resources"]["clusters"]] == ["extproc-guard"]
    assert "extproc-guard" not in {each["name"] for each in parts.resources[CLUSTERS]}


def test_a_version_changes_with_the_content_alone(make_settings):
    one, same = (split(render_bootstrap(make_settings(), guard_endpoints=WORKERS), FOLDER) for _ in range(2))
    other = split(render_bootstrap(make_settings(limits={"hold": 5}), guard_endpoints=WORKERS), FOLDER)
    for file in (CLUSTERS, LISTENERS, ROUTES):
        assert one.version(file) == same.version(file)
        assert json.loads(one.text(file))["version_info"] == one.version(file)
        assert all(each["@type"] for each in json.loads(one.text(file))["resources"])
    assert [one.version(file) == other.version(file) for file in (CLUSTERS, LISTENERS, ROUTES)] == [
        True,
        False,
        True,
    ]


def test_clusters_of_the_former_configuration_are_kept_beside_the_new_ones(make_settings):
    """A changed backend has another name, so that no call that was routed to the old one reaches the new one."""
    settings = make_settings()
    crm = settings.connections["crm"]
    moved = crm.model_copy(update={"upstream": crm.upstream.model_copy(update={"address": "10.0.0.8:9000"})})
    new_settings = settings.model_copy(update={"connections": {"crm": moved}})
    old, new = (
        split(render_bootstrap(each, guard_endpoints=WORKERS), FOLDER) for each in (settings, new_settings)
    )
    both = new.keeping_clusters_of(old)
    names = [each["name"] for each in both.resources[CLUSTERS]]
    assert {backend("crm"), backend("docs")} < set(names)
    assert len(names) == len(set(names)) == len(new.resources[CLUSTERS]) + 2
    assert both.resources[ROUTES] == new.resources[ROUTES]
