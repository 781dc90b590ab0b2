"""The response: masked whole, or piece by piece, and nothing of it sent before it is masked.

Two failures are apart. Before the first byte has gone to the caller, ``Refused`` answers the caller. After it,
``ResponseBrokenOff`` breaks the stream off, so that the caller sees an incomplete response.
"""

from dataclasses import replace
from typing import NoReturn

from extproc.codecs.byte_range import is_part
from extproc.codecs.content_encoding import decode as decode_content
from extproc.codecs.unreadable import Unreadable
from extproc.flow.bodies import mask_pieces
from extproc.flow.headers.binary_headers import mask_all_fields
from extproc.flow.record.call_record import CallRecord
from extproc.flow.request.sessions import bind_session, holder_of
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.flow.response.fed import Fed, MaskedPieces, PieceFeeder
from extproc.flow.response.function_listing import cut_listing
from extproc.flow.response.guarded_events import GuardedEvents
from extproc.flow.response.responding import Responding, Rules
from extproc.flow.response.server_requests import decide_in_whole
from extproc.flow.response.stream import ResponseStream
from extproc.flow.response.token_end import TokenEnd, expired, token_end
from extproc.flow.services import Services
from extproc.flow.stages import PermittedCall
from extproc.masking.json.message_places import may_hold_encoded
from extproc.masking.stream_masker import Masked
from extproc.model.call import Headers
from extproc.model.decision import Decision
from extproc.model.errors import (
    CallerGone,
    MaskingError,
    ProtocolViolation,
    Refused,
    ResponseBrokenOff,
    Undecodable,
)
from extproc.model.masking import MASK_EVERYTHING, OF_PROTOCOL, PASSED_UNMASKED, masks_everything
from extproc.model.permit import HeaderEdits
from extproc.model.reasons import Reason
from extproc.model.reply import CALL_ID
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.protocols.streamed_event import ReadEvent
from extproc.protocols.strict_content_type import is_event_stream
from extproc.wire import encode
from extproc.wire.encode import as_headers
from extproc.wire.events import Event, ResponseBodyReceived, ResponseHeadersReceived, ResponseTrailersReceived
from extproc.wire.peer import Peer

LENGTH_HEADERS = ("content-length",)
STALE_AFTER_REWRITE = ("content-encoding", "etag", "digest", "content-digest", "repr-digest", "content-md5")
"""Fields that describe bytes which are no longer the ones sent (RFC 9110 section 8, RFC 9530)."""
NO_FIELDS = Headers()


async def respond(peer: Peer, services: Services, permitted: PermittedCall, record: CallRecord) -> None:
    """Guard the response to a forwarded call, to its last byte.

    Raises:
        Refused: it cannot be released, and no byte of it has gone to the caller.
        ResponseBrokenOff: it cannot be released any further, and a part has gone.
        CallerGone: Envoy closed its side before the end.
    """
    began = await _receive(peer)
    if not isinstance(began, ResponseHeadersReceived):
        raise ProtocolViolation("expected response_headers")
    if began.head.local_reply:
        raise Refused(Reason.UPSTREAM_ERROR, rule="envoy", detail=began.head.local_reply)
    response = Responding(peer, services, permitted, record, began.head)
    if began.end_of_stream:
        await _release_bodiless(response)
        return
    response.protocol.check_response(permitted.decided.call, began.head)
    if _streams(response):
        await _release_stream(response)
    else:
        await _release_whole(response)


async def _receive(peer: Peer, until: TokenEnd | None = None) -> Event:
    """Return the next event.

    Raises:
        CallerGone: there is none.
        ResponseBrokenOff: none came until the end that the caller's token sets.
    """
    event = await (until.receive(peer) if until else peer.receive())
    if event is None:
        raise CallerGone("Envoy closed the stream before the response's end")
    return event


