"""Requests, votes, and what other processes do to a store."""

import os
import time
from dataclasses import replace
from pathlib import Path

from extproc.approvals.approval import ApprovalRequest, Vote
from extproc.approvals.port import ApprovalStore
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.postgresql_address import is_postgresql
from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.errors import ApprovalError, VoteRefused
from extproc.model.ids import uuid7
from extproc.model.masking import Finding, Side
from extproc.model.quorum import Quorum

EXPIRES_NS = 1_000


def new_id(now_ns: int | None = None) -> str:
    return uuid7(time.time_ns() if now_ns is None else now_ns, os.urandom(10))


REQUEST = ApprovalRequest(
    approval_id="01890000-0000-7000-8000-000000000001",
    call_id="01890000-0000-7000-8000-000000000002",
    digest="d" * 64,
    function="crm.delete_customer",
    requester="https://idp|alice",
    actor="https://idp|agent-7",
    reason="high-risk",
    rule="deletes_need_two",
    risk=80,
    quorum=Quorum.any_of("sre", "dpo", minimum=2),
    created_ns=100,
    expires_ns=EXPIRES_NS,
    preview='{"ssn": "[US_SSN]"}',
    findings=(Finding("US_SSN", "$.ssn", "redact", side=Side.REQUEST),),
    source="10.0.0.1:4711",
)


def request(*, groups: tuple[str, ...] = ("sre", "dpo"), minimum: int = 2, **changes: object) -> ApprovalRequest:
    quorum = Quorum.any_of(*groups, minimum=minimum)
    return replace(REQUEST, **{"approval_id": new_id(), "quorum": quorum, **changes})


def vote(
    voter: str = "https://idp|bob", *, approve: bool = True, note: str = "ticket 42", at_ns: int = 500
) -> Vote:
    return Vote(voter, approve, note, at_ns)


def open_store(address: str) -> ApprovalStore:
    """The store at this file or URL."""
    return PostgresApprovals(address) if is_postgresql(address) else SqliteApprovals(Path(address), busy_s=10)


def vote_in_another_process(address: str, approval_id: str, voters: range, approve: bool) -> int:
    """Vote for each of these people; returns how many votes closed the request."""
    store = open_store(address)
    closing = 0
    for number in voters:
        try:
            after = store.vote(approval_id, vote(f"https://idp|p{number}", approve=approve), ("sre",))
        except VoteRefused:
            continue
        closing += after.state.value != "pending"
    return closing


def vote_for_ever(address: str, approval_ids: list[str], ready: str) -> None:
    """Vote on and on, until killed."""
    store = open_store(address)
    Path(ready).touch()
    for number in range(1_000_000):
        try:
            store.vote(approval_ids[number % len(approval_ids)], vote(f"https://idp|p{number}"), ("sre",))
        except (VoteRefused, ApprovalError):
            continue
