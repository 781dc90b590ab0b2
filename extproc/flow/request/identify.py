"""Identify the caller and the call, and find sensitive data in it: the same way for ext_proc and ext_authz."""

from dataclasses import replace

from extproc.flow.bodies import find_in_body
from extproc.flow.record.call_record import CallRecord
from extproc.flow.record.masked_request import recorded_session
from extproc.flow.request.find_masked_values import find_masked_values
from extproc.flow.request.origin import check_origin
from extproc.flow.request.search_url import search_url
from extproc.flow.request.sessions import backend_session, open_event_id, session_name
from extproc.flow.services import Connection, Services
from extproc.flow.stages import IdentifiedCall, Request
from extproc.identity import jwt_metadata, mtls_principal
from extproc.model.call import Call, RequestHead
from extproc.model.errors import Answered, MaskingError, Refused, Undecodable
from extproc.model.identity import ANONYMOUS, Identity
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.protocols.repeated_call import RepeatedCall
from extproc.settings.hosts import find_host


def identify(
    request: Request, services: Services, record: CallRecord, *, binds_sessions: bool = True
) -> IdentifiedCall:
    """Identify who calls which function with which arguments, and search the call for sensitive data.

    Args:
        request: read whole.
        services: the worker's services.
        record: is told of each step.
        binds_sessions: whether session ids are bound to their callers here, so that others are refused.

    Raises:
        Refused: unknown connection, caller or function, a page's origin, a body that is too large, or a session of
            somebody else.
        Answered: the request is for what anybody may read.
    """
    connection = find_connection(request.head, services)
    record.located(connection)
    check_origin(request.head.headers, connection)
    if document := connection.protocol.public_document(request.head):
        raise Answered(document, rule="protected_resource")
    caller = caller_of(request, services)
    if caller is not ANONYMOUS:
        record.authenticated(caller)
    request, given_back = _without_state(request, connection, services)
    session = session_name(request.head.headers, connection, services)
    record.in_session(session)
    read = _anonymous_call if caller is ANONYMOUS else _call
    call = read(request, connection, services, session)
    record.authenticated(caller)
    if request.too_large:
        raise Refused(Reason.BODY_TOO_LARGE, rule="limits.request_body", call=call)
    named = IdentifiedCall(request, connection, call, caller, given_back=given_back)
    found = search(_resuming(named, services), services)
    record.identified(found)
    if not (session and binds_sessions):
        return found
    return replace(found, backend_session=backend_session(found, services))


def _without_state(
    request: Request, connection: Connection, services: Services
) -> tuple[Request, RepeatedCall | None]:
    """Take out of a request what its client gives back of the guard's own answer, and return both.

    Over ext_authz nothing can be taken out, and no such answer is given.
    """
    if request.decide_only or not request.decoded:
        return request, None
    found = connection.protocol.repeated(request.head, request.plain, services.approval_states.prefix)
    return (replace(request, head=found.head, plain=found.body), found) if found else (request, None)


def identify_again(held: IdentifiedCall, services: Services) -> IdentifiedCall:
    """Identify a held call once more, as of now and by the configuration in force.

    Raises:
        Refused: unknown connection, caller or function, or a page's origin that is listed no more.
    """
    request, head = held.request, held.request.head
    connection, identity = find_connection(head, services), caller_of(request, services)
    check_origin(head.headers, connection)
    session = session_name(head.headers, connection, services)
    call = _call(request, connection, services, session)
    found = search(_resuming(IdentifiedCall(request, connection, call, identity), services), services)
    return replace(found, backend_session=held.backend_session)


def _resuming(identified: IdentifiedCall, services: Services) -> IdentifiedCall:
    """Return a request that resumes a stream as a call of the function whose answer that stream is.

    Where responses are not seen, the ids of their events are the backend's own.

    Raises:
        Refused: the stream is not this caller's, or its function is registered no more.
    """
    if identified.request.decide_only:
        return identified
    opened = open_event_id(identified, identified.identity, services)
    if opened is None:
        return identified
    event_id, answered = opened
    call = identified.connection.protocol.resumed(identified.call, answered)
    return replace(identified, call=call, backend_event=event_id)


