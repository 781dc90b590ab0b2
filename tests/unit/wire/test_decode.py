"""Messages are made by a second implementation (betterproto2), so that a shared mistake shows."""

import pytest
from envoy_data_plane.envoy.config.core.v3 import HeaderMap, HeaderValue, Metadata
from envoy_data_plane.envoy.service.ext_proc.v3 import (
    HttpBody,
    HttpHeaders,
    HttpTrailers,
    ProcessingRequest,
)
from envoy_data_plane.google.protobuf import ListValue, Struct, Value

from extproc.model.errors import ProtocolViolation
from extproc.wire.decode import decode
from extproc.wire.events import (
    RequestBodyReceived,
    RequestHeadersReceived,
    RequestTrailersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)


def header_map(*pairs):
    return HeaderMap(headers=[HeaderValue(key=name, raw_value=value) for name, value in pairs])


REQUEST = header_map(
    (":method", b"POST"),
    (":scheme", b"http"),
    (":authority", b"crm.internal"),
    (":path", b"/customers/7?full=1"),
    ("x-request-id", b"11111111-2222-4333-8444-555555555555"),
    ("accept", b"a"),
    ("accept", b"b"),
    ("x-raw", b"\xff\xfe"),
)


def text(value):
    return Value(string_value=value)


def test_request_headers_become_a_head_and_metadata():
    """Pseudo-headers are apart, repeated fields are kept, raw bytes survive, metadata is plain Python."""
    claims = Struct(
        fields={
            "sub": text("alice"),
            "exp": Value(number_value=7.0),
            "groups": Value(list_value=ListValue(values=[text("sre")])),
            "flag": Value(bool_value=True),
        }
    )
    message = ProcessingRequest(
        request_headers=HttpHeaders(headers=REQUEST, end_of_stream=True),
        metadata_context=Metadata(filter_metadata={"jwt": Struct(fields={"claims": Value(struct_value=claims)})}),
        attributes={"envoy.filters.http.ext_proc": Struct(fields={"source.address": text("127.0.0.1:5")})},
    )
    event = decode(bytes(message))
    assert isinstance(event, RequestHeadersReceived)
    assert event.end_of_stream
    head = event.head
    assert (head.method, head.authority, head.path) == ("POST", "crm.internal", "/customers/7?full=1")
    assert (head.path_only, head.query, head.source) == ("/customers/7", "full=1", "127.0.0.1:5")
    assert head.request_id == "11111111-2222-4333-8444-555555555555"
    assert head.headers.raw("accept") == b"a,b"
    assert head.headers.raw("x-raw") == b"\xff\xfe"
    assert ":path" not in head.headers
    assert event.metadata == {"jwt": {"claims": {"sub": "alice", "exp": 7.0, "groups": ["sre"], "flag": True}}}


def test_a_pseudo_header_given_twice_is_ignored():
    """Two authorities leave none, so no connection matches."""
    twice = header_map((":authority", b"a"), (":authority", b"b"), (":path", b"/"))
    event = decode(bytes(ProcessingRequest(request_headers=HttpHeaders(headers=twice))))
    assert event.head.authority == ""


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (ProcessingRequest(request_body=HttpBody(body=b"x", end_of_stream=True)), RequestBodyReceived),
        (ProcessingRequest(request_trailers=HttpTrailers()), RequestTrailersReceived),
        (ProcessingRequest(response_body=HttpBody(body=b"x")), ResponseBodyReceived),
        (ProcessingRequest(response_trailers=HttpTrailers()), ResponseTrailersReceived),
    ],
)
def test_each_phase_has_its_event(message, kind):
    """Each phase is told from the others."""
    assert isinstance(decode(bytes(message)), kind)


@pytest.mark.parametrize(("details", "local"), [("via_upstream", ""), ("jwt_authn_access_denied{x}", None)])
def test_a_local_reply_is_told_from_the_upstreams(details, local):
    """Only ``via_upstream`` is the upstream's."""
    message = ProcessingRequest(
        response_headers=HttpHeaders(headers=header_map((":status", b"401"))),
        attributes={"envoy.filters.http.ext_proc": Struct(fields={"response.code_details": text(details)})},
    )
    event = decode(bytes(message))
    assert isinstance(event, ResponseHeadersReceived)
    assert event.head.status == 401
    assert event.head.local_reply == (details if local is None else local)


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xff\xff",
        b"",
        bytes(ProcessingRequest()),
        bytes(ProcessingRequest(response_headers=HttpHeaders(headers=header_map((":status", b"abc"))))),
        bytes(ProcessingRequest(response_headers=HttpHeaders())),
    ],
)
def test_junk_is_a_named_error(junk):
    """Nothing but ProtocolViolation comes out, and it is never taken for an event."""
    with pytest.raises(ProtocolViolation):
        decode(junk)
