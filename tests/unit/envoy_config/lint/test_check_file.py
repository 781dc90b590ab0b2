"""Each danger, put into a clean configuration, is found: that one, and nothing else."""

import copy
import json
from typing import Any

import pytest
import yaml

from extproc.envoy_config.lint.check_file import check_document, check_file
from extproc.envoy_config.lint.dangers import Severity, dangers
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.model.errors import ConfigError
from tests.unit.envoy_config.conftest import DOCUMENT, backend

TYPE = "type.googleapis.com/envoy.extensions.filters.http."
TRANSPORT = "type.googleapis.com/envoy.extensions.transport_sockets."
INSPECTOR = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
ROUTER = {"name": "envoy.filters.http.router", "typed_config": {"@type": TYPE + "router.v3.Router"}}


class Edit:
    """Short ways to the parts of a bootstrap."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.resources = document["static_resources"]
        self.manager = self.resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        self.filters = self.manager["http_filters"]
        self.host = self.manager["route_config"]["virtual_hosts"][0]
        self.route = self.host["routes"][0]
        self.guard_cluster = self.resources["clusters"][0]

    def filter(self, name: str) -> dict[str, Any]:
        return next(each for each in self.filters if each["name"].endswith(name))

    def config(self, name: str) -> dict[str, Any]:
        return self.filter(name)["typed_config"]

    @property
    def guard(self) -> dict[str, Any]:
        return self.config("ext_proc")

    @property
    def mode(self) -> dict[str, Any]:
        return self.guard["processing_mode"]

    def provider(self) -> dict[str, Any]:
        return self.config("jwt_authn")["providers"]["corp"]

    def move(self, name: str, position: int) -> None:
        moved = self.filter(name)
        self.filters.remove(moved)
        self.filters.insert(position, moved)

    def add(self, name: str, message: str, position: int = 0, **config: Any) -> None:
        self.filters.insert(position, {"name": name, "typed_config": {"@type": TYPE + message, **config}})

    def listener(self, **manager: Any) -> None:
        """Another listener, without a guard."""
        other = copy.deepcopy(self.resources["listeners"][0])
        changed = other["filter_chains"][0]["filters"][0]["typed_config"]
        changed["http_filters"] = [ROUTER]
        changed.update(manager)
        self.resources["listeners"].append(other)

    def forget_cluster(self, beginning: str) -> None:
        clusters = self.resources["clusters"]
        clusters.remove(next(each for each in clusters if each["name"].startswith(beginning)))

    def forget(self, name: str) -> None:
        self.filters.remove(self.filter(name))


def elsewhere(edit: Edit) -> None:
    edit.resources["clusters"].append({"name": "other"})
    edit.listener(
        route_config={
            "virtual_hosts": [
                {
                    "name": "x",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "other"}}],
                }
            ]
        }
    )


def tcp(edit: Edit) -> None:
    proxy = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    config = {"@type": proxy, "stat_prefix": "x", "cluster": backend("crm")}
    edit.resources["listeners"].append(
        {"name": "x", "filter_chains": [{"filters": [{"name": "t", "typed_config": config}]}]}
    )


def weighted(edit: Edit) -> None:
    edit.route["route"] = {
        "timeout": "0s",
        "weighted_clusters": {
            "clusters": [
                {
                    "name": backend("crm"),
                    "weight": 1,
                    "typed_per_filter_config": {
                        "envoy.filters.http.ext_proc": {
                            "@type": TYPE + "ext_proc.v3.ExtProcPerRoute",
                            "disabled": True,
                        }
                    },
                }
            ]
        },
    }


def override(place: str, name: str, **config: Any) -> Any:
    def change(edit: Edit) -> None:
        target = {"route": edit.route, "host": edit.host, "routes": edit.manager["route_config"]}[place]
        target["typed_per_filter_config"] = {name: config}

    return change


def serve_tls(document: dict[str, Any], *, inspector: bool = True, **context: Any) -> None:
    """Have the first listener serve TLS."""
    listener = Edit(document).resources["listeners"][0]
    typed = {"@type": TRANSPORT + "tls.v3.DownstreamTlsContext", **context}
    listener["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": typed}
    if inspector:
        listener["listener_filters"] = [{"name": "tls", "typed_config": {"@type": INSPECTOR}}]


def mcp(edit: Edit) -> None:
    edit.add("envoy.filters.http.mcp", "mcp.v3.Mcp", attribute_source="HEADERS")


def writer(edit: Edit, **rule: Any) -> None:
    edit.add("h", "header_to_metadata.v3.Config", request_rules=[{"header": "x-claims", **rule}])


JWT_METADATA = "envoy.filters.http.jwt_authn"
PER_ROUTE = TYPE + "ext_proc.v3.ExtProcPerRoute"
FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
MIRROR = [{"cluster": backend("docs")}]
STREAMED = {
    "request_body_mode": "BUFFERED",
    "response_body_mode": "STREAMED",
    "request_trailer_mode": "SEND",
    "response_trailer_mode": "SEND",
}

INJECTED: list[tuple[str, Any]] = [
    ("hidden-attributes", lambda e: e.guard.pop("request_attributes")),
    ("hidden-attributes", lambda e: e.guard["request_attributes"].remove("connection.uri_san_peer_certificate")),
    ("hidden-attributes", lambda e: e.guard["grpc_service"].pop("initial_metadata")),
    ("hidden-server-name", lambda e: serve_tls(e.document, inspector=False)),
    ("forwarded-certificate", lambda e: e.manager.update(forward_client_cert_details="ALWAYS_FORWARD_ONLY")),
    ("forwarded-certificate", lambda e: e.manager.update(forward_client_cert_details=2)),
    ("no-guard", lambda e: (e.forget("ext_proc"))),
    ("no-guard", elsewhere),
    ("direct-access", lambda e: e.listener()),
    ("direct-access", tcp),
    ("guard-disabled", lambda e: e.filter("ext_proc").update(disabled=True)),
    ("guard-disabled", lambda e: e.filter("rbac.marked").update(disabled=True)),
    ("guard-disabled", lambda e: e.filter("custom_response").update(is_optional=True)),
    ("failure-mode-allow", lambda e: e.guard.update(failure_mode_allow=True)),
    ("failure-mode-allow", lambda e: e.guard.update(failureModeAllow=True)),
    ("observability-mode", lambda e: e.guard.update(observability_mode=True)),
    ("http-service", lambda e: e.guard.update(http_service={"http_service": {}})),
    *[("body-mode", lambda e, way=way, mode=mode: e.mode.update({f"{way}_body_mode": mode}))
      for way in ("request", "response")
      for mode in ("NONE", "STREAMED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC", 5)],
    ("body-mode", lambda e: e.mode.pop("response_body_mode")),
    ("header-mode", lambda e: e.mode.update(request_header_mode="SKIP")),
    ("header-mode", lambda e: e.mode.update(responseHeaderMode=2) or e.mode.pop("response_header_mode")),
    ("trailer-mode", lambda e: e.mode.update(request_trailer_mode="SKIP")),
    ("trailer-mode", lambda e: e.mode.pop("response_trailer_mode")),
    ("override-modes", lambda e: e.guard.pop("allowed_override_modes")),
    ("override-modes", lambda e: e.guard["allowed_override_modes"].append({**STREAMED, "response_body_mode": "NONE"})),
    ("override-modes", lambda e: e.guard["allowed_override_modes"].append({**STREAMED, "request_body_mode": "NONE"})),
    ("override-modes", lambda e: e.guard["allowed_override_modes"].append({**STREAMED, "response_trailer_mode": "SKIP"})),
    ("message-timeout", lambda e: e.guard.update(message_timeout="0s")),
    ("guard-retries", lambda e: e.guard["grpc_service"]["retry_policy"].update(retry_on="connect-failure,reset")),
    ("guard-retries", lambda e: e.guard["grpc_service"]["envoy_grpc"].update(retry_policy={"retry_on": "unavailable"})),
    ("circuit-breaker", lambda e: e.guard_cluster.pop("circuit_breakers")),
    ("circuit-breaker", lambda e: e.guard_cluster["circuit_breakers"]["thresholds"][0].update(max_requests=1024)),
    ("request-marker", lambda e: e.forget("rbac.marked")),
    ("request-marker", lambda e: e.config("rbac.marked")["rules"]["policies"].update(all={"permissions": [{"any": True}], "principals": [{"any": True}]})),
    ("request-marker-order", lambda e: e.move("rbac.marked", 4)),
    ("request-marker-order", lambda e: e.move("rbac.marked", 6)),
    ("response-marker", lambda e: e.forget("custom_response")),
    ("response-marker", lambda e: responses(e).pop(1)),
    ("response-marker-order", lambda e: e.move("custom_response", 4)),
    ("response-marker-order", lambda e: e.move("lua", 4)),
    ("stream-guard", lambda e: e.forget("lua")),
    ("route-override", override("route", "envoy.filters.http.ext_proc", **{"@type": PER_ROUTE, "disabled": True})),
    ("route-override", override("host", "renamed", **{"@type": PER_ROUTE, "overrides": {}})),
    ("route-override", override("routes", "envoy.filters.http.rbac.marked", **{"@type": FILTER_CONFIG, "disabled": True})),
    ("route-override", weighted),
    ("mirror", lambda e: e.route["route"].update(request_mirror_policies=MIRROR)),
    ("mirror", lambda e: e.host.update(request_mirror_policies=MIRROR)),
    ("mirror", lambda e: e.manager["route_config"].update(requestMirrorPolicies=MIRROR)),
    ("mirror", lambda e: next(iter(e.guard_cluster["typed_extension_protocol_options"].values())).update(request_mirror_policies=MIRROR)),
    ("upgrades", lambda e: e.manager.update(upgrade_configs=[{"upgrade_type": "websocket", "filters": [ROUTER]}])),
    ("upgrades", lambda e: e.route["route"].update(upgrade_configs=[{"upgrade_type": "CONNECT"}])),
    ("methods", lambda e: e.forget("rbac.methods")),
    ("methods", lambda e: e.config("rbac.methods")["rules"].pop("action")),
    ("methods", lambda e: e.config("rbac.methods")["rules"]["policies"]["refused-methods"]["permissions"][0]["or_rules"]["rules"].pop(0)),
    ("decompressor", lambda e: e.add("d", "decompressor.v3.Decompressor")),
    ("decompressor", lambda e: e.add("c", "compressor.v3.Compressor")),
    ("translator", lambda e: e.add("t", "grpc_json_transcoder.v3.GrpcJsonTranscoder", 6)),
    ("translator", lambda e: e.add("w", "grpc_web.v3.GrpcWeb", 5)),
    ("lua-fail-open", lambda e: e.add("mine", "lua.v3.Lua", default_source_code={"inline_string": "-- mine"})),
    ("normalize-path", lambda e: e.manager.pop("normalize_path")),
    ("merge-slashes", lambda e: e.manager.update(merge_slashes=False)),
    ("escaped-slashes", lambda e: e.manager.update(path_with_escaped_slashes_action="UNESCAPE_AND_FORWARD")),
    ("escaped-slashes", lambda e: e.manager.pop("path_with_escaped_slashes_action")),
    ("underscores", lambda e: e.manager["common_http_protocol_options"].pop("headers_with_underscores_action")),
    ("remote-address", lambda e: e.manager.pop("use_remote_address")),
    ("internal-callers", lambda e: e.manager.pop("internal_address_config")),
    ("jwt-allow-missing", lambda e: e.config("jwt_authn")["rules"][0].update(requires={"allow_missing": {}})),
    ("jwt-allow-missing", lambda e: e.config("jwt_authn")["rules"][0]["requires"]["requires_any"]["requirements"].append({"allow_missing_or_failed": {}})),
    ("jwt-expiration", lambda e: e.provider().pop("require_expiration")),
    ("jwt-from-params", lambda e: e.provider().pop("from_headers")),
    ("jwt-from-params", lambda e: e.provider().update(from_params=["token"])),
    ("jwt-forward", lambda e: e.provider().update(forward=True)),
    ("jwt-order", lambda e: e.move("jwt_authn", 5)),
    ("jwt-issuer", lambda e: e.provider().pop("issuer")),
    ("forged-metadata", lambda e: writer(e, on_header_present={"metadata_namespace": JWT_METADATA, "key": "claims"})),
    ("forged-metadata", lambda e: writer(e, onHeaderPresent={"metadataNamespace": "guard", "key": "req"})),
    ("forged-metadata", lambda e: e.add("s", "set_metadata.v3.Config", metadata=[{"metadata_namespace": JWT_METADATA}])),
    ("forged-metadata", lambda e: e.guard["metadata_options"]["receiving_namespaces"]["untyped"].append(JWT_METADATA)),
    ("cluster-by-header", lambda e: e.route.update(route={"cluster_header": "x-backend", "timeout": "0s"})),
    ("dynamic-config", lambda e: e.route["route"].update(cluster_specifier_plugin="mine") or e.route["route"].pop("cluster")),
    ("idle-timeout", lambda e: e.manager.pop("stream_idle_timeout")),
    ("idle-timeout", lambda e: e.route["route"].update(idle_timeout="15s")),
    ("route-timeout", lambda e: e.route["route"].pop("timeout")),
    ("route-timeout", lambda e: e.route["route"].update(max_stream_duration={"max_stream_duration": "15s"})),
    ("dynamic-config", lambda e: e.manager.update(rds={"route_config_name": "x"}) or e.manager.pop("route_config")),
    ("dynamic-config", lambda e: e.document.update(dynamic_resources={"lds_config": {"path_config_source": {"path": "/x"}}})),
    ("unknown-field", lambda e: e.document.update(nonsense=1)),
    ("no-jwt", lambda e: e.forget("jwt_authn")),
    ("claims-not-kept", lambda e: e.provider().pop("payload_in_metadata")),
    ("claims-not-sent", lambda e: e.guard.pop("metadata_options")),
    ("claims-not-sent", lambda e: e.guard["metadata_options"].update(forwarding_namespaces={"untyped": ["mine"]})),
    ("unknown-cluster", lambda e: e.forget_cluster("keys")),
    ("unknown-cluster", lambda e: e.route["route"].update(cluster="gone")),
    ("unknown-cluster", lambda e: e.forget_cluster("extproc-guard")),
    ("guard-http1", lambda e: e.guard_cluster.pop("typed_extension_protocol_options")),
    ("no-access-log", lambda e: e.manager.pop("access_log")),
    ("no-access-log", lambda e: e.manager["access_log"].pop(1)),
    ("unknown-field", lambda e: e.guard.update(failure_mode_alow=False)),
    ("unknown-field", lambda e: e.mode.update(request_bodymode="BUFFERED")),
]  # fmt: skip

EXTENDED = {
    "@type": TYPE + "ext_authz.v3.ExtAuthzPerRoute",
    "check_settings": {"context_extensions": {"team": "red"}},
}
DECIDE_ONLY: list[tuple[str, Any]] = [
    ("hidden-attributes", lambda e: e.config("ext_authz").pop("include_peer_certificate")),
    ("hidden-attributes", lambda e: e.config("ext_authz").update(include_tls_session=False)),
    ("route-override", override("host", "envoy.filters.http.ext_authz", **EXTENDED, disabled=False)),
    ("route-override", override("host", "envoy.filters.http.ext_authz", **{"@type": EXTENDED["@type"], "check_settings": {"disable_request_body_buffering": True, "context_extensions": {}}})),
    ("failure-mode-allow", lambda e: e.config("ext_authz").update(failure_mode_allow=True)),
    ("authz-no-body", lambda e: e.config("ext_authz").pop("with_request_body")),
    ("authz-partial-body", lambda e: e.config("ext_authz")["with_request_body"].update(allow_partial_message=True)),
    ("authz-sampled", lambda e: e.config("ext_authz").update(shadow_mode=True)),
    ("authz-sampled", lambda e: e.config("ext_authz").update(filter_enabled={"default_value": {"numerator": 50}})),
    ("request-marker", lambda e: e.forget("rbac.marked")),
    ("guard-retries", lambda e: e.config("ext_authz")["grpc_service"]["retry_policy"].update(retry_on="reset")),
    ("methods", lambda e: e.forget("rbac.methods")),
    ("claims-not-sent", lambda e: e.config("ext_authz").pop("metadata_context_namespaces")),
    ("no-access-log", lambda e: e.manager.pop("access_log")),
    ("idle-timeout", lambda e: e.manager.update(stream_idle_timeout="30s")),
    ("route-override", override("host", "envoy.filters.http.ext_authz", **{"@type": TYPE + "ext_authz.v3.ExtAuthzPerRoute", "disabled": True})),
]  # fmt: skip


def responses(edit: "Edit") -> list[Any]:
    """The rules by which responses without the guard's marker are replaced."""
    found: list[Any] = edit.config("custom_response")["custom_response_matcher"]["matcher_list"]["matchers"]
    return found


