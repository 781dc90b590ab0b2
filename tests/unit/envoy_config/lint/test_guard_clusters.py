"""The guard's filters are told from those that ask another service, and a chain without the guard is never clean."""

import copy
from typing import Any

import pytest

from extproc.envoy_config.lint.check_file import check_document
from tests.unit.envoy_config.conftest import WORKERS
from tests.unit.envoy_config.lint.test_check_file import TYPE, Edit, declared

OPA = {
    "name": "opa",
    "type": "STATIC",
    "load_assignment": {
        "cluster_name": "opa",
        "endpoints": [
            {
                "lb_endpoints": [
                    {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9191}}}}
                ]
            }
        ],
    },
}
"""Not HTTP/2, and without limits: it is not the guard's, so nothing is said about it."""
AUTHZ = "ext_authz.v3.ExtAuthz"
PROC = "ext_proc.v3.ExternalProcessor"
DOORS = ["full", "decide_only"]


def ask_opa(document: Any, place: int = 0, message: str = AUTHZ, **more: Any) -> dict[str, Any]:
    """Add the filter of opa-envoy-plugin, as its tutorial has it."""
    edit = Edit(document)
    edit.resources["clusters"].append(copy.deepcopy(OPA))
    config = {"failure_mode_allow": True, "grpc_service": {"envoy_grpc": {"cluster_name": "opa"}}, **more}
    edit.add("opa", message, place if place >= 0 else len(edit.filters) - 1, **config)
    return next(each for each in edit.filters if each["name"] == "opa")


def rename(document: Any, name: str) -> None:
    """Call the guard's cluster by another name, everywhere."""
    edit = Edit(document)
    old = edit.guard_cluster["name"]

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [changed(each) for each in value]
        return name if value == old else value

    document.update(changed(document))


def found(document: Any, settings: Any = None, workers: Any = WORKERS) -> set[str]:
    return {each.danger for each in check_document(document, settings, workers)}


@pytest.fixture(params=DOORS)
def document(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def fitting(request: pytest.FixtureRequest, make_settings: Any) -> Any:
    """The settings for either filter."""
    door = "ext_authz" if "decide_only" in request.node.name else "ext_proc"
    return make_settings(envoy={"guard_filter": door})


def test_another_filter_before_the_guard_is_only_noted(document, fitting):
    ask_opa(document)
    assert found(document) == {"other-authz"}
    assert found(document, fitting) == {"other-authz"}
    (note,) = check_document(document)
    assert note.what == "another ext_authz filter, of the cluster opa, is before the guard"
    assert note.severity == "note"


def test_another_filter_after_the_guard_is_an_error(document, fitting):
    ask_opa(document, -1)
    assert found(document) == {"other-authz-after"}
    assert found(document, fitting) == {"other-authz-after"}
    assert [each.severity for each in check_document(document)] == ["error"]


@pytest.mark.parametrize("message", [AUTHZ, PROC])
def test_what_is_wrong_with_the_guard_is_found_beside_another_filter(document, message):
    for place in (0, -1):
        changed = copy.deepcopy(document)
        ask_opa(changed, place, message)
        edit = Edit(changed)
        name = "ext_proc" if any(each["name"].endswith("ext_proc") for each in edit.filters) else "ext_authz"
        edit.config(name)["failure_mode_allow"] = True
        edit.move("jwt_authn", len(edit.filters) - 2)
        edit.guard_cluster.pop("typed_extension_protocol_options")
        edit.forget("rbac.marked")
        other = "other-authz" if place == 0 else "other-authz-after"
        assert found(changed) == {"failure-mode-allow", "jwt-order", "guard-http1", "request-marker", other}


def test_a_cluster_with_another_name_is_the_guards_by_its_address(document, fitting):
    rename(document, "decisions")
    ask_opa(document)
    assert found(document, fitting) == {"other-authz"}
    assert found(document, fitting, ["unix:/elsewhere"]) >= {"guard-missing"}


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("10.0.0.1:50051", {"socket_address": {"address": "10.0.0.1", "port_value": 50051}}),
        ("Guard-0.guards:50051", {"socketAddress": {"address": "guard-0.guards.", "portValue": 50051}}),
        ("[fd00::1]:50051", {"socket_address": {"address": "fd00::1", "port_value": 50051}}),
        ("unix:/run/w.sock", {"pipe": {"path": "/run/w.sock"}}),
    ],
)
def test_addresses_of_all_forms_are_compared(full, make_settings, endpoint, address):
    rename(full, "decisions")
    given = make_settings(envoy={"guard_endpoints": [endpoint]})
    assert found(full, given) == {"guard-missing"}
    endpoints = Edit(full).guard_cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    endpoints[0]["endpoint"]["address"] = address
    assert found(full, given) == set()