def _streams(response: Responding) -> bool:
    """Return whether the response is masked piece by piece. Text is, where nobody needs the whole."""
    services, decided, protocol = response.services, response.permitted.decided, response.protocol
    if protocol.streams(response.head):
        return True
    if protocol.lists(response.answered):
        return False
    asked = services.engine.response_interest is not ResponseInterest.NEVER
    rules = response.rules(decided.decision)
    if asked or decided.passes_unmasked or any(rule.path == "$" or rule.listed for rule in rules):
        return False
    return protocol.streams_text(response.head, whole=services.limits.response_body)


async def _release_bodiless(response: Responding) -> None:
    decision = await response.decide()
    released = encode.release_headers(_edits(response, decision))
    response.complete(response.head.headers)
    await response.peer.send(released)


# A whole response.


async def _release_whole(response: Responding) -> None:
    """Mask a response whole. Trailers may follow it; by then the body has gone."""
    peer, record, head = response.peer, response.record, response.head
    received = await _receive_body(peer)
    plain = _decoded(response, received.body)
    decision = await response.decide(plain)
    rules = response.rules(decision) + await decide_in_whole(response, plain)
    if response.protocol.lists(response.answered):
        plain = await cut_listing(response.permitted.decided, response.services, record, head, plain)
    sent = _masked_body(response, received.body, plain, rules)
    whole = None if sent == received.body else sent
    edits = _edits(response, decision, rewritten=whole is not None)
    record.sent_whole(sent)
    if received.end_of_stream:
        record.completed(head.status)
        await peer.send(encode.release_body(edits, whole))
        return
    record.began_response(head.status)
    await peer.send(encode.release_body(edits, whole))
    await _release_trailers(response, decision, await _receive(peer))


async def _receive_body(peer: Peer) -> ResponseBodyReceived:
    await peer.send(encode.AWAIT_RESPONSE_BODY)
    event = await _receive(peer)
    if isinstance(event, ResponseTrailersReceived):
        # Envoy holds the headers back until here, but takes no edits of them any more.
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="trailers", detail="trailers without a body")
    if not isinstance(event, ResponseBodyReceived):
        raise ProtocolViolation("expected response_body")
    return event


def _decoded(response: Responding, body: bytes) -> bytes | None:
    """Return the decoded body with the backend's credential removed.

    The credential goes first: an entity that a detector finds may be a part of it, and the rest would stay.

    Returns:
        None if it cannot be decoded and the connection lets undecodable bodies through.

    Raises:
        Refused: with ``response-uninspectable``.
    """
    encoding, limits = response.head.headers.get("content-encoding"), response.services.limits
    try:
        plain = decode_content(body, encoding, limit=limits.response_body, ratio=limits.decoded_ratio)
    except Unreadable as error:
        if response.permitted.decided.passes_unmasked:
            return None
        raise Refused(
            Reason.RESPONSE_UNINSPECTABLE, rule="response", detail=f"{error.kind}: {error.remedy}"
        ) from error
    return response.permitted.redact_credential(plain)


def _masked_body(response: Responding, body: bytes, plain: bytes | None, rules: Rules) -> bytes:
    """Return the body to send to the caller, and keep the excerpt of it that is recorded.

    Raises:
        Refused: with ``masking-failed``, or ``response-uninspectable`` for a part of a document.
    """
    if plain is None:
        return _passed_unmasked(response, body)
    if rules and is_part(response.head):
        _check_part_may_pass(response)
        return _passed_unmasked(response, plain)
    content_type = response.permitted.decided.connection.masked_as(response.head.headers.get("content-type"))
    try:
        binary_parts = response.permitted.decided.passes_binary_parts
        masked = response.services.masker.mask(
            plain, content_type, rules, binary_parts=binary_parts, shape=response.shape
        )
    except Undecodable as error:
        if response.permitted.decided.passes_unmasked:
            return _passed_unmasked(response, plain)
        raise _masking_failed("masking.response", error) from error
    except MaskingError as error:
        raise _masking_failed("masking.response", error) from error
    response.record.found_in_response(masked.findings)
    if not any(each.entity == PASSED_UNMASKED.entity for each in masked.findings):
        _keep(response, masked, content_type, rules)
    return masked.body


