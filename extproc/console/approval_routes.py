"""The part of the API about approvals: who waits, what happened, and what a person says to it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from extproc.approvals.approval import State
from extproc.approvals.port import Filter
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.problem_documents import problem, problems
from extproc.console.response_models import ApprovalList, ApprovalPage, ApprovalShape, approval_shape
from extproc.console.visitor import Visitor
from extproc.model.errors import VoteRefused
from extproc.model.ids import Clock
from extproc.settings.base import Strict

LIST_MAX = 500
NAME_MAX = 1_000
"""Characters of a name in a filter."""
DIGEST_MAX = 128

Limit = Annotated[int, Field(ge=1, le=LIST_MAX)]
NameFilter = Annotated[str, Field(max_length=NAME_MAX, pattern=r"^[^\x00]*$")]


class VoteBody(Strict):
    """The body of a vote."""

    note: str = Field("", max_length=10_000)
    """The reason: 3 to 1,000 characters. It is masked before it is stored."""
    digest: str | None = Field(None, max_length=DIGEST_MAX)
    """The digest of the call that the voter saw. A vote with the digest of another call is refused."""
    preview_digest: str | None = Field(None, max_length=DIGEST_MAX)
    """The digest of the preview that the voter saw. A vote with another one is refused."""


class ApproveBody(VoteBody):
    """The body of an approval."""

    break_glass: bool = False
    """Release the call alone, in an emergency, where policy lets the voter."""


class SearchQuery(BaseModel):
    """What to search for. All that is given holds."""

    model_config = ConfigDict(extra="forbid")  # not strict: everything in a URL is text

    function: NameFilter = ""
    requester: NameFilter = ""
    """``issuer|subject``."""
    state: list[State] = Field([], max_length=len(State))
    ticketed: bool | None = None
    before: str = Field("", pattern=r"^[0-9a-f-]{0,36}$")
    """Only older ones than this id."""
    limit: Limit = 100


def approval_routes(desk: ApprovalDesk, visitor: Callable[[Request], Visitor], clock: Clock) -> APIRouter:
    """Make the routes.

    Args:
        desk: what they show and do.
        visitor: reads who asks.
        clock: wall clock.
    """
    routes = APIRouter(prefix="/approvals", tags=["approvals"])
    _add_reading(routes, desk, visitor, clock)
    _add_acting(routes, desk, visitor, clock)
    return routes


def _add_reading(
    routes: APIRouter, desk: ApprovalDesk, visitor: Callable[[Request], Visitor], clock: Clock
) -> None:
    VisitorNow = Annotated[Visitor, Depends(visitor)]  # noqa: N806 - a type

    @routes.get("", responses=problems())
    def recent(by: VisitorNow, pending: bool = False, limit: Limit = 100) -> ApprovalList:
        """List the requests that wait, or the newest ones, newest first."""
        found = desk.queue(by) if pending else desk.history(by, Filter(limit=limit))
        return {"approvals": [approval_shape(each, clock()) for each in found[:limit]]}

    @routes.get("/search", responses=problems())
    def search(by: VisitorNow, asked: Annotated[SearchQuery, Query()]) -> ApprovalPage:
        """Search all requests, newest first. Go on with the id in ``before``."""
        wanted = Filter(
            function=asked.function,
            requester=asked.requester,
            states=tuple(asked.state),
            ticketed=asked.ticketed,
            before_id=asked.before,
            limit=asked.limit,
        )
        found, older = desk.history_page(by, wanted)
        return {"approvals": [approval_shape(each, clock()) for each in found], "before": older or None}

    @routes.get("/{approval_id}", response_model=ApprovalShape, responses=problems(404, 409))
    def one(by: VisitorNow, approval_id: str) -> ApprovalShape | JSONResponse:
        """Show one request with all its votes, by its id or its first characters, 8 or more. Records the look."""
        try:
            return approval_shape(desk.look(by, approval_id), clock())
        except VoteRefused:
            matches = desk.matching(by, approval_id)
            if len(matches) > 1:
                title = "Several approvals have ids that begin so"
                return problem(409, title, "ambiguous", more={"matches": matches})
            raise


def _add_acting(
    routes: APIRouter, desk: ApprovalDesk, visitor: Callable[[Request], Visitor], clock: Clock
) -> None:
    VisitorNow = Annotated[Visitor, Depends(visitor)]  # noqa: N806 - a type

    def vote(by: Visitor, approval_id: str, body: VoteBody, *, approve: bool, alone: bool) -> ApprovalShape:
        after = desk.vote(
            by,
            approval_id,
            approve=approve,
            note=body.note,
            seen=body.digest,
            preview=body.preview_digest or "",
            break_glass=alone,
        )
        return approval_shape(after, clock())

    @routes.post("/{approval_id}/approve", responses=problems(404, 409))
    def approve(by: VisitorNow, approval_id: str, body: ApproveBody) -> ApprovalShape:
        """Vote for the call."""
        return vote(by, approval_id, body, approve=True, alone=body.break_glass)

    @routes.post("/{approval_id}/deny", responses=problems(404, 409))
    def deny(by: VisitorNow, approval_id: str, body: VoteBody) -> ApprovalShape:
        """Vote against the call: one such vote refuses it."""
        return vote(by, approval_id, body, approve=False, alone=False)

    @routes.post("/{approval_id}/withdraw", responses=problems(404, 409))
    def withdraw(by: VisitorNow, approval_id: str) -> ApprovalShape:
        """Take the own vote back."""
        return approval_shape(desk.withdraw_vote(by, approval_id), clock())

    @routes.post("/{approval_id}/cancel", responses=problems(404, 409))
    def cancel(by: VisitorNow, approval_id: str) -> ApprovalShape:
        """Give the own request up."""
        return approval_shape(desk.cancel(by, approval_id), clock())
