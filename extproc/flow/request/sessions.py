"""Sessions whose id the backend gives: named for the record, checked in requests, bound in responses."""

from extproc.flow.services import Connection, Services
from extproc.flow.stages import IdentifiedCall
from extproc.model.call import Headers
from extproc.model.errors import Refused
from extproc.model.reasons import Reason


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


def bind_session(fields: Headers, identified: IdentifiedCall, services: Services) -> tuple[tuple[str, bytes], ...]:
    """Return the field that gives the caller its session, where the backend opens or repeats one."""
    field = identified.connection.protocol.session_field
    session = fields.get(field) if field else ""
    if not session:
        return ()
    bound = services.sessions.bind(session, identified.identity, identified.connection.name)
    return ((field, bound.encode("latin-1")),)