def _check_part_may_pass(response: Responding) -> None:
    """Let a part of a document pass unmasked only where the connection says so.

    What tells of a value, or a part of the value itself, may be in another part.

    Raises:
        Refused: with ``response-uninspectable``.
    """
    if not response.permitted.decided.passes_unmasked:
        raise Refused(
            Reason.RESPONSE_UNINSPECTABLE, rule="response", detail="a part of a document: ask for all of it"
        )


def _passed_unmasked(response: Responding, body: bytes) -> bytes:
    """Return a body that could not be searched, but for the credential where that stands in it as it is.

    Nothing of it is recorded.
    """
    response.record.found_in_response((PASSED_UNMASKED,))
    return response.permitted.redact_credential(body)


def _keep(response: Responding, masked: Masked, content_type: str, rules: Rules) -> None:
    """Keep the masked response. Where the plan or a message's shape leaves values in it, the record masks them."""
    recording = response.permitted.decided.connection.settings.recording
    if not recording.response:
        return
    sent, shape = masked.body, response.shape.for_records() if response.shape else None
    if not masks_everything(rules) or (shape and _leaves_values(masked)):
        try:
            rules = MASK_EVERYTHING + response.kept_rules
            sent = response.services.masker.mask(sent, content_type, rules, shape=shape).body
        except MaskingError:
            sent = b""
    response.record.kept_of_response(sent[: recording.max_text].decode("utf-8", "replace"))


def _leaves_values(masked: Masked) -> bool:
    """Return whether a body may have values that its messages' shape let pass, or blobs."""
    passed = any(each.how == OF_PROTOCOL for each in masked.findings)
    return passed or may_hold_encoded(masked.body.decode("utf-8", "replace"))


# A stream.


async def _release_stream(response: Responding) -> None:
    """Mask event by event, or text. A whole event goes at once; an unfinished one waits for its rest."""
    head, record = response.head, response.record
    if head.headers.get("content-encoding").lower() not in ("", "identity"):
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="response", detail="an encoded stream")
    read = response.protocol.event_reader(response.answered, head)
    decision = await response.decide(streamed=True) if read is None else response.permitted.decided.decision
    rules = response.rules(decision)
    if rules and is_part(head):
        _check_part_may_pass(response)
    try:
        stream = _stream(response, rules, read)
    except MaskingError as error:
        raise _masking_failed("masking.response", error) from error
    edits = _edits(response, decision)
    edits = replace(edits, remove=(*edits.remove, *LENGTH_HEADERS, *STALE_AFTER_REWRITE))
    record.began_response(head.status)
    await response.peer.send(encode.begin_stream(edits))
    try:
        await _release_pieces(response, decision, stream)
    except MaskingError as error:
        raise ResponseBrokenOff(str(error)) from error
    finally:
        record.found_in_response(stream.feeder.findings)
        record.sent(stream.sent, stream.sha256)
        kept = Masked(stream.excerpt.text(), stream.feeder.findings)
        _keep(response, kept, stream.excerpt.content_type, rules)


def _stream(response: Responding, rules: Rules, read: ReadEvent | None) -> ResponseStream:
    """Begin a stream.

    Raises:
        MaskingError: a rule that cannot be applied, or a body that cannot be read.
    """
    limits, permitted = response.services.limits, response.permitted
    recording = permitted.decided.connection.settings.recording
    kept = recording.max_text if recording.response else 0
    feeder: PieceFeeder
    if read is None:
        pieces = mask_pieces(permitted, response.services, response.head.headers, rules)
        feeder, redact = MaskedPieces(pieces.masker), pieces.redact_credential
        excerpt = ResponseExcerpt(pieces.kept_as, limit=kept, readable=pieces.readable)
    else:
        holder = holder_of(permitted.decided.identified, response.head.headers, response.services)
        feeder, redact = GuardedEvents(response, read, rules, holder), permitted.redact_credential
        excerpt = ResponseExcerpt(response.head.headers.get("content-type"), limit=kept)
    return ResponseStream(feeder, redact, max(limits.event, limits.response_body), excerpt)


