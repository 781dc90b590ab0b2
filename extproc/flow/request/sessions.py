"""Sessions whose id the backend gives: named for the record, checked in requests, bound in responses.

Ids of events likewise: sealed in responses, opened in requests that resume a stream.
"""

from extproc.flow.services import Connection, Services
from extproc.flow.stages import IdentifiedCall, NamedCall
from extproc.identity.event_ids import Holder
from extproc.model.call import AnsweredCall, Headers
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason

RESUMES = "GET"
"""The method of requests that resume a stream."""


def session_name(headers: Headers, connection: Connection, services: Services) -> str:
    """Return the name that stands for the session in entries and for policy; empty where there is none."""
    field = connection.protocol.session_field
    given = headers.get(field) if field else ""
    return services.sessions.name(given, connection.name) if given else ""


def backend_session(identified: IdentifiedCall, services: Services) -> bytes:
    """Return the backend's own id of the caller's session.

    Raises:
        Refused: the session was not given to this caller.
    """
    connection = identified.connection
    given = identified.request.head.headers.get(connection.protocol.session_field)
    own = services.sessions.unbind(given, identified.identity, connection.name)
    if not own:
        raise Refused(Reason.UNKNOWN_SESSION, rule="session", detail="the session was not given to this caller")
    return own.encode()


def open_event_id(named: NamedCall, identity: Identity, services: Services) -> tuple[bytes, AnsweredCall] | None:
    """Return the backend's own id of the event behind which a stream is resumed, and the call that it answers.

    Returns:
        None where the request resumes no stream.

    Raises:
        Refused: the event was not sent to this caller.
    """
    field = named.connection.protocol.event_field
    given = named.request.head.headers.get(field) if field and named.request.head.method == RESUMES else ""
    if not given:
        return None
    holder = Holder(identity, named.connection.name, named.call.session)
    if opened := services.event_ids.open(given, holder):
        return opened
    raise Refused(Reason.NOT_IN_SCOPE, rule="event-id", detail="the event was not sent to this caller")


def holder_of(identified: IdentifiedCall, fields: Headers, services: Services) -> Holder:
    """Return who may resume the stream of a response: its caller, in the session that it belongs to or opens."""
    bound = bind_session(fields, identified, services)
    connection = identified.connection.name
    session = services.sessions.name(bound[0][1].decode("latin-1"), connection) if bound else ""
    return Holder(identified.identity, connection, session or identified.call.session)


def bind_session(fields: Headers, identified: IdentifiedCall, services: Services) -> tuple[tuple[str, bytes], ...]:
    """Return the field that gives the caller its session, where the backend opens or repeats one."""
    field = identified.connection.protocol.session_field
    session = fields.get(field) if field else ""
    if not session:
        return ()
    bound = services.sessions.bind(session, identified.identity, identified.connection.name)
    return ((field, bound.encode("latin-1")),)