def found(document: Any) -> set[str]:
    return {each.danger for each in check_document(document)}


def test_context_extensions_of_a_route_are_no_danger(decide_only):
    """They switch nothing off."""
    override("route", "envoy.filters.http.ext_authz", **EXTENDED)(Edit(decide_only))
    assert found(decide_only) == set()


@pytest.mark.slow
def test_the_rendered_configuration_has_no_danger(full, decide_only):
    assert check_document(full) == []
    assert check_document(decide_only) == []


@pytest.mark.parametrize(("danger", "inject"), INJECTED, ids=[f"{n}-{d}" for n, (d, _) in enumerate(INJECTED)])
def test_only_the_injected_danger_is_found(full, danger, inject):
    inject(Edit(full))
    assert found(full) == {danger}


@pytest.mark.parametrize(
    ("danger", "inject"), DECIDE_ONLY, ids=[f"{n}-{d}" for n, (d, _) in enumerate(DECIDE_ONLY)]
)
def test_only_the_injected_danger_of_ext_authz_is_found(decide_only, danger, inject):
    inject(Edit(decide_only))
    assert found(decide_only) == {danger}


def test_a_translator_before_the_guard_is_not_a_danger(full):
    Edit(full).add("w", "grpc_web.v3.GrpcWeb")
    assert found(full) == set()


