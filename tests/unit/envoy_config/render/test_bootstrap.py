"""The rendered bootstrap holds what the settings say, and nothing secret."""

import json

import pytest
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap
from envoy_data_plane.google.protobuf import Any as AnyMessage

from extproc.envoy_config.render.bootstrap import as_yaml, buffer_limit, render_bootstrap
from extproc.envoy_config.render.building_blocks import any_needs_dns, needs_dns
from extproc.envoy_config.render.clusters import MINIMUM_HELD, held_calls
from extproc.model.errors import ConfigError
from extproc.settings.upstream_cluster import upstream_cluster
from tests.unit.envoy_config.conftest import DOCUMENT, WORKERS, backend

NAMED = {**DOCUMENT["connections"]["crm"], "upstream": {"address": "10.0.0.7:9000", "host": "crm.internal:9000"}}


def manager(document):
    return document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def filters(document):
    return {each["name"]: each["typed_config"] for each in manager(document)["http_filters"]}


def clusters(document):
    return {each["name"]: each for each in document["static_resources"]["clusters"]}


def addresses(cluster):
    return [each["endpoint"]["address"] for each in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]]


def test_filters_are_in_the_order_that_protects(full, decide_only):
    assert list(filters(full)) == [
        "envoy.filters.http.rbac.methods",
        "envoy.filters.http.lua",
        "envoy.filters.http.custom_response",
        "envoy.filters.http.jwt_authn",
        "envoy.filters.http.ext_proc",
        "envoy.filters.http.rbac.marked",
        "envoy.filters.http.router",
    ]
    assert list(filters(decide_only)) == [
        "envoy.filters.http.rbac.methods",
        "envoy.filters.http.jwt_authn",
        "envoy.filters.http.ext_authz",
        "envoy.filters.http.rbac.marked",
        "envoy.filters.http.router",
    ]


def test_each_connection_has_a_virtual_host_and_other_hosts_share_one(full):
    hosts = manager(full)["route_config"]["virtual_hosts"]
    assert [(each["name"], each["domains"]) for each in hosts] == [
        ("crm", ["crm.example.com", "crm.example.com:8080"]),
        ("docs", ["docs.example.com"]),
        ("unknown-host", ["*"]),
    ]
    assert [each["routes"][0].get("route") for each in hosts] == [
        {"cluster": backend("crm"), "timeout": "0s"},
        {"cluster": backend("docs"), "timeout": "0s"},
        None,
    ]
    assert hosts[2]["routes"][0]["direct_response"] == {"status": 404}


def test_a_backend_gets_its_own_host(make_settings):
    """The route replaces the Host header; its cluster has another name, since a host chooses a backend, too."""
    plain, named = (
        make_settings().connections["crm"],
        make_settings(connections={"crm": NAMED}).connections["crm"],
    )
    bootstrap = render_bootstrap(make_settings(connections={"crm": NAMED}), guard_endpoints=WORKERS)
    action = manager(bootstrap)["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    assert action["host_rewrite_literal"] == "crm.internal:9000"
    assert action["cluster"] == upstream_cluster("crm", named) != upstream_cluster("crm", plain)


def test_each_worker_has_its_own_endpoint(full):
    guard = clusters(full)["extproc-guard"]
    assert [each["pipe"]["path"] for each in addresses(guard)] == [
        "/run/extproc/worker-0.sock",
        "/run/extproc/worker-1.sock",
    ]
    assert guard["type"] == "STATIC"


def test_named_workers_are_resolved(settings):
    rendered = render_bootstrap(settings, guard_endpoints=["guard.internal:50051", "10.0.0.1:50051"])
    assert clusters(rendered)["extproc-guard"]["type"] == "STRICT_DNS"


def test_names_and_unix_sockets_cannot_be_mixed(settings):
    with pytest.raises(ConfigError, match="mix"):
        render_bootstrap(settings, guard_endpoints=["guard.internal:50051", "unix:/run/x.sock"])


@pytest.mark.parametrize(
    ("address", "named"),
    [("a.example:1", True), ("10.0.0.1:1", False), ("[::1]:1", False), ("unix:/a", False), ("localhost:1", True)],
)
def test_ip_addresses_need_no_dns(address, named):
    assert needs_dns(address) is named
    assert any_needs_dns([address]) is named


def test_tls_checks_the_chain_and_the_name(full):
    socket = clusters(full)[backend("docs")]["transport_socket"]["typed_config"]
    trust = socket["common_tls_context"]["validation_context"]
    assert socket["sni"] == "mcp.example.net"
    assert trust["trusted_ca"] == {"filename": "/etc/ca.pem"}
    assert trust["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": "mcp.example.net"}}]
    assert socket["common_tls_context"]["tls_params"] == {"tls_minimum_protocol_version": "TLSv1_2"}
    assert "transport_socket" not in clusters(full)[backend("crm")]


def test_keys_are_fetched_over_tls_from_their_own_cluster(full):
    keys = clusters(full)["keys-cloud"]
    assert addresses(keys)[0]["socket_address"] == {"address": "cloud.example.com", "port_value": 8443}
    assert keys["transport_socket"]["typed_config"]["sni"] == "cloud.example.com"
    provider = filters(full)["envoy.filters.http.jwt_authn"]["providers"]["cloud"]
    assert provider["remote_jwks"]["http_uri"]["cluster"] == "keys-cloud"


