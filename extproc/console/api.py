"""The HTTP API of the control process: approvals and definitions for approvers, evidence for analysts.

It is served on the unix socket, for the command line, and on ``control.listen`` if that is set.
``docs/reference/api.md`` documents it. It uses no cookies: nothing that a browser sends by itself gives a right.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.port import ApprovalStore
from extproc.config.schema import Settings
from extproc.console.authorization import Caller, TokenVerifier, read_caller
from extproc.console.definition_routes import Definitions, definition_routes
from extproc.console.middleware import Bounds
from extproc.console.problem_documents import add_handlers, problem
from extproc.console.response_models import approval_shape, exact, state_now
from extproc.console.sign_in.link_routes import link_routes
from extproc.console.sign_in.sign_in import SignIn
from extproc.console.sign_in.sign_in_routes import add_sign_in
from extproc.model.errors import QueryError, Refused, VoteRefused, WhyRefused
from extproc.model.ids import Clock
from extproc.model.reasons import Reason
from extproc.pinning.pins import PinStore
from extproc.settings.base import Strict

ID_LENGTH = 36
PREFIX_MIN = 8
LOOKED_AT = 1_000
"""The newest approvals, among which listings and prefixes of ids are searched."""
LIST_MAX = 500
ROWS_MAX = 10_000
QUERY_S = 30.0
QUERIES_AT_ONCE = 2
"""Further queries wait up to ``QUERY_WAIT_S`` and are then refused: analysts must not delay approvers."""
QUERY_WAIT_S = 5.0
SQL_MAX = 65_536


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


class VoteBody(Strict):
    """The body of a vote."""

    note: str = Field("", max_length=10_000)
    digest: str | None = Field(None, max_length=128)
    """The digest of the call that the voter saw. A vote with the digest of another call is refused."""


class QueryBody(Strict):
    """The body of a query."""

    sql: str = Field(min_length=1, max_length=SQL_MAX)
    limit: int = Field(1_000, ge=1, le=ROWS_MAX)


def make_api(
    *,
    approvals: ApprovalStore,
    pins: PinStore,
    reader: Reader,
    authenticator: TokenVerifier,
    clock: Clock,
    settings: Settings,
    local: bool = False,
    mask_note: Callable[[str], str] = lambda note: note,
    sign_in: SignIn | None = None,
) -> FastAPI:
    """Make the API for one listener.

    Args:
        approvals: the store of held calls, shared with the workers.
        pins: the store of definitions, shared with the workers.
        reader: reads evidence.
        authenticator: verifies bearer tokens.
        clock: wall clock.
        settings: the whole configuration.
        local: True for the unix socket only, which must have mode 0600: reading then needs no token.
        mask_note: masks a voter's note before it is stored.
        sign_in: to the console's pages. The unix socket makes one-time links of it; the port serves them.
    """
    api = FastAPI(title="extproc", openapi_url=None, docs_url=None, redoc_url=None)
    add_handlers(api)
    api.add_middleware(Bounds)

    def caller(request: Request) -> Caller:
        return read_caller(request.headers.getlist("authorization"), authenticator, local=local)

    api.include_router(_health_routes(approvals))
    api.include_router(_approval_routes(approvals, caller, clock, mask_note), prefix="/api")
    definitions = Definitions(pins, settings.connections, clock, mask_note)
    api.include_router(definition_routes(definitions, caller), prefix="/api")
    api.include_router(_evidence_routes(reader, caller, settings.control.analyst_groups), prefix="/api")
    if sign_in is not None and local:
        api.include_router(link_routes(sign_in, authenticator), prefix="/api")
    elif sign_in is not None:
        add_sign_in(api, sign_in)
    return api


def _health_routes(approvals: ApprovalStore) -> APIRouter:
    routes = APIRouter()

    @routes.get("/healthz")
    def healthz() -> dict[str, str]:
        approvals.closed_among([])
        return {"status": "ok"}

    return routes


def _approval_routes(
    approvals: ApprovalStore, caller: Callable[[Request], Caller], clock: Clock, mask_note: Callable[[str], str]
) -> APIRouter:
    routes = APIRouter(prefix="/approvals")
    CallerNow = Annotated[Caller, Depends(caller)]  # noqa: N806 - a type

    def vote(approval_id: str, body: VoteBody, by: Caller, *, approve: bool) -> dict[str, Any]:
        voter = by.voter()
        current = approvals.get(approval_id) if len(approval_id) == ID_LENGTH else None
        if current is None:
            raise VoteRefused(WhyRefused.UNKNOWN)
        if body.digest is not None and body.digest != current.request.digest:
            raise VoteRefused(WhyRefused.WRONG_DIGEST, current.state)
        word = Vote(voter.name, approve, mask_note(body.note.strip()), clock())
        after = approvals.vote(approval_id, word, voter.groups)
        structlog.get_logger().info("vote", approval_id=approval_id, approve=approve, state=after.state)
        return approval_shape(after, clock())

    @routes.get("")
    def recent(
        by: CallerNow, pending: bool = False, limit: Annotated[int, Field(ge=1, le=LIST_MAX)] = 100
    ) -> dict[str, Any]:
        now = clock()
        found = approvals.recent(pending_only=pending, limit=LOOKED_AT)
        shown = [
            each
            for each in found
            if by.may_read(each) and not (pending and state_now(each, now) is not State.PENDING)
        ]
        return {"approvals": [approval_shape(each, now) for each in shown[:limit]]}

    @routes.get("/{approval_id}", response_model=None)
    def one(by: CallerNow, approval_id: str) -> dict[str, Any] | JSONResponse:
        found = approvals.get(approval_id)
        if found is not None and by.may_read(found):
            return approval_shape(found, clock())
        matches = _matching(approvals, approval_id, by)
        if len(matches) > 1:
            return problem(409, "Several approvals have ids that begin so", "ambiguous", more={"matches": matches})
        raise VoteRefused(WhyRefused.UNKNOWN)

    @routes.post("/{approval_id}/approve")
    def approve(by: CallerNow, approval_id: str, body: VoteBody) -> dict[str, Any]:
        return vote(approval_id, body, by, approve=True)

    @routes.post("/{approval_id}/deny")
    def deny(by: CallerNow, approval_id: str, body: VoteBody) -> dict[str, Any]:
        return vote(approval_id, body, by, approve=False)

    return routes


def _matching(approvals: ApprovalStore, prefix: str, by: Caller) -> list[str]:
    """Return the ids that begin with the prefix, of approvals that the caller may read."""
    if len(prefix) < PREFIX_MIN:
        return []
    found: list[Approval] = approvals.recent(pending_only=False, limit=LOOKED_AT)
    ids = [each.request.approval_id for each in found if by.may_read(each)]
    return [approval_id for approval_id in ids if approval_id.startswith(prefix)]


def _evidence_routes(reader: Reader, caller: Callable[[Request], Caller], groups: list[str]) -> APIRouter:
    slots = threading.BoundedSemaphore(QUERIES_AT_ONCE)

    def analyst(by: Annotated[Caller, Depends(caller)]) -> None:
        by.check_analyst(groups)

    @contextmanager
    def slot() -> Iterator[None]:
        if not slots.acquire(timeout=QUERY_WAIT_S):
            raise Refused(Reason.OVERLOADED, rule="console.queries")
        try:
            yield
        finally:
            slots.release()

    routes = APIRouter(dependencies=[Depends(analyst)])

    @routes.get("/sessions")
    def sessions(
        subject: str | None = None,
        function: str | None = None,
        limit: Annotated[int, Field(ge=1, le=LIST_MAX)] = 100,
    ) -> Any:
        with slot():
            return {"sessions": exact(reader.sessions(limit, subject, function))}

    # A caller may choose the session id, and put a slash into it.
    @routes.get("/sessions/{session_id:path}", response_model=None)
    def session(session_id: str) -> Any:
        with slot():
            entries = reader.session(session_id)
        return {"entries": exact(entries)} if entries else problem(404, "There is no such session", "unknown")

    @routes.post("/query", response_model=None)
    def query(body: QueryBody) -> Any:
        try:
            with slot():
                table = reader.query(body.sql, body.limit, QUERY_S)
        except QueryError as error:
            return problem(400, "The query was not answered", "query-refused", more={"detail": str(error)})
        return {"columns": list(table.columns), "rows": exact(table.rows), "truncated": table.truncated}

    return routes
