"""A reload of a worker without a supervisor names what the Envoy beside it has to get too."""

from extproc.envoy_config.render.differences import differences
from extproc.settings.upstream_cluster import upstream_cluster
from tests.unit.envoy_config.conftest import DOCUMENT, backend


def test_the_parts_that_differ_are_named(make_settings):
    settings, crm = make_settings(), DOCUMENT["connections"]["crm"]
    assert differences(settings, settings) == ()
    masked = make_settings(connections={**DOCUMENT["connections"], "crm": {**crm, "masking": {"response": []}}})
    assert differences(settings, masked) == ()
    moved = make_settings(
        connections={**DOCUMENT["connections"], "crm": {**crm, "upstream": {"address": "10.0.0.8:9000"}}}
    )
    new = upstream_cluster("crm", moved.connections["crm"])
    assert set(differences(settings, moved)) == {"route crm", f"cluster {backend('crm')}", f"cluster {new}"}
    assert differences(settings, make_settings(limits={"hold": 5})) == ("listener guarded",)