def test_a_tool_name_from_headers_is_found(full):
    """The definitions at hand do not know this field yet, so it is reported as unknown too."""
    mcp(Edit(full))
    assert found(full) == {"mcp-headers", "unknown-field"}


def test_every_danger_has_a_test():
    tested = {name for name, _ in (*INJECTED, *DECIDE_ONLY)}
    tested |= {"mcp-headers", "nothing-found", "declared-unguarded", "no-reason"}
    tested |= {name for name, _ in MISMATCHES} | {"masks-with-ext-authz", "declared-in-vain", "declared-host"}
    tested |= {"other-authz", "other-authz-after", "guard-missing"}  # test_guard_clusters.py
    tested |= {"ignored-ports", "missing-tokens-refused", "clients-unverified", "clients-without-tls"}
    assert tested == set(dangers())


def test_a_changed_stream_guard_is_not_recognized(full):
    """Not one byte of the script may differ: a changed one may let errors pass."""
    lua = Edit(full).config("lua")["default_source_code"]
    lua["inline_string"] = lua["inline_string"].replace('"done"', '"dune"')
    assert found(full) == {"stream-guard", "lua-fail-open"}


@pytest.mark.parametrize("document", [{}, [], None, "text", {"static_resources": {}}, {"clusters": []}])
def test_a_document_without_traffic_is_not_called_clean(document):
    assert found(document) == {"nothing-found"}


