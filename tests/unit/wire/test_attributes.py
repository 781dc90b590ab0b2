"""Envoy's own facts, read from messages made by a second implementation (betterproto2)."""

import pytest
from envoy_data_plane.envoy.config.core.v3 import Address, Metadata, Pipe, SocketAddress
from envoy_data_plane.envoy.service.auth.v3 import (
    AttributeContext,
    AttributeContextHttpRequest,
    AttributeContextPeer,
    AttributeContextRequest,
    AttributeContextTlsSession,
    CheckRequest,
)
from envoy_data_plane.envoy.service.ext_proc.v3 import HttpHeaders, ProcessingRequest
from envoy_data_plane.google.protobuf import Struct, Value

from extproc.model.call import Attributes
from extproc.model.errors import ProtocolViolation
from extproc.policy.contract.connection_facts import CONNECTION_FACTS
from extproc.wire.decode import decode
from extproc.wire.ext_authz import decode_check

EXTENSIONS, ROUTE = "x-extproc-context-extensions", "x-extproc-route-metadata.my.route"
PEER = {
    "uri": "connection.uri_san_peer_certificate",
    "dns": "connection.dns_san_peer_certificate",
    "subject": "connection.subject_peer_certificate",
}


def over_ext_proc(metadata: dict[str, str | bytes] | None = None, **attributes: str) -> Attributes:
    fields = {PEER.get(name, name): Value(string_value=value) for name, value in attributes.items()}
    message = ProcessingRequest(
        request_headers=HttpHeaders(), attributes={"envoy.filters.http.ext_proc": Struct(fields=fields)}
    )
    return decode(bytes(message), lambda: tuple((metadata or {}).items())).head.attributes


def over_ext_authz(**parts: object):
    http = AttributeContextHttpRequest(protocol="HTTP/2", headers={"x-request-id": "r"}, id="7")
    request = AttributeContextRequest(http=http)
    return decode_check(bytes(CheckRequest(attributes=AttributeContext(request=request, **parts)))).head


@pytest.mark.parametrize(
    ("names", "principal"),
    [
        ({"uri": "spiffe://a", "dns": "b", "subject": "CN=c"}, "spiffe://a"),
        ({"uri": "", "dns": "b", "subject": "CN=c"}, "b"),
        ({"subject": "CN=c"}, "CN=c"),
        ({}, ""),
    ],
)
def test_the_first_name_of_the_certificate_is_the_principal(names, principal):
    """URI, DNS name, subject: the order of ext_authz."""
    assert over_ext_proc(**names).source_principal == principal


def test_metadata_of_the_stream_is_read():
    """Only the names that the filter sets; values may come as bytes."""
    found = over_ext_proc(
        {
            EXTENSIONS: '{"team":"réd"}'.encode(),
            ROUTE: '{"tier":1}',
            "x-extproc-peer-certificate": "-----BEGIN",
            "x-forwarded-for": "1.2.3.4",
        }
    )
    assert found.context_extensions == {"team": "réd"}
    assert found.route_metadata == {"my.route": {"tier": 1}}
    assert found.source_certificate == "-----BEGIN"
    assert over_ext_proc() == Attributes(unsent=CONNECTION_FACTS)


@pytest.mark.parametrize(
    "metadata", [{EXTENSIONS: "{"}, {EXTENSIONS: "[]"}, {EXTENSIONS: '{"a":1}'}, {ROUTE: "text"}]
)
def test_metadata_of_another_form_ends_the_call(metadata):
    """Left out, a rule that denies by it would not apply."""
    with pytest.raises(ProtocolViolation):
        over_ext_proc(metadata)


def test_a_check_says_the_same():
    """Other than ``source.service``, which Envoy copies from a request header."""
    peer = AttributeContextPeer(
        address=Address(socket_address=SocketAddress(address="::1", port_value=5)),
        principal="spiffe://a",
        certificate="-----BEGIN",
        service="forged",
    )
    head = over_ext_authz(
        source=peer,
        destination=AttributeContextPeer(address=Address(pipe=Pipe(path="/run/envoy.sock")), principal="me"),
        context_extensions={"team": "red"},
        tls_session=AttributeContextTlsSession(),
        route_metadata_context=Metadata(
            filter_metadata={"my.route": Struct(fields={"tier": Value(number_value=1)})}
        ),
    )
    assert head.source == "[::1]:5"
    assert head.attributes == Attributes(
        protocol="HTTP/2",
        destination="/run/envoy.sock",
        source_principal="spiffe://a",
        source_certificate="-----BEGIN",
        destination_principal="me",
        sni="",
        context_extensions={"team": "red"},
        route_metadata={"my.route": {"tier": 1.0}},
    )
    assert over_ext_authz().attributes == Attributes(protocol="HTTP/2")


def test_facts_that_the_filter_does_not_ask_for_are_named():
    """An answer without them would say that there are none."""
    asked = {"x-extproc-asked": "certificate, context-extensions"}
    always = {"request.protocol": "HTTP/2", "destination.address": "a:1", "connection.requested_server_name": ""}
    complete = always | {"connection.mtls": ""}
    assert over_ext_proc(asked, **complete).unsent == frozenset()
    assert over_ext_proc(**complete).unsent == {"attributes.source.certificate", "attributes.contextExtensions"}
    assert over_ext_proc(asked, **always).unsent == {"attributes.source.principal"}


def test_a_certificate_is_in_no_representation():
    """Which logs and errors may show."""
    assert "canary" not in repr(over_ext_proc({"x-extproc-peer-certificate": "canary"}))
