"""Events of an exchange with Envoy. Their names are in the past tense: each is a fact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from extproc.model.call import Headers, RequestHead, ResponseHead

Metadata: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Dynamic metadata by filter namespace, numbers as doubles (protobuf ``Struct``)."""

NO_REQUEST = RequestHead(method="", scheme="", authority="", path="", headers=Headers())


@dataclass(frozen=True, slots=True)
class RequestHeadersReceived:
    """The first message of a call."""

    head: RequestHead
    end_of_stream: bool
    """True if neither a body nor trailers follow."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestBodyReceived:
    """The whole request body (static mode BUFFERED)."""

    body: bytes
    end_of_stream: bool
    """False when trailers follow."""


@dataclass(frozen=True, slots=True)
class RequestTrailersReceived:
    """Trailers of the request."""

    trailers: Headers


@dataclass(frozen=True, slots=True)
class ResponseHeadersReceived:
    """The response began. As the first message of a stream: Envoy answered without asking the guard."""

    head: ResponseHead
    end_of_stream: bool
    request: RequestHead = NO_REQUEST
    """The request that Envoy answered itself, from Envoy's attributes."""


@dataclass(frozen=True, slots=True)
class ResponseBodyReceived:
    """The whole body (BUFFERED), or the next piece of it (STREAMED)."""

    body: bytes
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class ResponseTrailersReceived:
    """Trailers of the response."""

    trailers: Headers


Event: TypeAlias = (
    RequestHeadersReceived
    | RequestBodyReceived
    | RequestTrailersReceived
    | ResponseHeadersReceived
    | ResponseBodyReceived
    | ResponseTrailersReceived
)
