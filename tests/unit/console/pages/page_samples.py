"""Requests, votes and people of the pages' tests."""

from dataclasses import replace

from extproc.approvals.approval import Approval, ApprovalRequest, State, Vote
from extproc.model.identity import Identity
from extproc.model.quorum import Quorum

NOW_NS = 1_800_000_000 * 10**9
S = 10**9
ISSUER = "https://login.example.com"
NOOR = Identity(ISSUER, "noor", ("sre",))
OMAR = Identity(ISSUER, "omar", ("sre",))
LIN = Identity(ISSUER, "lin", ("dba",))

REQUEST = ApprovalRequest(
    approval_id="01890000-0000-7000-8000-000000000001",
    call_id="01890000-0000-7000-8000-000000000002",
    digest="d" * 64,
    function="crm.deploy",
    requester=OMAR.name,
    actor=f"{ISSUER}|release-agent",
    reason="high-risk",
    rule="risk-70",
    risk=80,
    quorum=Quorum.any_of("sre"),
    created_ns=NOW_NS - 20 * S,
    expires_ns=NOW_NS + 300 * S,
    preview='{"service": "billing"}',
)


def numbered(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def approval(state=State.PENDING, votes=(), *, ticketed=False, spent_ns=0, **changes):
    return Approval(replace(REQUEST, **changes), state, tuple(votes), ticketed=ticketed, spent_ns=spent_ns)


def vote(voter=NOOR, *, approve=True, note="change 4711", **more):
    return Vote(voter.name, approve, note, NOW_NS - 5 * S, voter.groups, voter.person, **more)
