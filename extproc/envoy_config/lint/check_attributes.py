"""Find why policy does not see facts about the caller's connection, or may take the caller's word for them."""

from collections.abc import Iterator

from extproc.envoy_config.lint.chain import EXT_PROC, Chain
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.wire.attribute_names import INITIAL_METADATA, REQUEST_ATTRIBUTES

DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
AUTHZ_FLAGS = ("include_peer_certificate", "include_tls_session")
CERTIFICATE_HEADERS = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
SAFE_HEADERS = ("SANITIZE", "SANITIZE_SET")


def check_attributes(chain: Chain) -> Iterator[Problem]:
    """Check that the guard's filters ask Envoy for all that policy may read."""
    for _, config in chain.guards:
        missing = list(_missing(config) if config.message == EXT_PROC else _off(config))
        if missing:
            field = "request_attributes" if config.message == EXT_PROC else missing[0]
            yield Problem("hidden-attributes", config.get(field).path, f"not sent: {', '.join(missing)}")


def _missing(config: Node) -> Iterator[str]:
    asked = {each.value for each in config.each("request_attributes")}
    yield from (name for name in REQUEST_ATTRIBUTES if name not in asked)
    metadata = {each.text("key").lower() for each in config.each("grpc_service", "initial_metadata")}
    yield from (name for name in INITIAL_METADATA if name not in metadata)


def _off(config: Node) -> Iterator[str]:
    return (name for name in AUTHZ_FLAGS if not config.flag(name))


def check_certificate_header(manager: Node) -> Iterator[Problem]:
    """Check that ``x-forwarded-client-cert`` is Envoy's own word."""
    how = manager.enum(CERTIFICATE_HEADERS, "forward_client_cert_details")
    if how not in SAFE_HEADERS:
        path = manager.get("forward_client_cert_details").path
        yield Problem("forwarded-certificate", path, f"forward_client_cert_details is {how}")


def check_server_name(root: Node) -> Iterator[Problem]:
    """Check that listeners with TLS tell ext_proc the server name that the caller asked for."""
    for listener in (node for node in root.walk() if node.get("filter_chains")):
        messages = {node.message for node in listener.walk()}
        if {EXT_PROC, DOWNSTREAM_TLS} <= messages and TLS_INSPECTOR not in messages:
            path = listener.get("listener_filters").path
            yield Problem("hidden-server-name", path, "no TLS inspector is among the listener's filters")
