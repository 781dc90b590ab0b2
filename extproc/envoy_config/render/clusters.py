"""Clusters: the guard's workers, the backends, and the servers of token keys."""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from collections.abc import Sequence
from urllib.parse import urlsplit

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream_http
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.config.schema import Settings
from extproc.envoy_config.render.building_blocks import (
    GUARD_CLUSTER,
    UNIX,
    any_needs_dns,
    envoy_address,
    is_ip,
    seconds,
    split_address,
)
from extproc.model.errors import ConfigError
from extproc.settings.connection import ConnectionSettings
from extproc.settings.envoy import EnvoyGuardTls
from extproc.settings.upstream_cluster import upstream_cluster

CONNECT_TIMEOUT_S = 5.0
MINIMUM_HELD = 20_000
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TLS_1_2 = tls.TlsParameters(tls_minimum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_2)
TLS_1_3 = tls.TlsParameters(
    tls_minimum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_3,
    tls_maximum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_3,
)
"""Envoy's default maximum for upstreams is 1.2."""
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
"""The file with public certificate authorities on Debian, Ubuntu, Alpine and the distroless images."""


def render_clusters(settings: Settings, guard_endpoints: list[str]) -> list[cluster.Cluster]:
    """Return the guard's cluster, one per connection, and one per provider whose keys are fetched."""
    upstreams = [_upstream(upstream_cluster(name, each), each) for name, each in settings.connections.items()]
    return [_guard(settings, guard_endpoints), *upstreams, *_key_clusters(settings)]


def _guard(settings: Settings, endpoints: list[str]) -> cluster.Cluster:
    """Make the guard's cluster. Each worker has an endpoint: on a shared port, one would get all calls."""
    made = _cluster(GUARD_CLUSTER, endpoints)
    made.lb_policy = cluster.ClusterLbPolicy.LEAST_REQUEST
    made.circuit_breakers = _breakers(held_calls(settings))
    made.health_checks = [_health_check()]
    made.outlier_detection = _outliers()
    made.typed_extension_protocol_options = {HTTP_OPTIONS: Any.pack(_http2_with_pings())}
    if settings.envoy.guard_tls and not all(each.startswith(UNIX) for each in endpoints):
        if any(each.startswith(UNIX) for each in endpoints):
            raise ConfigError(
                "guard endpoints mix unix sockets and ports with TLS", hint="use one of the two kinds"
            )
        made.transport_socket = _mutual_tls(settings.envoy.guard_tls)
    return made


def held_calls(settings: Settings) -> int:
    """Return the concurrent calls that the guard's cluster must allow: a held call is an active request."""
    return max(MINIMUM_HELD, 2 * settings.limits.held_calls * settings.workers)


def _breakers(requests: int) -> cluster.CircuitBreakers:
    limits = cluster.CircuitBreakersThresholds(
        max_connections=requests, max_pending_requests=requests, max_requests=requests, max_retries=1_000
    )
    return cluster.CircuitBreakers(thresholds=[limits])


def _health_check() -> core.HealthCheck:
    """Check workers, also before the first call. A stopping worker is unhealthy, and gets no new call."""
    return core.HealthCheck(
        timeout=seconds(1),
        interval=seconds(1),
        no_traffic_interval=seconds(1),
        unhealthy_threshold=2,
        healthy_threshold=1,
        grpc_health_check=core.HealthCheckGrpcHealthCheck(),
    )


def _outliers() -> cluster.OutlierDetection:
    """Count only failures to reach a worker: aborts of a worker are replies, and callers can provoke them."""
    return cluster.OutlierDetection(
        split_external_local_origin_errors=True,
        consecutive_local_origin_failure=2,
        interval=seconds(1),
        base_ejection_time=seconds(2),
        max_ejection_percent=50,
        enforcing_consecutive_5xx=0,
        enforcing_consecutive_gateway_failure=0,
        enforcing_success_rate=0,
        enforcing_local_origin_success_rate=0,
    )


def _http2_with_pings() -> upstream_http.HttpProtocolOptions:
    """HTTP/2 with pings: Envoy notices a hanging worker within three seconds."""
    http2 = core.Http2ProtocolOptions(
        connection_keepalive=core.KeepaliveSettings(interval=seconds(2), timeout=seconds(1))
    )
    explicit = upstream_http.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=http2)
    return upstream_http.HttpProtocolOptions(explicit_http_config=explicit)


