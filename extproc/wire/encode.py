"""Encodes the guard's answers as ``ProcessingResponse``. A request goes upstream with a ``Permit`` only.

Each phase has its marker, listed in ``docs/reference/envoy.md``: Envoy's second lines of defence let nothing out
that does not carry it.

Source: envoy/service/ext_proc/v3/external_processor.proto, Envoy 1.40. Field 11 of ``ProcessingResponse`` has
another meaning in xds-protos 1.85 and is never set.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from extproc.model.permit import HeaderEdits, Permit
from extproc.model.reply import Reply

GUARD = "guard"
"""Namespace of the markers, the only one that Envoy accepts from the guard (``receiving_namespaces``)."""
POLICY = "policy"
"""Key of policy's metadata in that namespace."""
IF_CUT_OFF = "cut_off"
"""Key of the answer with which Envoy ends a call by itself."""
DONE = "done"
STREAM_BEGUN = "hdr"
OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
APPEND = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD


def _marker(**values: str) -> Struct:
    struct = Struct()
    fields = struct.fields[GUARD].struct_value.fields
    for key, value in values.items():
        fields[key].string_value = value
    return struct


def _with_policy_metadata(marker: Struct, metadata: Mapping[str, Any] | None) -> Struct:
    """Add policy's metadata under its own key, where it cannot replace a marker."""
    if metadata:
        marker.fields[GUARD].struct_value.fields[POLICY].struct_value.update(dict(metadata))
    return marker


_RESPONSE_DONE = _marker(resp=DONE)
_TRAILERS_DONE = _marker(resp=DONE, trailers=DONE)
"""Without ``trailers`` Envoy's second line of defence drops them."""
_STREAM_BEGUN = _marker(resp=STREAM_BEGUN)


def _request_done(permit: Permit) -> Struct:
    """Return the request marker: the call's id for Envoy's access log, Envoy's own answer, policy's metadata."""
    going = permit.forwarding
    answer = {IF_CUT_OFF: going.if_cut_off} if going.if_cut_off else {}
    return _with_policy_metadata(_marker(req=DONE, call=permit.call_id, **answer), going.metadata)


AWAIT_REQUEST_BODY: bytes = pb.ProcessingResponse(request_headers=pb.HeadersResponse()).SerializeToString()
"""Answers request_headers if more follows. It has no marker, so nothing goes upstream because of it."""
AWAIT_RESPONSE_BODY: bytes = pb.ProcessingResponse(response_headers=pb.HeadersResponse()).SerializeToString()
"""Answers response_headers if a buffered body follows. It has no marker, so no byte goes to the caller."""


def hold(seconds: float) -> bytes:
    """Make Envoy wait longer for the answer. Once for each message; Envoy ignores a second one."""
    response = pb.ProcessingResponse()
    response.override_message_timeout.FromMilliseconds(int(seconds * 1000))
    encoded: bytes = response.SerializeToString()
    return encoded


def forward(permit: Permit, *, now_ns: int) -> bytes:
    """Let a request go upstream (answers request_headers, or request_body where there is a body).

    Args:
        permit: the permission, and all that goes.
        now_ns: wall-clock nanoseconds.

    Raises:
        ProtocolViolation: the permit has expired.
    """
    permit.check(now_ns)
    going = permit.forwarding
    response = pb.ProcessingResponse()
    answer = response.request_body if going.has_body else response.request_headers
    answer.SetInParent()
    _edit(answer.response, going.edits)
    if going.body is not None:
        _replace_body(answer.response, going.body)
    return _marked(_request_done(permit), response)


def release_headers(edits: HeaderEdits) -> bytes:
    """Let a response without a body go to the caller (answers response_headers)."""
    response = pb.ProcessingResponse()
    response.response_headers.SetInParent()  # without any edit the answer would be empty
    _edit(response.response_headers.response, edits)
    return _marked(_RESPONSE_DONE, response)


def release_body(edits: HeaderEdits, body: bytes | None) -> bytes:
    """Let a whole response go to the caller; with ``body`` None unchanged (answers response_body)."""
    response = pb.ProcessingResponse()
    response.response_body.SetInParent()
    common = response.response_body.response
    _edit(common, edits)
    if body is not None:
        _replace_body(common, body)
    return _marked(_RESPONSE_DONE, response)


