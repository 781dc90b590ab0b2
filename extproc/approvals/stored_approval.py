"""Approvals as stores keep them: the row of a request, and a row for each vote."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.approvals.stored_request import dump_request, load_request
from extproc.model.withdrawal import WithdrawnBy

APPROVAL_COLUMNS = "request, state, closed_ns, withdrawn_by, withdrawn_key, ticketed, spent_ns, reuse_until_ns"
VOTE_COLUMNS = "voter, approve, note, at_ns, groups, person, source, preview_digest, break_glass, withdrawn_ns"


def request_row(request: ApprovalRequest) -> dict[str, str | int]:
    """Return the columns of a new request."""
    return {
        "approval_id": request.approval_id,
        "request": dump_request(request),
        "digest": request.digest,
        "created_ns": request.created_ns,
        "expires_ns": request.expires_ns,
        "function": request.function,
        "requester": request.requester,
        "call_key": request.call_key,
        "reuse_key": request.reuse_key,
    }


def vote_row(approval_id: str, vote: Vote) -> dict[str, str | int]:
    """Return the columns of a new vote."""
    return {
        "approval_id": approval_id,
        "voter": vote.voter,
        "approve": vote.approve,
        "note": vote.note,
        "at_ns": vote.at_ns,
        "groups": json.dumps(vote.groups),
        "person": vote.person,
        "source": vote.source,
        "preview_digest": vote.preview_digest,
        "break_glass": vote.break_glass,
    }


def approvals_of(rows: Iterable[Sequence[Any]]) -> list[Approval]:
    """Return the approvals of a query, in its order.

    Args:
        rows: ``approval_id``, ``APPROVAL_COLUMNS`` and ``VOTE_COLUMNS`` (all None without a vote) of each vote;
            those of one approval are adjacent.
    """
    grouped: dict[str, Approval] = {}
    votes: dict[str, list[Vote]] = {}
    for approval_id, request, state, closed_ns, by, key, ticketed, spent_ns, reuse_ns, *vote in rows:
        if approval_id not in grouped:
            grouped[approval_id] = Approval(
                load_request(request),
                State(state),
                closed_ns=closed_ns,
                withdrawn_by=WithdrawnBy(by) if by else None,
                withdrawn_key=key,
                ticketed=bool(ticketed),
                spent_ns=spent_ns or 0,
                reuse_until_ns=reuse_ns,
            )
            votes[approval_id] = []
        if vote[0] is not None:
            votes[approval_id].append(_vote(vote))
    return [replace(approval, votes=tuple(votes[approval_id])) for approval_id, approval in grouped.items()]


def _vote(row: list[Any]) -> Vote:
    voter, approve, note, at_ns, groups, person, source, preview_digest, break_glass, withdrawn_ns = row
    return Vote(
        voter=voter,
        approve=bool(approve),
        note=note,
        at_ns=at_ns,
        groups=tuple(json.loads(groups)),
        person=person,
        source=source,
        preview_digest=preview_digest,
        break_glass=bool(break_glass),
        withdrawn_ns=withdrawn_ns,
    )