def find_connection(head: RequestHead, services: Services) -> Connection:
    """Look up the connection by the host. Two Host headers, merged by Envoy, match none.

    Raises:
        Refused: with ``unknown-function``; with ``route-mismatch`` where Envoy would send the call elsewhere.
    """
    connection = find_host(services.hosts, head.authority)
    if connection is None:
        raise Refused(Reason.UNKNOWN_FUNCTION, rule="hosts", detail="no connection has this host")
    if not connection.is_behind(head.attributes.cluster):
        raise Refused(Reason.ROUTE_MISMATCH, rule="envoy.route", detail="Envoy's route leads to another backend")
    return connection


def caller_of(request: Request, services: Services) -> Identity:
    """Read who calls from what Envoy has verified, as of now: the token, else the client certificate.

    Returns:
        The caller; ``ANONYMOUS`` where there is neither.

    Raises:
        Refused: with ``unauthenticated`` or ``token-rejected``.
    """
    now_s = services.clock() / NANOSECONDS_PER_SECOND
    by_token = jwt_metadata.identify(request.metadata, services.providers, now_s=now_s)
    if by_token is None and services.providers and "authorization" in request.head.headers:
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt", detail="a token that Envoy did not verify")
    principal = request.head.attributes.source_principal
    return by_token or mtls_principal.identify(principal, services.mtls) or ANONYMOUS


def _call(request: Request, connection: Connection, services: Services, session: str) -> Call:
    """Read which function is called, with which arguments, in which session.

    Raises:
        Refused: with ``unknown-function``; also for a name within a pattern of the settings that holds an entity:
            names are stored and shown as they are.
    """
    call = connection.protocol.identify(
        request.head, request.plain, call_id=request.call_id, unreadable=request.unreadable
    )
    if call.has_open_name and _holds_entity(call.name, services):
        raise Refused(Reason.UNKNOWN_FUNCTION, "names", "the name holds an entity", call)
    if session:
        return replace(call, session=session)
    return replace(call, session=recorded_session(call.session, connection, services)) if call.session else call


def _holds_entity(name: str, services: Services) -> bool:
    try:
        return bool(services.masker.mask_text(name, MASK_EVERYTHING)[1])
    except MaskingError:
        return True


def _anonymous_call(request: Request, connection: Connection, services: Services, session: str) -> Call:
    """Read a call by nobody: one of a function that needs no identity.

    Raises:
        Refused: with ``unauthenticated``, also where no function has this path: who asks must say who they are.
    """
    refused = Refused(Reason.UNAUTHENTICATED, rule="jwt", detail="no verified token")
    functions = connection.settings.anonymous_functions
    if not functions:
        raise refused
    try:
        call = _call(request, connection, services, session)
    except Refused as error:
        raise refused from error
    if call.name not in functions:
        raise refused
    return call


def search(identified: IdentifiedCall, services: Services) -> IdentifiedCall:
    """Find sensitive data in the body and in the URL. A body that detectors cannot read is uninspectable."""
    request, call = identified.request, identified.call
    try:
        returned = find_masked_values(identified, services)
        if call.uninspectable is not None:
            return replace(identified, masked_values=returned)
        in_body = find_in_body(identified, services) if request.plain else ()
        in_url, path = search_url(request.head, call, services.masker)
    except MaskingError as error:
        kind, odd = (error.kind, error.odd) if isinstance(error, Undecodable) else (None, None)
        return replace(identified, call=replace(call, uninspectable=kind or Uninspectable.NOT_JSON, odd=odd))
    return replace(
        identified,
        body_findings=in_body,
        url_findings=in_url,
        masked_values=returned,
        searched=True,
        masked_path=path,
    )
