"""The response: masked whole, or event by event, and nothing of it sent before that."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from extproc.codecs.content_encoding import decode as decode_content
from extproc.codecs.unreadable import Unreadable
from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.flow.case import Case
from extproc.flow.headers.binary_headers import mask_all_fields
from extproc.flow.request.bodies import mask_pieces
from extproc.flow.request.identify import EVERYTHING
from extproc.flow.request.rewrite import CALL_ID
from extproc.flow.request.sessions import SESSION_ID, bind_session
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.flow.response.response_policy import consider
from extproc.flow.response.tool_listing import NoListings, lists_tools, may_replay_listings, shown
from extproc.flow.services import Services
from extproc.masking.stream_masker import StreamMasker
from extproc.model.call import Headers, ResponseHead
from extproc.model.errors import MaskingError, ProtocolViolation, Refused, Undecodable
from extproc.model.masking import PASSED_UNMASKED, MaskRule
from extproc.model.reasons import Reason
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.protocols.strict_content_type import is_event_stream
from extproc.wire import encode
from extproc.wire.encode import HeaderEdits, as_headers
from extproc.wire.events import (
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)
from extproc.wire.peer import Peer

LENGTH_HEADERS = ("content-length",)
STALE_AFTER_REWRITE = ("content-encoding", "etag", "digest", "content-digest", "repr-digest", "content-md5")
"""Fields that describe bytes which are no longer the ones sent (RFC 9110 section 8, RFC 9530)."""


async def respond(peer: Peer, services: Services, case: Case) -> None:
    """Guard the response to a forwarded call, to its last byte.

    The call is completed just before the last message: Envoy ends the stream as soon as it has that, and the
    cancellation may come before ``send`` returns.

    Raises:
        Refused: it cannot be masked, and no byte of it has gone to the caller.
        MaskingError: it cannot be masked any further, and a part has gone: the stream must be broken off.
    """
    began = await peer.receive()
    if not isinstance(began, ResponseHeadersReceived):
        raise ProtocolViolation("expected response_headers")
    assert case.connection is not None  # noqa: S101 - identified before
    if began.head.local_reply:
        raise Refused(Reason.UPSTREAM_ERROR, rule="envoy", detail=began.head.local_reply)
    rules = _response_rules(case)
    if began.end_of_stream:
        rules += await consider(case, services, began.head)
        released = encode.release_headers(_edits(case, services, rules, began.head.headers))
        _complete(case, began.head.status, began.head.headers)
        await peer.send(released)
    elif _streams(case, services, began.head, rules):
        await _respond_streaming(peer, services, case, began, rules)
    else:
        await _respond_whole(peer, services, case, began, rules)


def _streams(case: Case, services: Services, head: ResponseHead, rules: tuple[MaskRule, ...]) -> bool:
    """Whether the response is masked piece by piece. Text of unknown length is, where nobody needs the whole."""
    assert case.connection is not None  # noqa: S101 - identified before
    if lists_tools(case) or case.connection.protocol.streams(head):
        return not lists_tools(case)
    asked = services.engine.response_interest is not ResponseInterest.NEVER or case.passes_unmasked
    if asked or any(rule.path == "$" or rule.listed for rule in rules):
        return False
    return case.connection.protocol.streams_text(head, whole=services.limits.response_body)


def _response_rules(case: Case) -> tuple[MaskRule, ...]:
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.decision is not None  # noqa: S101 - decided before
    rules = case.connection.mask.response + case.decision.mask.response
    return case.connection.protocol.response_rules(rules)


async def _respond_whole(
    peer: Peer, services: Services, case: Case, began: ResponseHeadersReceived, rules: tuple[MaskRule, ...]
) -> None:
    await peer.send(encode.AWAIT_RESPONSE_BODY)
    event = await peer.receive()
    if isinstance(event, ResponseTrailersReceived):
        # Envoy holds the headers back until here, but takes no edits of them any more.
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="trailers", detail="trailers without a body")
    if not isinstance(event, ResponseBodyReceived):
        raise ProtocolViolation("expected response_body")
    body = event.body
    plain = decoded(case, services, began.head.headers, body)
    rules += await consider(case, services, began.head, plain)
    if lists_tools(case):
        plain = await shown(case, services, began.head, plain)
    sent = mask_whole(case, services, began.head.headers, body, plain=plain, rules=rules)
    whole = None if sent == body else sent
    edits = _edits(case, services, rules, began.head.headers, rewritten=whole is not None)
    _remember(case, sent)
    if event.end_of_stream:
        case.completed(began.head.status)
    await peer.send(encode.release_body(edits, whole))
    if not event.end_of_stream:
        await _trailers(peer, services, case, rules, await peer.receive(), status=began.head.status)


def decoded(case: Case, services: Services, headers: Headers, body: bytes) -> bytes | None:
    """The body, content-encoding undone, without the credential; None where that cannot be, and may pass.

    The credential goes first: what a detector takes for an entity may be a part of it, and the rest would stay.

    Raises:
        Refused: with ``response-uninspectable``.
    """
    encoding = headers.get("content-encoding")
    limits = services.limits
    try:
        plain = decode_content(body, encoding, limit=limits.response_body, ratio=limits.decoded_ratio)
    except Unreadable as error:
        if case.passes_unmasked:
            return None
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="response", detail=error.kind.value) from error
    return case.redact_credential(plain)


def mask_whole(
    case: Case,
    services: Services,
    headers: Headers,
    body: bytes,
    *,
    plain: bytes | None,
    rules: tuple[MaskRule, ...],
) -> bytes:
    """The body to send to the caller.

    Args:
        case: the call.
        services: the worker's parts.
        headers: of the response.
        body: as it came.
        plain: what may be sent of it, as ``decoded`` gives it.
        rules: what to mask.

    Raises:
        Refused: with ``masking-failed``.
    """
    if plain is None:
        return _pass_unmasked(case, body)
    content_type = headers.get("content-type")
    try:
        masked = services.masker.mask(plain, content_type, rules)
    except Undecodable as error:
        if case.passes_unmasked:
            return _pass_unmasked(case, plain)
        raise Refused(Reason.MASKING_FAILED, rule="masking.response", detail=str(error)) from error
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.response", detail=str(error)) from error
    case.recorded.findings += masked.findings
    _record(case, services, masked.body, content_type, rules)
    return masked.body


def _pass_unmasked(case: Case, body: bytes) -> bytes:
    """Send what nobody could search, but for the credential where that stands in it as it is. Nothing is kept."""
    case.recorded.findings += (PASSED_UNMASKED,)
    return case.redact_credential(body)


def _record(case: Case, services: Services, sent: bytes, content_type: str, rules: tuple[MaskRule, ...]) -> None:
    """Keep the masked response. Where the plan leaves entities in it, the record masks those as well."""
    assert case.connection is not None  # noqa: S101 - identified before
    recording = case.connection.settings.recording
    if not recording.response:
        return
    if not any(rule.entity == "*" for rule in rules):
        try:
            sent = services.masker.mask(sent, content_type, EVERYTHING).body
        except MaskingError:
            sent = b""
    case.recorded.response = sent[: recording.max_text].decode("utf-8", "replace")


def _remember(case: Case, sent: bytes) -> None:
    case.recorded.response_bytes = len(sent)
    case.recorded.response_sha256 = hashlib.sha256(sent).hexdigest()


def _edits(
    case: Case, services: Services, rules: tuple[MaskRule, ...], headers: Headers, *, rewritten: bool = False
) -> HeaderEdits:
    """Mask header fields that carry text, and drop those that describe other bytes."""
    assert case.decision is not None  # noqa: S101 - decided before
    bound = bind_session(case, services, headers)
    if bound:
        headers = Headers(tuple(each for each in headers if each[0] != SESSION_ID))
    masked = _mask_fields(case, services, rules, headers)
    ours = ((CALL_ID, case.call_id.encode()), *as_headers(case.decision.headers.response))
    stale = STALE_AFTER_REWRITE if rewritten else ()
    return HeaderEdits(masked.set + bound + ours, masked.remove + stale, masked.add)


def _mask_fields(case: Case, services: Services, rules: tuple[MaskRule, ...], fields: Headers) -> HeaderEdits:
    """Mask header or trailer fields, and take the credential out of them.

    Raises:
        Refused: with ``masking-failed``.
    """
    try:
        edits, found = mask_all_fields(case, services, fields, rules, case.redact_credential)
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.headers", detail=str(error)) from error
    case.recorded.findings += found
    return edits


@dataclass(slots=True)
class _Stream:
    """A response under way, piece by piece."""

    masker: StreamMasker
    redact_credential: CredentialRedactor = NO_CREDENTIAL
    limit: int = 0
    """Bytes that may be held back."""
    held: bytearray = field(default_factory=bytearray)
    """An unfinished word, or line, which may hold a part of the credential."""
    sent: int = 0
    number: int = 0
    look: Callable[[bytes], None] | None = None
    """Looks at whole events before they go."""
    kept: ResponseExcerpt = field(default_factory=ResponseExcerpt)
    """For the record."""
    sha256: "hashlib._Hash" = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def feed(self, piece: bytes, *, last: bool) -> bytes:
        """What may go now. How the stream was cut makes no difference to all of it together.

        Raises:
            MaskingError: it cannot be masked, or a word is too long to be searched for the credential.
        """
        out = self.masker.feed(self._concealed(piece, last=last))
        if last:
            out += self.masker.finish()
        if self.look is not None:
            self.look(out)
        self.sent += len(out)
        self.sha256.update(out)
        self.kept.add(out, last=last)
        return out

    def end_without_body(self) -> None:
        """Trailers follow: Envoy takes no more of the body.

        Raises:
            MaskingError: a part of it is still held back.
        """
        if self.masker.finish() or self.held:
            raise MaskingError("trailers after a line without an end")

    def _concealed(self, piece: bytes, *, last: bool) -> bytes:
        """What is whole of it, without the credential."""
        if not self.redact_credential:
            return piece
        end = len(piece) if last else max(map(piece.rfind, self.redact_credential.ends)) + 1
        whole = bytes(self.held) + piece[:end] if end or last else b""
        if whole:
            self.held.clear()
        self.held += piece[end:]
        if len(self.held) > self.limit:
            raise MaskingError("a line is too-large to be searched for the credential")
        return self.redact_credential(whole)


async def _respond_streaming(
    peer: Peer, services: Services, case: Case, began: ResponseHeadersReceived, rules: tuple[MaskRule, ...]
) -> None:
    """Mask event by event, or text. A whole event goes at once; an unfinished one waits for its rest."""
    headers = began.head.headers
    if headers.get("content-encoding").lower() not in ("", "identity"):
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="response", detail="an encoded stream")
    assert case.connection is not None  # noqa: S101 - identified before
    recording = case.connection.settings.recording
    keep = recording.max_text if recording.response else 0
    rules += await consider(case, services, began.head, streamed=True)
    try:
        pieces = mask_pieces(case, services, headers, rules)
        stream = _Stream(
            pieces.masker,
            pieces.redact_credential,
            max(services.limits.event, services.limits.response_body),
            kept=ResponseExcerpt(pieces.kept_as, limit=keep, readable=pieces.readable),
        )
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.response", detail=str(error)) from error
    if may_replay_listings(case):
        if not is_event_stream(headers):
            raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail="not an event stream")
        stream.look = NoListings(limit=services.limits.event, max_depth=services.limits.json_depth).look
    edits = _edits(case, services, rules, headers)
    await peer.send(
        encode.begin_stream(replace(edits, remove=(*edits.remove, *LENGTH_HEADERS, *STALE_AFTER_REWRITE)))
    )
    try:
        await _pieces(peer, services, case, stream=stream, rules=rules, status=began.head.status)
    finally:
        case.recorded.findings += stream.masker.findings
        case.recorded.response_bytes = stream.sent
        case.recorded.response_sha256 = stream.sha256.hexdigest()
        _record(case, services, stream.kept.text(), pieces.kept_as, rules)


async def _pieces(
    peer: Peer, services: Services, case: Case, *, stream: _Stream, rules: tuple[MaskRule, ...], status: int
) -> None:
    while True:
        event = await peer.receive()
        if isinstance(event, ResponseTrailersReceived):
            stream.end_without_body()
            await _trailers(peer, services, case, rules, event, status=status)
            return
        if not isinstance(event, ResponseBodyReceived):
            raise ProtocolViolation("expected a piece of the response")
        out = stream.feed(event.body, last=event.end_of_stream)
        stream.number += 1
        if event.end_of_stream:
            _complete(case, status, Headers())
        await peer.send(encode.release_piece(stream.number, out, last=event.end_of_stream))
        if event.end_of_stream:
            return


def _complete(case: Case, status: int, last: Headers) -> None:
    """The call is over; its protocol may have said how in the last fields."""
    assert case.connection is not None  # noqa: S101 - identified before
    case.recorded.note = case.connection.protocol.ending(last) or case.recorded.note
    case.completed(status)


async def _trailers(
    peer: Peer, services: Services, case: Case, rules: tuple[MaskRule, ...], event: object, *, status: int
) -> None:
    if not isinstance(event, ResponseTrailersReceived):
        raise ProtocolViolation("expected response_trailers")
    released = encode.release_trailers(_mask_fields(case, services, rules, event.trailers))
    _complete(case, status, event.trailers)
    await peer.send(released)