def test_googles_client_is_compared_by_its_address(full, make_settings):
    given = make_settings(envoy={"guard_endpoints": ["10.0.0.1:50051"]})
    service = Edit(full).guard["grpc_service"]
    del service["envoy_grpc"]
    service["google_grpc"] = {"target_uri": "10.0.0.1:50052", "stat_prefix": "guard"}
    assert "guard-missing" in found(full, given)
    service["google_grpc"]["target_uri"] = "10.0.0.1:50051"
    assert "guard-missing" not in found(full, given)


def test_a_chain_that_asks_only_another_service_has_no_guard(document, fitting):
    edit = Edit(document)
    for name in ("ext_proc", "ext_authz"):
        edit.filters[:] = [each for each in edit.filters if not each["name"].endswith(name)]
    ask_opa(document, -1)
    assert "guard-missing" in found(document, fitting)
    assert found(document) >= {"failure-mode-allow", "guard-http1"}, "taken for the guard, as nothing tells better"


@pytest.mark.parametrize("where", ["fragment", "rds", "manager"])
def test_a_chain_whose_routes_are_elsewhere_is_not_clean_either(decide_only, settings, where):
    edit = Edit(decide_only)
    edit.forget("ext_authz")
    ask_opa(decide_only, -1)
    edit.manager.pop("route_config")
    if where == "rds":
        edit.manager["rds"] = {"route_config_name": "x"}
    document = {"fragment": {"http_filters": edit.filters}, "manager": edit.manager}.get(where, decide_only)
    assert "guard-missing" in found(document, settings)
    assert found(document)


def test_a_declared_listener_may_ask_another_service(full, settings):
    edit = Edit(full)
    other = copy.deepcopy(OPA) | {"name": "other"}
    edit.resources["clusters"] += [other, copy.deepcopy(OPA)]
    hosts = [
        {"name": "x", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "other"}}]}
    ]
    edit.listener(route_config={"virtual_hosts": hosts})
    second = edit.resources["listeners"][1]
    manager = second["filter_chains"][0]["filters"][0]["typed_config"]
    opa = {"@type": TYPE + AUTHZ, "grpc_service": {"envoy_grpc": {"cluster_name": "opa"}}}
    manager["http_filters"] = [{"name": "opa", "typed_config": opa}, *manager["http_filters"]]
    assert found(full, settings) == {"guard-missing"}
    second["metadata"] = declared("metrics of the mesh, no functions")
    assert found(full, settings) == {"declared-unguarded"}


def test_of_several_unknown_filters_ext_proc_is_taken_for_the_guard(full):
    rename(full, "decisions")
    ask_opa(full)
    assert found(full) == {"other-authz"}


def test_of_several_unknown_filters_the_last_ext_authz_is_taken_for_the_guard(decide_only):
    rename(decide_only, "decisions")
    ask_opa(decide_only)
    assert found(decide_only) == {"other-authz"}


@pytest.mark.parametrize("namespace", ["guard", "envoy.filters.http.ext_authz"])
def test_another_filter_must_not_write_the_guards_marker(full, namespace):
    ask_opa(full, 0, PROC, metadata_options={"receiving_namespaces": {"untyped": [namespace]}})
    assert found(full) == {"other-authz", "forged-metadata"}
