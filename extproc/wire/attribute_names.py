"""Names under which Envoy sends the guard its own facts about a request. No caller can write any of them.

``extproc envoy render`` asks Envoy for them, and ``extproc envoy check`` looks for them.

Sources: Envoy 1.40, "Attributes" (request and connection attributes) and "Substitution formatting".
"""

SOURCE = "source.address"
DESTINATION = "destination.address"
PROTOCOL = "request.protocol"
MTLS = "connection.mtls"
SNI = "connection.requested_server_name"
"""Empty unless the listener has a TLS inspector."""
PEER_NAMES = (
    "connection.uri_san_peer_certificate",
    "connection.dns_san_peer_certificate",
    "connection.subject_peer_certificate",
)
"""Names of the client certificate, in the order in which ext_authz chooses ``source.principal`` among them."""
LOCAL_NAMES = (
    "connection.uri_san_local_certificate",
    "connection.dns_san_local_certificate",
    "connection.subject_local_certificate",
)
"""The same for Envoy's own certificate: ``destination.principal``."""
CLUSTER = "xds.cluster_name"
"""The upstream cluster of the route that Envoy has chosen. A route that answers by itself has none."""
REQUEST_ATTRIBUTES = (SOURCE, DESTINATION, PROTOCOL, MTLS, SNI, *PEER_NAMES, *LOCAL_NAMES, CLUSTER)
"""``request_attributes`` of the ext_proc filter."""

CERTIFICATE = "x-extproc-peer-certificate"
"""The client certificate, in the metadata of the ext_proc stream."""
CONTEXT_EXTENSIONS = "x-extproc-context-extensions"
"""A JSON object of texts, in the metadata of the ext_proc stream: what ext_authz has from each route."""
ROUTE_METADATA = "x-extproc-route-metadata."
"""With a namespace behind it: that namespace of the route's metadata, as JSON, in the metadata of the stream."""
EXTENSIONS_NAMESPACE = "extproc.context_extensions"
"""The namespace of a route's metadata that holds its context extensions for ext_proc."""
ASKED = "x-extproc-asked"
"""Says that the filter's configuration asks for both."""
INITIAL_METADATA = {
    ASKED: "certificate, context-extensions",
    CERTIFICATE: "%DOWNSTREAM_PEER_CERT%",
    CONTEXT_EXTENSIONS: f"%METADATA(ROUTE:{EXTENSIONS_NAMESPACE})%",
}
"""``initial_metadata`` of the ext_proc filter's ``grpc_service``. Envoy leaves out what does not exist."""

UNSENT_WITHOUT = {
    PROTOCOL: "attributes.request.http.protocol",
    DESTINATION: "attributes.destination",
    SNI: "attributes.tlsSession",
    MTLS: "attributes.source.principal",
}
"""Attributes that Envoy always sends if it is asked for them, and the keys of policy's input that need them."""
CERTIFICATE_KEY = "attributes.source.certificate"
EXTENSIONS_KEY = "attributes.contextExtensions"
