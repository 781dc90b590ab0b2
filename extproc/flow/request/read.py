"""Read a request whole, and undo its content-encoding. A decision needs all of it."""

import hashlib

from extproc.codecs.content_encoding import decode as decode_content
from extproc.codecs.unreadable import Unreadable
from extproc.flow.record.call_record import CallRecord
from extproc.flow.stages import Request
from extproc.model.call import RequestHead
from extproc.model.errors import ProtocolViolation, Refused
from extproc.model.reasons import Reason, Uninspectable
from extproc.settings.limits import LimitSettings
from extproc.wire import encode
from extproc.wire.events import (
    RequestBodyReceived,
    RequestHeadersReceived,
    RequestTrailersReceived,
    ResponseHeadersReceived,
)
from extproc.wire.ext_authz import CheckAsked
from extproc.wire.local_replies import REASONS
from extproc.wire.peer import Peer


async def read_request(
    peer: Peer, opened: RequestHeadersReceived, record: CallRecord, limits: LimitSettings
) -> Request:
    """Read the rest of the request that Envoy has opened.

    Raises:
        Refused: it has trailers, or does not come to its end.
    """
    if opened.end_of_stream:  # a content-encoding that it names is of no body
        return _request(opened, b"", record, limits, encoding="")
    received = await _receive_body(peer)
    request = _request(opened, received.body, record, limits, encoding=_encoding(opened.head))
    if not received.end_of_stream:
        raise Refused(Reason.UNINSPECTABLE, rule="request-trailers")
    return request


def read_check(asked: CheckAsked, record: CallRecord, limits: LimitSettings) -> Request:
    """Read a request that came whole, over ext_authz."""
    opened = RequestHeadersReceived(asked.head, end_of_stream=not asked.body, metadata=asked.metadata)
    cut = Uninspectable.TRUNCATED if asked.truncated else None
    encoding = _encoding(asked.head)
    return _request(opened, asked.body, record, limits, encoding=encoding, cut=cut, decide_only=True)


def _encoding(head: RequestHead) -> str:
    return head.headers.get("content-encoding")


async def _receive_body(peer: Peer) -> RequestBodyReceived:
    """Ask Envoy for the body.

    Raises:
        Refused: something else came.
    """
    await peer.send(encode.AWAIT_REQUEST_BODY)
    event = await peer.receive()
    match event:
        case RequestBodyReceived():
            return event
        case RequestTrailersReceived():
            raise Refused(Reason.UNINSPECTABLE, rule="request-trailers")
        case ResponseHeadersReceived(head=head):
            raise Refused(REASONS.get(head.local_reply, Reason.UPSTREAM_ERROR), "envoy", head.local_reply)
        case None:
            raise Refused(Reason.CALLER_GONE, "envoy", "the request was not sent to its end")
        case _:
            raise ProtocolViolation("expected request_body")


def _request(
    opened: RequestHeadersReceived,
    body: bytes,
    record: CallRecord,
    limits: LimitSettings,
    *,
    encoding: str,
    cut: Uninspectable | None = None,
    decide_only: bool = False,
) -> Request:
    """Undo the body's content-encoding. A body that cannot be decoded is a named fact, and no refusal yet.

    Nor is one that is too large, which is not decoded: once the call is known, ``identify`` refuses it.
    """
    sha256 = hashlib.sha256(body).digest()
    record.received(body, sha256)
    plain, unreadable, decoded = b"", cut, True
    too_large = len(body) > limits.request_body
    if too_large:
        plain, unreadable = body, Uninspectable.TOO_LARGE
    else:
        try:
            plain = decode_content(body, encoding, limit=limits.request_body, ratio=limits.decoded_ratio)
        except Unreadable as error:
            unreadable, decoded = cut or error.kind, False
    request = Request(
        call_id=record.call_id,
        started_ns=record.started_ns,
        head=opened.head,
        has_body=not opened.end_of_stream,
        body=body,
        sha256=sha256,
        plain=plain,
        decoded=decoded,
        unreadable=unreadable,
        too_large=too_large,
        metadata=opened.metadata,
        decide_only=decide_only,
    )
    record.read(request)
    return request