def test_any_of_several_providers_is_required(full, make_settings):
    jwt = filters(full)["envoy.filters.http.jwt_authn"]
    assert jwt["rules"][0]["requires"] == {
        "requires_any": {"requirements": [{"provider_name": "corp"}, {"provider_name": "cloud"}]}
    }
    provider = {"issuer": "i", "audiences": ["a"], "jwks_file": "/k.json"}
    alone = make_settings(identity={"providers": {"only": provider}})
    rendered = render_bootstrap(alone, guard_endpoints=["unix:/a"])
    assert filters(rendered)["envoy.filters.http.jwt_authn"]["rules"][0]["requires"] == {"provider_name": "only"}


def test_limits_follow_the_settings(make_settings):
    limits = {"hold": 3_600, "message_timeout": 7.5, "held_calls": 9_000, "request_body": 8 << 20}
    settings = make_settings(limits=limits, workers=4)
    rendered = render_bootstrap(settings, guard_endpoints=["unix:/a"])
    guard = filters(rendered)["envoy.filters.http.ext_proc"]
    assert (guard["message_timeout"], guard["max_message_timeout"]) == ("7.500s", "3600s")
    assert manager(rendered)["stream_idle_timeout"] == "3607.500s"
    thresholds = clusters(rendered)["extproc-guard"]["circuit_breakers"]["thresholds"][0]
    assert thresholds["max_requests"] == held_calls(settings) == 72_000 > MINIMUM_HELD
    listener = rendered["static_resources"]["listeners"][0]
    assert listener["per_connection_buffer_limit_bytes"] == buffer_limit(settings.limits) > 10 << 20


def test_ext_authz_waits_for_holds_and_gets_the_body(decide_only, settings):
    authz = filters(decide_only)["envoy.filters.http.ext_authz"]
    assert authz["grpc_service"]["timeout"] == "960s"
    assert authz["with_request_body"] == {"max_request_bytes": settings.limits.request_body, "pack_as_bytes": True}
    assert authz["transport_api_version"] == "V3"
    assert authz["encode_raw_headers"] is authz["include_peer_certificate"] is True


def test_only_the_owner_can_use_the_admin_socket(full, make_settings):
    assert full["admin"]["address"]["pipe"] == {"path": "/run/extproc/admin.sock", "mode": 0o600}
    rendered = render_bootstrap(
        make_settings(envoy={"admin": "127.0.0.1:9901", "trusted_hops": 2}), guard_endpoints=["unix:/a"]
    )
    assert rendered["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9901}
    assert manager(rendered)["xff_num_trusted_hops"] == 2


def test_the_bootstrap_has_no_credential_and_logs_no_path(full):
    assert "CRM_TOKEN" not in json.dumps(full)
    line = manager(full)["access_log"][0]["typed_config"]["log_format"]["json_format"]
    written = " ".join(line.values()).lower()
    assert "path" not in written
    assert "authorization" not in written


def test_the_bootstrap_is_plain_data(full):
    assert json.loads(json.dumps(full)) == full
    assert "inline_string: |\n" in as_yaml(full)


@pytest.mark.slow
def test_messages_round_trip(full):
    """What was rendered is what the typed messages say: reading the listener back gives the same document."""
    listener = full["static_resources"]["listeners"][0]
    packed = Bootstrap.from_dict({"static_resources": {"listeners": [listener]}})
    assert packed.to_dict(casing=str)["static_resources"]["listeners"] == [listener]
    assert AnyMessage.from_dict(manager(full)).to_dict(casing=str) == manager(full)


TLS = {"certificate": "/e.crt", "key": "/e.key", "ca": "/ca.crt", "san": "extproc-guard"}


def test_workers_on_ports_are_called_only_over_mutual_tls(make_settings):
    rendered = render_bootstrap(make_settings(envoy={"guard_tls": TLS}), guard_endpoints=["guard-0.test:50051"])
    context = clusters(rendered)["extproc-guard"]["transport_socket"]["typed_config"]
    common = context["common_tls_context"]
    assert (context["sni"], common["alpn_protocols"]) == ("extproc-guard", ["h2"])
    assert common["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_3"
    assert common["tls_certificates"] == [
        {"certificate_chain": {"filename": "/e.crt"}, "private_key": {"filename": "/e.key"}}
    ]
    trust = common["validation_context"]
    assert trust["trusted_ca"] == {"filename": "/ca.crt"}
    assert trust["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": "extproc-guard"}}]


def test_workers_on_unix_sockets_need_no_tls_and_both_kinds_do_not_mix(make_settings):
    settings = make_settings(envoy={"guard_tls": TLS})
    rendered = render_bootstrap(settings, guard_endpoints=["unix:/run/w.sock"])
    assert "transport_socket" not in clusters(rendered)["extproc-guard"]
    with pytest.raises(ConfigError, match="mix unix sockets and ports"):
        render_bootstrap(settings, guard_endpoints=["unix:/run/w.sock", "127.0.0.1:50051"])


@pytest.mark.parametrize("secure", [True, False])
def test_a_grpc_backend_is_called_over_http2(make_settings, secure):
    upstream = {"address": "10.0.0.8:443", "tls": True} if secure else {"address": "10.0.0.8:50051"}
    shop = {
        "protocol": "grpc",
        "hosts": ["shop.example.com"],
        "descriptors": "shop.pb",
        "methods": ["shop.v1.Shop/Get"],
    }
    settings = make_settings(connections={"shop": {**shop, "upstream": upstream}})
    name = upstream_cluster("shop", settings.connections["shop"])
    cluster = clusters(render_bootstrap(settings, guard_endpoints=["unix:/w.sock"]))[name]
    (options,) = cluster["typed_extension_protocol_options"].values()
    assert list(options["explicit_http_config"]) == ["http2_protocol_options"]
    alpn = (
        cluster.get("transport_socket", {})
        .get("typed_config", {})
        .get("common_tls_context", {})
        .get("alpn_protocols")
    )
    assert alpn == (["h2"] if secure else None)