async def _release_pieces(response: Responding, decision: Decision, stream: ResponseStream) -> None:
    """Release piece after piece.

    Raises:
        MaskingError: a part that is held back cannot be masked.
        ResponseBrokenOff: the stream must end here.
    """
    until = token_end(response) if is_event_stream(response.head.headers) else None
    while True:
        event = await _receive(response.peer, until)
        if isinstance(event, ResponseTrailersReceived):
            stream.end_without_body()
            await _release_trailers(response, decision, event)
            return
        if not isinstance(event, ResponseBodyReceived):
            raise ProtocolViolation("expected a piece of the response")
        if until and until.is_over and event.body:
            fed = Fed(b"", expired())
        else:
            fed = await stream.feed(event.body, last=event.end_of_stream)
        if fed.broken:
            await _break_off(response, stream, fed.out, fed.broken, last=event.end_of_stream)
        stream.goes(fed.out, last=event.end_of_stream)
        if event.end_of_stream or fed.has_answer:
            response.complete(NO_FIELDS)
        await response.peer.send(encode.release_piece(stream.pieces, fed.out, last=event.end_of_stream))
        if event.end_of_stream:
            return


async def _break_off(
    response: Responding, stream: ResponseStream, out: bytes, broken: ResponseBrokenOff, *, last: bool
) -> NoReturn:
    """Send what may still go, and what the protocol tells the caller of a broken stream, and end it.

    Raises:
        ResponseBrokenOff: always.
    """
    response.record.broke_off(broken)
    out += response.protocol.last_piece(response.answered, response.head, broken.reason)
    if out:
        stream.goes(out, last=True)
        await response.peer.send(encode.release_piece(stream.pieces, out, last=last))
    raise broken


# Header and trailer fields.


def _edits(response: Responding, decision: Decision, *, rewritten: bool = False) -> HeaderEdits:
    """Mask the response's header fields, and drop those that describe other bytes.

    Raises:
        Refused: with ``masking-failed``.
    """
    identified, fields = response.permitted.decided.identified, response.head.headers
    bound = bind_session(fields, identified, response.services)
    if bound:
        session_field = identified.connection.protocol.session_field
        fields = Headers(tuple(each for each in fields if each[0] != session_field))
    try:
        masked = _masked_fields(response, decision, fields)
    except MaskingError as error:
        raise _masking_failed("masking.headers", error) from error
    ours = ((CALL_ID, identified.request.call_id.encode()),)
    stale = STALE_AFTER_REWRITE if rewritten else ()
    added = masked.add + as_headers(decision.headers.response)
    return HeaderEdits(masked.set + bound + ours, masked.remove + stale, added)


async def _release_trailers(response: Responding, decision: Decision, event: Event) -> None:
    """Mask the trailers, which end the call. The body has gone by now.

    Raises:
        ResponseBrokenOff: they cannot be masked.
    """
    if not isinstance(event, ResponseTrailersReceived):
        raise ProtocolViolation("expected response_trailers")
    try:
        edits = _masked_fields(response, decision, event.trailers)
    except MaskingError as error:
        raise ResponseBrokenOff(str(error)) from error
    response.complete(event.trailers)
    await response.peer.send(encode.release_trailers(edits))


def _masked_fields(response: Responding, decision: Decision, fields: Headers) -> HeaderEdits:
    """Mask header or trailer fields, and take the credential out of them.

    Raises:
        MaskingError: they cannot be masked.
    """
    permitted = response.permitted
    kinds = permitted.decided.connection.protocol.binary_fields(permitted.decided.call, fields)
    edits, found = mask_all_fields(
        response.services.masker, fields, kinds, response.rules(decision), permitted.redact_credential
    )
    response.record.found_in_response(found)
    return edits


def _masking_failed(rule: str, error: MaskingError) -> Refused:
    return Refused(Reason.MASKING_FAILED, rule=rule, detail=str(error))