def test_values_of_wrong_types_raise_nothing(full):
    edit = Edit(full)
    edit.manager["route_config"] = ["x"]
    edit.guard["processing_mode"] = 7
    edit.manager["common_http_protocol_options"] = "text"
    assert {"body-mode", "underscores"} <= found(full)


def test_fragments_are_checked(full):
    """A listener, a discovery file and routes of their own."""
    edit = Edit(full)
    edit.guard["failure_mode_allow"] = True
    listener = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **edit.resources["listeners"][0]}
    edit.route["typed_per_filter_config"] = {"x": {"@type": PER_ROUTE, "disabled": True}}
    assert found(edit.resources["listeners"][0]) == {"failure-mode-allow", "route-override"}
    assert found({"resources": [listener]}) == {"failure-mode-allow", "route-override"}
    assert found(edit.manager["route_config"]) == {"route-override"}


def test_a_listener_that_forwards_nothing_needs_no_guard(full):
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    host = {"name": "health", "domains": ["*"], "routes": [answer]}
    Edit(full).listener(route_config={"virtual_hosts": [host]})
    assert found(full) == set()


@pytest.mark.parametrize("dump", [yaml.safe_dump, json.dumps])
def test_a_problem_in_a_file_has_its_line(full, tmp_path, dump):
    Edit(full).guard["failure_mode_allow"] = True
    file = tmp_path / "envoy.yaml"
    file.write_text(dump(full))
    (problem,) = check_file(file)
    assert "failure_mode_allow" in file.read_text().splitlines()[problem.line - 1]
    assert problem.where.endswith("http_filters[4].typed_config.failure_mode_allow")
    assert problem.severity is Severity.ERROR
    assert problem.hint == "failure_mode_allow: false"


