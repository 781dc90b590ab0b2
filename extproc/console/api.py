"""The HTTP API of the control process: approvals and definitions for approvers, evidence for analysts.

It is served on the unix socket, for the command line, and on ``control.listen`` if that is set.
``docs/reference/api.md`` documents it. It uses no cookies: nothing that a browser sends by itself gives a right.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse

from extproc.config.schema import Settings
from extproc.console.afar.about_routes import about_routes
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.approval_routes import approval_routes
from extproc.console.authorization import Caller, TokenVerifier, read_caller
from extproc.console.definition_routes import Definitions, definition_routes
from extproc.console.middleware import Bounds
from extproc.console.openapi_document import URL, openapi_document
from extproc.console.pages.page_parts import Console, LivePages
from extproc.console.pages.page_routes import add_pages
from extproc.console.peer_address import ForwardedAddresses
from extproc.console.problem_documents import add_handlers, problem, problems
from extproc.console.request_models import QueryBody, SessionsQuery, each_once
from extproc.console.response_models import EntryList, Health, QueryAnswer, SessionList, exact, exact_row
from extproc.console.sign_in.link_routes import link_routes
from extproc.console.sign_in.sign_in import SignIn
from extproc.console.sign_in.sign_in_routes import add_sign_in
from extproc.console.visitor import Visitor
from extproc.model.errors import QueryError, Refused
from extproc.model.ids import Clock
from extproc.model.reasons import Reason
from extproc.pinning.pins import PinStore
from extproc.settings.control import ControlSettings

QUERY_S = 30.0
QUERIES_AT_ONCE = 2
"""Further queries wait up to ``QUERY_WAIT_S`` and are then refused: analysts must not delay approvers."""
QUERY_WAIT_S = 5.0


class Table(Protocol):
    """The result of a query."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns, in order."""
        ...

    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """Rows with one value for each column; JSON can represent every value."""
        ...

    @property
    def truncated(self) -> bool:
        """True if there are more rows than the limit."""
        ...


class Reader(Protocol):
    """Reads evidence, from any thread. Raises ``QueryError`` if it cannot."""

    def sessions(self, limit: int, subject: str | None, function: str | None) -> list[dict[str, Any]]:
        """Sessions, newest first."""
        ...

    def session(self, session_id: str) -> list[dict[str, Any]]:
        """The entries of a session in order of time; empty if there is no such session."""
        ...

    def query(self, sql: str, limit_rows: int, max_seconds: float) -> Table:
        """Run a read-only query.

        The reader must make sure that the query cannot write, and reads nothing but evidence. The message of its
        ``QueryError`` is shown to the analyst.
        """
        ...


def make_api(
    *,
    desk: ApprovalDesk,
    pins: PinStore,
    reader: Reader,
    authenticator: TokenVerifier,
    clock: Clock,
    settings: Settings,
    local: bool = False,
    mask_note: Callable[[str], str] = lambda note: note,
    sign_in: SignIn | None = None,
    live: LivePages | None = None,
) -> FastAPI:
    """Make the API for one listener.

    Args:
        desk: serves people who act on approvals.
        pins: the store of definitions, shared with the workers.
        reader: reads evidence.
        authenticator: verifies bearer tokens.
        clock: wall clock.
        settings: the whole configuration.
        local: True for the unix socket only, which must have mode 0600: reading then needs no token.
        mask_note: masks a voter's note before it is stored.
        sign_in: to the console's pages. The unix socket makes one-time links of it; the port serves them.
        live: what open pages share; None: the port serves no pages.
    """
    # A redirect to the path without its last slash would go to whatever host the request names, and by http.
    api = FastAPI(title="extproc", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    add_handlers(api)
    api.add_middleware(Bounds)

    def caller(request: Request) -> Caller:
        return read_caller(request.headers.getlist("authorization"), authenticator, local=local)

    def visitor(request: Request) -> Visitor:
        address = request.client.host if request.client and not local else ""
        return caller(request).visitor(settings.control.roles, address)

    api.include_router(_health_routes(desk))
    once = [Depends(each_once)]
    api.include_router(approval_routes(desk, visitor, clock), prefix="/api", dependencies=once)
    joins_accounts = any(each.claims.person for each in settings.identity.providers.values())
    definitions = Definitions(pins, settings.connections, clock, mask_note, joins_accounts, settings.control.roles)
    api.include_router(definition_routes(definitions, caller), prefix="/api", dependencies=once)
    api.include_router(_evidence_routes(reader, caller, settings.control), prefix="/api", dependencies=once)
    if not local:
        api.include_router(about_routes(settings))
    if sign_in is not None and local:
        api.include_router(link_routes(sign_in, authenticator), prefix="/api")
    elif sign_in is not None:
        add_sign_in(api, sign_in)
        if live is not None:
            add_pages(api, Console(desk, live, clock))
    if not local:
        api.add_middleware(ForwardedAddresses, trusted=settings.control.trusted_proxies)
    document = functools.cache(lambda: openapi_document(api))

    @api.get(URL, include_in_schema=False)
    def describe() -> JSONResponse:
        return JSONResponse(document())

    return api


def _health_routes(desk: ApprovalDesk) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", responses=problems())
    def healthz() -> Health:
        """Answer while the approvals store does."""
        desk.check()
        return {"status": "ok"}

    return routes


def _evidence_routes(reader: Reader, caller: Callable[[Request], Caller], control: ControlSettings) -> APIRouter:
    slots = threading.BoundedSemaphore(QUERIES_AT_ONCE)

    def analyst(by: Annotated[Caller, Depends(caller)]) -> None:
        by.check_analyst(control)

    @contextmanager
    def slot() -> Iterator[None]:
        if not slots.acquire(timeout=QUERY_WAIT_S):
            raise Refused(Reason.OVERLOADED, rule="console.queries")
        try:
            yield
        finally:
            slots.release()

    routes = APIRouter(dependencies=[Depends(analyst)], tags=["evidence"])

    @routes.get("/sessions", responses=problems())
    def sessions(asked: Annotated[SessionsQuery, Query()]) -> SessionList:
        """List sessions, newest first."""
        with slot():
            found = reader.sessions(asked.limit, asked.subject, asked.function)
        return {"sessions": [exact_row(row) for row in found]}

    # A caller may choose the session id, and put a slash into it.
    @routes.get("/sessions/{session_id:path}", response_model=EntryList, responses=problems(404))
    def session(session_id: str) -> EntryList | JSONResponse:
        """Show the entries of a session, in order of time."""
        with slot():
            entries = reader.session(session_id)
        if not entries:
            return problem(404, "There is no such session", "unknown")
        return {"entries": [exact_row(row) for row in entries]}

    @routes.post("/query", response_model=QueryAnswer, responses=problems())
    def query(body: QueryBody) -> QueryAnswer | JSONResponse:
        """Answer one SELECT over the evidence."""
        try:
            with slot():
                table = reader.query(body.sql, body.limit, QUERY_S)
        except QueryError as error:
            return problem(400, "The query was not answered", "query-refused", more={"detail": str(error)})
        rows = [[exact(value) for value in row] for row in table.rows]
        return {"columns": list(table.columns), "rows": rows, "truncated": table.truncated}

    return routes
