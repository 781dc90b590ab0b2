"""The session of an MCP call: named for the record, checked on its way in, bound on its way out."""

from dataclasses import replace

from extproc.flow.case import Case
from extproc.flow.services import Services
from extproc.model.call import Headers
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.protocols.mcp.settings import McpConnection

SESSION_ID = "mcp-session-id"


def name_session(case: Case, services: Services) -> None:
    """Have entries name the session, from before anything about the call can be refused."""
    assert case.connection is not None  # noqa: S101 - identified before
    given = case.head.headers.get(SESSION_ID)
    if given and isinstance(case.connection.settings, McpConnection):
        case.session = services.sessions.name(given, case.connection.name)


def check_session(case: Case, services: Services, *, bound: bool = True) -> None:
    """Take the caller's session id apart, and give policy its name only.

    Args:
        case: of an identified caller and call.
        services: the worker's parts.
        bound: whether ids are bound at this door.

    Raises:
        Refused: it is not one that this caller was given.
    """
    if not case.session:
        return
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.identity is not None  # noqa: S101 - identified before
    assert case.call is not None  # noqa: S101 - identified before
    case.call = replace(case.call, session=case.session)
    if not bound:
        return
    own = services.sessions.unbind(case.head.headers.get(SESSION_ID), case.identity, case.connection.name)
    if not own:
        raise Refused(Reason.NOT_IN_SCOPE, rule="session", detail="the session was not given to this caller")
    case.backend_session = own.encode()


def bind_session(case: Case, services: Services, fields: Headers) -> tuple[tuple[str, bytes], ...]:
    """The field that gives the caller its session, where the server opens or repeats one."""
    session = fields.get(SESSION_ID)
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.identity is not None  # noqa: S101 - identified before
    if not session or not isinstance(case.connection.settings, McpConnection):
        return ()
    bound = services.sessions.bind(session, case.identity, case.connection.name)
    return ((SESSION_ID, bound.encode("latin-1")),)