def _upstream(name: str, connection: ConnectionSettings) -> cluster.Cluster:
    upstream, http2 = connection.upstream, connection.upstream_http2
    made = _cluster(name, [upstream.address])
    made.circuit_breakers = _breakers(MINIMUM_HELD)
    if upstream.tls:
        ca_file = str(upstream.ca_file) if upstream.ca_file else SYSTEM_ROOTS
        host = "" if upstream.address.startswith("unix:") else split_address(upstream.address)[0]
        made.transport_socket = _tls(upstream.sni or host, ca_file, alpn=["h2"] if http2 else ())
    if http2 or upstream.tls:
        made.typed_extension_protocol_options = {
            HTTP_OPTIONS: Any.pack(_http2_without_pings() if http2 else _negotiated())
        }
    return made


def _http2_without_pings() -> upstream_http.HttpProtocolOptions:
    """HTTP/2 without pings: a server may treat many pings as an attack, and end all calls."""
    http2 = core.Http2ProtocolOptions()
    explicit = upstream_http.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=http2)
    return upstream_http.HttpProtocolOptions(explicit_http_config=explicit)


def _negotiated() -> upstream_http.HttpProtocolOptions:
    """HTTP/2 if the backend offers it by ALPN, otherwise HTTP/1.1."""
    auto = upstream_http.HttpProtocolOptionsAutoHttpConfig(
        http_protocol_options=core.Http1ProtocolOptions(), http2_protocol_options=core.Http2ProtocolOptions()
    )
    return upstream_http.HttpProtocolOptions(auto_config=auto)


def _mutual_tls(ours: EnvoyGuardTls) -> core.TransportSocket:
    """TLS 1.3 to the workers, which authenticate Envoy by its certificate."""
    return _tls(
        ours.san,
        str(ours.ca),
        params=TLS_1_3,
        own=[
            tls.TlsCertificate(
                certificate_chain=core.DataSource(filename=str(ours.certificate)),
                private_key=core.DataSource(filename=str(ours.key)),
            )
        ],
        alpn=["h2"],
    )


def _tls(
    server_name: str,
    ca_file: str,
    *,
    params: tls.TlsParameters = TLS_1_2,
    own: Sequence[tls.TlsCertificate] = (),
    alpn: Sequence[str] = (),
) -> core.TransportSocket:
    """TLS 1.2 or later to exactly this server: its certificate's chain and name are verified."""
    kind = (
        tls.SubjectAltNameMatcherSanType.IP_ADDRESS if is_ip(server_name) else tls.SubjectAltNameMatcherSanType.DNS
    )
    expected = tls.SubjectAltNameMatcher(san_type=kind, matcher=matcher.StringMatcher(exact=server_name))
    trust = tls.CertificateValidationContext(
        trusted_ca=core.DataSource(filename=ca_file), match_typed_subject_alt_names=[expected]
    )
    context = tls.UpstreamTlsContext(
        sni="" if is_ip(server_name) else server_name,
        common_tls_context=tls.CommonTlsContext(
            tls_params=params,
            tls_certificates=list(own),
            validation_context=trust,
            alpn_protocols=list(alpn),
        ),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _cluster(name: str, addresses: list[str]) -> cluster.Cluster:
    """Make a cluster with one endpoint per address."""
    named = any_needs_dns(addresses)
    discovery = cluster.ClusterDiscoveryType
    return cluster.Cluster(
        name=name,
        type=discovery.STRICT_DNS if named else discovery.STATIC,
        dns_lookup_family=cluster.ClusterDnsLookupFamily.V4_PREFERRED,
        connect_timeout=seconds(CONNECT_TIMEOUT_S),
        load_assignment=endpoint.ClusterLoadAssignment(
            cluster_name=name,
            endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=[_endpoint(each) for each in addresses])],
        ),
    )


def _endpoint(address: str) -> endpoint.LbEndpoint:
    return endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=envoy_address(address)))


def keys_cluster(provider: str) -> str:
    """Return the name of the cluster from which a provider's keys are fetched."""
    return f"keys-{provider}"


def _key_clusters(settings: Settings) -> list[cluster.Cluster]:
    providers = settings.identity.providers.items()
    return [_keys(keys_cluster(name), each.jwks_url) for name, each in providers if each.jwks_url]


def _keys(name: str, url: str) -> cluster.Cluster:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    authority = f"[{host}]" if ":" in host else host
    made = _cluster(name, [f"{authority}:{parts.port or (443 if secure else 80)}"])
    if secure:
        made.transport_socket = _tls(host, SYSTEM_ROOTS)
    return made
