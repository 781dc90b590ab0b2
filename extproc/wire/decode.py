"""Decodes ``ProcessingRequest`` messages into events.

Source: envoy/service/ext_proc/v3/external_processor.proto, Envoy 1.40.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf.message import DecodeError

from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.errors import ProtocolViolation
from extproc.wire.attribute_names import SOURCE
from extproc.wire.attributes import StreamMetadata, ext_proc_attributes, no_metadata, text_of
from extproc.wire.events import (
    Event,
    RequestBodyReceived,
    RequestHeadersReceived,
    RequestTrailersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)
from extproc.wire.struct import plain

ATTRIBUTES = "envoy.filters.http.ext_proc"
"""The key under which Envoy sends the configured attributes."""
FROM_UPSTREAM = "via_upstream"
"""``response.code_details`` of a response that came from the upstream; anything else is Envoy's own."""
METADATA_CACHE_SIZE = 256
"""Different metadata in the cache: about one for each caller."""
PSEUDO = {":method", ":scheme", ":authority", ":path", ":status"}


def decode(message: bytes, stream_metadata: StreamMetadata = no_metadata) -> Event:
    """Read one message of the exchange.

    Args:
        message: as it came.
        stream_metadata: returns the metadata with which Envoy opened the stream.

    Raises:
        ProtocolViolation: the message is not a ``ProcessingRequest``, or has no known phase.
    """
    try:
        request = pb.ProcessingRequest.FromString(message)
    except DecodeError as error:
        raise ProtocolViolation("not a ProcessingRequest") from error
    match request.WhichOneof("request"):
        case "request_headers":
            return _request_headers(request, stream_metadata)
        case "request_body":
            part = request.request_body
            return RequestBodyReceived(part.body, part.end_of_stream)
        case "request_trailers":
            return RequestTrailersReceived(_plain_headers(request.request_trailers.trailers.headers))
        case "response_headers":
            return _response_headers(request)
        case "response_body":
            part = request.response_body
            return ResponseBodyReceived(part.body, part.end_of_stream)
        case "response_trailers":
            return ResponseTrailersReceived(_plain_headers(request.response_trailers.trailers.headers))
        case _:
            raise ProtocolViolation("a ProcessingRequest without a known phase")


def _request_headers(request: pb.ProcessingRequest, stream_metadata: StreamMetadata) -> RequestHeadersReceived:
    part = request.request_headers
    pseudo, headers = _split(part.headers.headers)
    metadata = _metadata(request.metadata_context.SerializeToString())
    attributes = _attributes(request)
    head = RequestHead(
        method=pseudo.get(":method", ""),
        scheme=pseudo.get(":scheme", ""),
        authority=pseudo.get(":authority", ""),
        path=pseudo.get(":path", ""),
        headers=headers,
        request_id=headers.get("x-request-id"),
        source=text_of(attributes, SOURCE),
        attributes=ext_proc_attributes(attributes, stream_metadata),
    )
    return RequestHeadersReceived(head, part.end_of_stream, metadata)


@lru_cache(maxsize=METADATA_CACHE_SIZE)
def _metadata(context: bytes) -> Mapping[str, Mapping[str, Any]]:
    """Return a ``MetadataContext`` as plain values. Cached: a token's claims are the same in each of its calls."""
    found = Metadata.FromString(context).filter_metadata
    return {name: plain(value) for name, value in found.items()}


def _response_headers(request: pb.ProcessingRequest) -> ResponseHeadersReceived:
    part = request.response_headers
    pseudo, headers = _split(part.headers.headers)
    attributes = _attributes(request)
    details = text_of(attributes, "response.code_details")
    status = pseudo.get(":status", "")
    if not status.isascii() or not status.isdigit():
        raise ProtocolViolation("a response without a status")
    if details == FROM_UPSTREAM:
        return ResponseHeadersReceived(ResponseHead(int(status), headers), part.end_of_stream)
    return ResponseHeadersReceived(
        ResponseHead(int(status), headers, details), part.end_of_stream, _request_of(attributes)
    )


def _request_of(attributes: Mapping[str, Any]) -> RequestHead:
    """Return the request that Envoy answered itself, from its attributes."""
    return RequestHead(
        method=text_of(attributes, "request.method"),
        scheme=text_of(attributes, "request.scheme"),
        authority=text_of(attributes, "request.host"),
        path=text_of(attributes, "request.path"),
        headers=Headers(),
        request_id=text_of(attributes, "request.id"),
        source=text_of(attributes, SOURCE),
    )


def _split(fields: Iterable[Any]) -> tuple[dict[str, str], Headers]:
    """Separate pseudo-headers from the others. A pseudo-header that is given twice becomes empty."""
    pseudo: dict[str, str] = {}
    plain_fields: list[tuple[str, bytes]] = []
    for field in fields:
        name = field.key
        value = field.raw_value or field.value.encode()
        if name[:1] != ":":
            plain_fields.append((name, value))
        elif name in PSEUDO:
            pseudo[name] = "" if name in pseudo else value.decode("latin-1")
    return pseudo, Headers(tuple(plain_fields))


def _plain_headers(fields: Iterable[Any]) -> Headers:
    return Headers(tuple((field.key, field.raw_value or field.value.encode()) for field in fields))


def _attributes(request: pb.ProcessingRequest) -> Mapping[str, Any]:
    found = request.attributes.get(ATTRIBUTES) if ATTRIBUTES in request.attributes else None
    return found.fields if found is not None else {}
