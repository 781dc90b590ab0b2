"""Decodes ``ProcessingRequest`` messages into events.

Source: envoy/service/ext_proc/v3/external_processor.proto, Envoy 1.40.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value

from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.errors import ProtocolViolation
from extproc.wire.events import (
    Event,
    RequestBodyReceived,
    RequestHeadersReceived,
    RequestTrailersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)

ATTRIBUTES = "envoy.filters.http.ext_proc"
"""The key under which Envoy sends the configured attributes."""
FROM_UPSTREAM = "via_upstream"
"""``response.code_details`` of a response that came from the upstream; anything else is Envoy's own."""
METADATA_CACHE_SIZE = 256
"""Different metadata in the cache: about one for each caller."""
PSEUDO = {":method", ":scheme", ":authority", ":path", ":status"}


def decode(message: bytes) -> Event:
    """Read one message of the exchange.

    Raises:
        ProtocolViolation: the message is not a ``ProcessingRequest``, or has no known phase.
    """
    try:
        request = pb.ProcessingRequest.FromString(message)
    except DecodeError as error:
        raise ProtocolViolation("not a ProcessingRequest") from error
    match request.WhichOneof("request"):
        case "request_headers":
            return _request_headers(request)
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


def _request_headers(request: pb.ProcessingRequest) -> RequestHeadersReceived:
    part = request.request_headers
    pseudo, headers = _split(part.headers.headers)
    metadata = _metadata(request.metadata_context.SerializeToString())
    head = RequestHead(
        method=pseudo.get(":method", ""),
        scheme=pseudo.get(":scheme", ""),
        authority=pseudo.get(":authority", ""),
        path=pseudo.get(":path", ""),
        headers=headers,
        request_id=headers.get("x-request-id"),
        source=_text(_attributes(request), "source.address"),
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
    details = _text(attributes, "response.code_details")
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
        method=_text(attributes, "request.method"),
        scheme=_text(attributes, "request.scheme"),
        authority=_text(attributes, "request.host"),
        path=_text(attributes, "request.path"),
        headers=Headers(),
        request_id=_text(attributes, "request.id"),
        source=_text(attributes, "source.address"),
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


def _text(attributes: Mapping[str, Any], name: str) -> str:
    return attributes[name].string_value if name in attributes else ""


def plain(struct: Struct) -> dict[str, Any]:
    """Return a protobuf ``Struct`` as plain Python values; numbers stay doubles."""
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    return None if kind in {"null_value", None} else getattr(value, kind)