def release_trailers(edits: HeaderEdits) -> bytes:
    """Let trailers go to the caller (answers response_trailers)."""
    response = pb.ProcessingResponse()
    _mutate(response.response_trailers.header_mutation, edits)
    return _marked(_TRAILERS_DONE, response)


def begin_stream(edits: HeaderEdits) -> bytes:
    """Let response headers go, and have the body sent piece by piece (answers response_headers).

    The static mode is BUFFERED: if Envoy refused STREAMED, the body would be masked as a whole.
    """
    response = pb.ProcessingResponse()
    _edit(response.response_headers.response, edits)
    mode = response.mode_override
    mode.request_header_mode = ProcessingMode.SEND
    mode.request_body_mode = ProcessingMode.BUFFERED
    mode.request_trailer_mode = ProcessingMode.SEND
    mode.response_header_mode = ProcessingMode.SEND
    mode.response_body_mode = ProcessingMode.STREAMED
    mode.response_trailer_mode = ProcessingMode.SEND
    return _marked(_STREAM_BEGUN, response)


def release_piece(number: int, piece: bytes, *, last: bool) -> bytes:
    """Let one piece of a stream go; an empty one withholds Envoy's piece (answers response_body).

    Args:
        number: of the piece within its stream: Envoy blanks a piece whose marker did not change.
        piece: the masked bytes.
        last: only trailers can follow; the exchange is complete.
    """
    response = pb.ProcessingResponse()
    mutation = response.response_body.response.body_mutation
    if piece:
        mutation.body = piece
    else:
        mutation.clear_body = True
    return _marked(_RESPONSE_DONE if last else _marker(resp=str(number)), response)


def refuse(reply: Reply, metadata: Mapping[str, Any] | None = None) -> bytes:
    """Answer the caller in the backend's place. Nothing goes upstream, and no upstream byte to the caller."""
    response = pb.ProcessingResponse()
    immediate = response.immediate_response
    immediate.status.code = reply.status
    immediate.body = reply.body
    immediate.details = "extproc"
    if reply.headers:
        _mutate(immediate.headers, _own_fields(reply.headers))
    return _marked(_with_policy_metadata(_marker(resp=DONE), metadata), response)


def _own_fields(fields: Iterable[tuple[str, str]]) -> HeaderEdits:
    """Return the edits for an answer: the first field of a name replaces Envoy's, further ones go beside it."""
    first: dict[str, bytes] = {}
    further = []
    for name, value in as_headers(fields):
        if name in first:
            further.append((name, value))
        else:
            first[name] = value
    return HeaderEdits(tuple(first.items()), (), tuple(further))


def _marked(marker: Struct, response: pb.ProcessingResponse) -> bytes:
    response.dynamic_metadata.CopyFrom(marker)
    encoded: bytes = response.SerializeToString()
    return encoded


def _edit(common: pb.CommonResponse, edits: HeaderEdits) -> None:
    if edits.set or edits.remove:
        _mutate(common.header_mutation, edits)


def _mutate(mutation: pb.HeaderMutation, edits: HeaderEdits) -> None:
    mutation.SetInParent()
    for name, value in edits.set:
        _set(mutation, name, value)
    for name, value in edits.add:
        added = mutation.set_headers.add(header={"key": name, "raw_value": value}, append_action=APPEND)
        added.append.value = True  # deprecated, and what Envoy 1.40 goes by here
    mutation.remove_headers.extend(edits.remove)


def _set(mutation: pb.HeaderMutation, name: str, value: bytes) -> None:
    option = mutation.set_headers.add()
    option.append_action = OVERWRITE
    option.header.key = name
    option.header.raw_value = value


def _replace_body(common: pb.CommonResponse, body: bytes) -> None:
    """Replace the body and its content-length (Envoy answers 500 to a stale one)."""
    if body:
        common.body_mutation.body = body
    else:
        common.body_mutation.clear_body = True
    _set(common.header_mutation, "content-length", str(len(body)).encode())


def as_headers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, bytes], ...]:
    """Return text pairs as header fields, in UTF-8."""
    return tuple((name, value.encode()) for name, value in pairs)
