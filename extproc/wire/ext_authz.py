"""Decodes ``CheckRequest`` and encodes ``CheckResponse`` of the ext_authz service.

Source: envoy/service/auth/v3/external_auth.proto, Envoy 1.40. An empty ``CheckResponse`` means *allow*, so
each answer here sets its status explicitly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envoy.service.auth.v3 import external_auth_pb2 as pb
from envoy.service.auth.v3.attribute_context_pb2 import AttributeContext
from google.protobuf.message import DecodeError

from extproc.model.call import Headers, RequestHead
from extproc.model.errors import ProtocolViolation
from extproc.model.permit import Permit
from extproc.model.reply import Reply
from extproc.wire.attributes import address_text, check_attributes
from extproc.wire.encode import APPEND, DONE, GUARD, OVERWRITE
from extproc.wire.events import Metadata
from extproc.wire.struct import plain

PERMISSION_DENIED = 7
"""A value of ``google.rpc.Code``."""
DECISION_ID = "decision_id"
"""opa-envoy-plugin's key; its value here is the call's id."""
PARTIAL_BODY = "x-envoy-auth-partial-body"


@dataclass(frozen=True, slots=True)
class CheckAsked:
    """Envoy asked for a decision about one whole request."""

    head: RequestHead
    body: bytes
    truncated: bool
    """True if Envoy cut the body: it must not be decided as if it were whole."""
    metadata: Metadata


def decode_check(message: bytes) -> CheckAsked:
    """Read a ``CheckRequest``.

    Raises:
        ProtocolViolation: the message cannot be parsed, or has no HTTP request.
    """
    try:
        request = pb.CheckRequest.FromString(message)
    except DecodeError as error:
        raise ProtocolViolation("not a CheckRequest") from error
    if not request.attributes.request.HasField("http"):
        raise ProtocolViolation("a CheckRequest without an HTTP request")
    http = request.attributes.request.http
    headers = _headers(http)
    head = RequestHead(
        method=http.method,
        scheme=http.scheme,
        authority=http.host,
        path=http.path,
        headers=headers,
        request_id=headers.get("x-request-id"),
        source=address_text(request.attributes.source.address),
        attributes=check_attributes(request.attributes),
    )
    metadata = {name: plain(value) for name, value in request.attributes.metadata_context.filter_metadata.items()}
    body = http.raw_body or http.body.encode()
    return CheckAsked(head, body, headers.get(PARTIAL_BODY) not in ("", "false"), metadata)


def _headers(http: AttributeContext.HttpRequest) -> Headers:
    """Return raw and repeated fields if Envoy sends them (``encode_raw_headers``), joined ones otherwise."""
    if http.header_map.headers:
        fields = ((field.key, field.raw_value or field.value.encode()) for field in http.header_map.headers)
    else:
        fields = ((name, value.encode()) for name, value in http.headers.items())
    return Headers(tuple((name, value) for name, value in fields if name[:1] != ":"))


def allow(permit: Permit, *, now_ns: int) -> bytes:
    """Let the request go upstream, marked for the second line of defence.

    Args:
        permit: the permission, and the edits that go with it.
        now_ns: wall-clock nanoseconds.

    Raises:
        ProtocolViolation: the permit has expired, or asks for an edit that this service cannot make.
    """
    permit.check(now_ns)
    going = permit.forwarding
    if going.body is not None:
        raise ProtocolViolation("ext_authz cannot replace a body")
    answer = pb.CheckResponse()
    answer.status.SetInParent()
    ok = answer.ok_response
    for name, value in going.edits.set:
        ok.headers.add(header={"key": name, "value": _text(value)}, append_action=OVERWRITE)
    ok.headers_to_remove.extend(going.edits.remove)
    for name, value in going.response_headers:
        ok.response_headers_to_add.add(header={"key": name, "value": _text(value)}, append_action=APPEND)
    _add_metadata(answer, going.metadata, permit.call_id)
    answer.dynamic_metadata.fields[GUARD].string_value = DONE
    encoded: bytes = answer.SerializeToString()
    return encoded


def _text(value: bytes) -> str:
    """Return a field's value as text: Envoy's ext_authz filter ignores ``raw_value`` and would set nothing."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("a header value that is not UTF-8 cannot be set here") from None


def _add_metadata(answer: pb.CheckResponse, metadata: Mapping[str, Any] | None, decision_id: str) -> None:
    if metadata:
        answer.dynamic_metadata.update(dict(metadata))
    answer.dynamic_metadata.fields[DECISION_ID].string_value = decision_id


def deny(reply: Reply, metadata: Mapping[str, Any] | None = None, decision_id: str = "") -> bytes:
    """Refuse the request, and give the caller this answer.

    Args:
        reply: the caller's answer.
        metadata: policy's metadata for Envoy's access log.
        decision_id: of the decision, for the same log.
    """
    answer = pb.CheckResponse()
    answer.status.code = PERMISSION_DENIED
    answer.denied_response.status.code = reply.status
    answer.denied_response.body = reply.body.decode()
    _add_metadata(answer, metadata, decision_id)
    for name, value in reply.headers:  # Envoy adds each, whatever the action
        answer.denied_response.headers.add(header={"key": name, "value": value}, append_action=APPEND)
    encoded: bytes = answer.SerializeToString()
    return encoded