def test_an_unreadable_file_is_an_error(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("a: [")
    with pytest.raises(ConfigError):
        check_file(file)


ASSETS = {"match": {"prefix": "/"}, "route": {"cluster": "assets"}}
OFF = {"envoy.filters.http.ext_proc": {"@type": PER_ROUTE, "disabled": True}}


def declared(reason: object) -> dict[str, Any]:
    return {"filter_metadata": {"extproc": {"unguarded": reason}}}


def assets(
    document: Any, reason: object = "static assets, no functions", cluster: str = "assets"
) -> dict[str, Any]:
    """A virtual host beside the guarded ones, with the guard switched off."""
    edit = Edit(document)
    edit.resources["clusters"].append({"name": "assets"})
    route = {**ASSETS, "route": {"cluster": cluster}}
    host = {"name": "assets", "domains": ["assets.example.com"], "routes": [route], "typed_per_filter_config": OFF}
    edit.manager["route_config"]["virtual_hosts"].append(host)
    if reason is not None:
        host["metadata"] = declared(reason)
    return host


def test_a_host_that_is_declared_unguarded_is_a_note_with_its_reason(full):
    assets(full)
    (note,) = check_document(full)
    assert (note.danger, note.severity) == ("declared-unguarded", Severity.NOTE)
    assert note.what == "assets.example.com: static assets, no functions"


def test_a_host_that_is_not_declared_is_an_error(full):
    assets(full, None)
    assert "route-override" in found(full)


@pytest.mark.parametrize("reason", [True, "", "yes", "   x   ", ["static assets"], 1])
def test_a_declaration_needs_a_reason(full, reason):
    assets(full, reason)
    assert {"no-reason", "route-override"} <= found(full)


def test_a_declared_host_must_not_reach_a_guarded_backend(full):
    assets(full, cluster=backend("crm"))
    assert "direct-access" in found(full)


def test_a_declared_listener_may_forward(full):
    elsewhere(Edit(full))
    Edit(full).resources["listeners"][1]["metadata"] = declared("metrics of the mesh, no functions")
    assert found(full) == {"declared-unguarded"}


def test_a_declared_listener_must_not_reach_a_guarded_backend(full):
    Edit(full).listener()
    Edit(full).resources["listeners"][1]["metadata"] = declared("metrics of the mesh, no functions")
    assert found(full) == {"declared-unguarded", "direct-access"}


def test_a_declaration_covers_nothing_beside_it(full):
    assets(full)
    Edit(full).route["typed_per_filter_config"] = OFF
    assert found(full) == {"declared-unguarded", "route-override"}


def same_backend(document: Any, name: str = "other", **config: Any) -> None:
    """The cluster of a connection once more, under another name, or a cluster of another kind that reaches it."""
    clusters = Edit(document).resources["clusters"]
    first = next(each for each in clusters if each["name"] == backend("crm"))
    clusters.append({"name": name, **config} if config else {**copy.deepcopy(first), "name": name})


def cluster_type(message: str, **config: Any) -> dict[str, Any]:
    kind = f"type.googleapis.com/envoy.extensions.clusters.{message}.v3.ClusterConfig"
    return {"cluster_type": {"name": "x", "typed_config": {"@type": kind, **config}}}


@pytest.mark.parametrize(
    "config",
    [
        {},
        cluster_type("aggregate", clusters=["assets", backend("crm")]),
        cluster_type("dynamic_forward_proxy", dns_cache_config={"name": "x", "dns_lookup_family": "V4_ONLY"}),
    ],
)
def test_a_guarded_backend_under_another_name_is_found(full, config):
    """Behind a declared host, a declared route of a guarded host, and a TCP proxy."""
    same_backend(full, **config)
    edit = Edit(full)
    assert found(full) == set()
    host = assets(full, cluster="other")
    assert found(full) == {"declared-unguarded", "direct-access"}
    edit.manager["route_config"]["virtual_hosts"].remove(host)
    static = {"match": {"prefix": "/static"}, "route": {"cluster": "other"}, "typed_per_filter_config": OFF}
    edit.host["routes"].insert(0, {**static, "metadata": declared("static files, no functions")})
    assert found(full) == {"declared-unguarded", "direct-access"}
    edit.host["routes"].pop(0)
    tcp(edit)
    edit.resources["listeners"][1]["filter_chains"][0]["filters"][0]["typed_config"]["cluster"] = "other"
    assert found(full) == {"direct-access"}


@pytest.mark.parametrize(
    "place",
    [
        lambda e: e.resources["listeners"][0],
        lambda e: e.resources["listeners"][0]["filter_chains"][0],
        lambda e: e.manager["route_config"],
        lambda e: e.route["route"],
        lambda e: e.manager,
        lambda e: e.document["static_resources"],
    ],
)
def test_a_declaration_that_would_cover_the_guard_or_all_routes_does_not_count(full, place):
    edit = Edit(full)
    edit.route["typed_per_filter_config"] = OFF
    place(edit)["metadata"] = declared("nothing of this is guarded")
    assert {"declared-in-vain", "route-override"} <= found(full)


@pytest.mark.parametrize(
    ("domains", "is_found"),
    [
        (["crm.example.com", "crm.example.com:8080"], True),
        (["*.example.com", "crm.example.com:8080"], True),
        (["crm.example.com:8080"], True),
        (["static.example.com"], False),
        (["*"], False),
    ],
)
def test_the_host_of_a_connection_must_not_be_declared(full, settings, domains, is_found):
    """As Envoy chooses the virtual host: a wildcard counts only for hosts that no other virtual host serves."""
    edit, host = Edit(full), assets(full)
    edit.manager["route_config"]["virtual_hosts"].pop(-2)  # for unknown hosts
    host["domains"] = domains
    edit.host["domains"] = [each for each in edit.host["domains"] if each not in domains]
    if "*.example.com" in domains:
        edit.host["domains"].clear()
    edit.host["domains"].append("x.test")
    assert ("declared-host" in {each.danger for each in check_document(full, settings)}) is is_found


def test_a_declared_route_of_a_connections_host_needs_an_undeclared_one(full, settings):
    edit = Edit(full)
    static = {"match": {"prefix": "/static"}, "route": {"cluster": "assets"}}
    edit.resources["clusters"].append({"name": "assets"})
    edit.host["routes"].insert(0, {**static, "metadata": declared("static files, no functions")})
    assert {each.danger for each in check_document(full, settings)} == {"declared-unguarded"}
    edit.route["metadata"] = declared("all the rest as well, why not")
    edit.host["routes"][1]["metadata"] = declared("all the rest as well, why not")
    assert "declared-host" in {each.danger for each in check_document(full, settings)}


MISMATCHES: list[tuple[str, Any]] = [
    ("claims-key", lambda e: e.provider().update(payload_in_metadata="payload")),
    ("provider-missing", lambda e: e.config("jwt_authn")["providers"].pop("corp")),
    ("host-not-routed", lambda e: e.host.update(domains=["other.crm.example.com:8080", "crm.example.com:8080"])),
    ("host-without-connection", lambda e: e.host["domains"].append("typo.example.com")),
    ("mcp-answers", lambda e: e.manager.pop("local_reply_config")),
    ("mcp-answers", lambda e: e.manager["local_reply_config"]["mappers"].pop()),
    ("mcp-answers", lambda e: responses(e).pop(0)),
]


@pytest.mark.parametrize(("danger", "inject"), MISMATCHES, ids=[f"{n}-{d}" for n, (d, _) in enumerate(MISMATCHES)])
def test_a_mismatch_with_the_guards_settings_is_found(full, settings, danger, inject):
    inject(Edit(full))
    dangers_found = {each.danger for each in check_document(full, settings)}
    assert danger in dangers_found
    assert dangers_found <= {danger, "host-without-connection"}


def test_a_rendered_configuration_fits_its_settings(full, settings):
    assert check_document(full, settings) == []


def test_a_host_of_a_wildcard_domain_is_served(full, settings):
    Edit(full).host["domains"] = ["*.example.com", "crm.example.com:*", "crm.example.com:8080"]
    assert check_document(full, settings) == []


def test_a_declared_host_needs_no_connection(full, settings):
    assets(full)
    assert {each.danger for each in check_document(full, settings)} == {"declared-unguarded"}


@pytest.mark.parametrize("key", ["payload", "claims2"])
def test_each_provider_has_its_own_metadata_key(full, make_settings, key):
    providers = copy.deepcopy(DOCUMENT["identity"]["providers"])
    providers["corp"]["metadata_key"] = key
    given = make_settings(identity={"providers": providers})
    assert {each.danger for each in check_document(full, given)} == {"claims-key"}
    Edit(full).provider().update(payload_in_metadata=key)
    assert check_document(full, given) == []


@pytest.mark.parametrize(
    ("hosts", "found_now"),
    [
        (["docs.example.com"], set()),
        (["docs.example.com:*", "docs.example.com"], set()),
        (["crm.example.com:9000"], {"ignored-ports"}),
        (["crm.example.com:*"], {"ignored-ports"}),
        (["*.example.com"], {"ignored-ports"}),
        (["*.other.com:80"], set()),
    ],
)
def test_ports_that_envoy_ignores_are_found(full, make_settings, hosts, found_now):
    connections = copy.deepcopy(DOCUMENT["connections"])
    connections["docs"]["hosts"] = hosts
    routes = Edit(full).manager["route_config"]
    routes["virtual_hosts"][1]["domains"] = hosts
    given = make_settings(connections=connections)
    assert "ignored-ports" not in {each.danger for each in check_document(full, given)}
    routes["ignore_port_in_host_matching"] = True
    assert {each.danger for each in check_document(full, given)} == found_now


def anonymous(make_settings, **more):
    connections = copy.deepcopy(DOCUMENT["connections"])
    connections["crm"]["functions"]["health"] = {"method": "GET", "path": "/health", "identity": "none"}
    return make_settings(connections=connections, **more)


@pytest.mark.parametrize("door", ["ext_proc", "ext_authz"])
@pytest.mark.parametrize("mtls", [False, True])
def test_missing_tokens_may_pass_where_the_settings_say_so(full, make_settings, door, mtls):
    identity = {**DOCUMENT["identity"], **({"mtls": {"trust_domains": ["cluster.local"]}} if mtls else {})}
    envoy = {"guard_filter": door}
    given = make_settings(identity=identity, envoy=envoy) if mtls else anonymous(make_settings, envoy=envoy)
    rendered = render_bootstrap(given, guard_endpoints=["unix:/w"], guard_filter=door)
    found_now = {each.danger for each in check_document(rendered, given)}
    assert found_now == ({"clients-without-tls"} if mtls else set())
    assert "jwt-allow-missing" in {each.danger for each in check_document(rendered)}
    assert "jwt-allow-missing" in {each.danger for each in check_document(rendered, make_settings(envoy=envoy))}
    assert "missing-tokens-refused" in {each.danger for each in check_document(full, given)}


@pytest.mark.parametrize("name", ["allow_missing_or_failed", "extract_only_without_validation"])
def test_bad_tokens_may_never_pass(full, make_settings, name):
    Edit(full).config("jwt_authn")["rules"][-1]["requires"] = {name: {}}
    assert "jwt-allow-missing" in {each.danger for each in check_document(full, anonymous(make_settings))}


CA = {"filename": "/ca.pem"}


@pytest.mark.parametrize(
    ("context", "dangers_found"),
    [
        ({"common_tls_context": {"validation_context": {"trusted_ca": CA}}}, set()),
        ({"common_tls_context": {"validation_context_sds_secret_config": {"name": "ca"}}}, set()),
        (
            {
                "common_tls_context": {
                    "combined_validation_context": {"default_validation_context": {"trusted_ca": CA}}
                }
            },
            set(),
        ),
        (
            {
                "common_tls_context": {
                    "validation_context": {"trusted_ca": CA, "trust_chain_verification": "ACCEPT_UNTRUSTED"}
                }
            },
            {"clients-unverified"},
        ),
        ({"require_client_certificate": True}, {"clients-unverified"}),
        ({}, {"clients-without-tls"}),
    ],
)
def test_unverified_client_certificates_are_found(full, make_settings, context, dangers_found):
    mtls = {**DOCUMENT["identity"], "mtls": {"trust_domains": ["cluster.local"]}}
    serve_tls(full, **context)
    found_now = {each.danger for each in check_document(full, make_settings(identity=mtls))}
    assert found_now - {"missing-tokens-refused"} == dangers_found
    assert found(full) == dangers_found - {"clients-without-tls"}


def test_masks_that_ext_authz_cannot_apply_are_found(decide_only, make_settings):
    """The default masks, unless the operator has chosen ext_authz; rules of the operator always count."""
    chosen = make_settings(envoy={"guard_filter": "ext_authz"})
    assert check_document(decide_only, chosen) == []
    assert {each.danger for each in check_document(decide_only, make_settings())} == {"masks-with-ext-authz"}
    own = copy.deepcopy(DOCUMENT["connections"])
    own["crm"]["masking"] = {"request": [{"entity": "US_SSN"}]}
    found_now = check_document(decide_only, make_settings(connections=own, envoy={"guard_filter": "ext_authz"}))
    assert [each.what for each in found_now] == ["connections.crm.masking.request"]
