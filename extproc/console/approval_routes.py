"""The part of the API about approvals: who waits, what happened, and what a person says to it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from extproc.approvals.port import Filter
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.problem_documents import problem, problems
from extproc.console.request_models import ApproveBody, RecentQuery, SearchQuery, VoteBody
from extproc.console.response_models import ApprovalList, ApprovalPage, ApprovalShape, approval_shape
from extproc.console.visitor import Visitor
from extproc.model.errors import VoteRefused
from extproc.model.ids import Clock


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
    def recent(by: VisitorNow, asked: Annotated[RecentQuery, Query()]) -> ApprovalList:
        """List the requests that wait, or the newest ones, newest first."""
        found = desk.queue(by) if asked.pending else desk.history(by, Filter(limit=asked.limit))
        return {"approvals": [approval_shape(each, clock()) for each in found[: asked.limit]]}

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
