"""One request: what will run, why it waits, who decides, and what happened with calls like it."""

from collections.abc import Sequence
from dataclasses import dataclass

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.rules import redeemable_until
from extproc.console.pages.argument_changes import compare
from extproc.console.pages.argument_lines import Kind, Line, Shown, argument_lines, fold
from extproc.console.pages.plain_words import (
    REASONS,
    REFUSED,
    Who,
    ago,
    clock_time,
    duration,
    outcome,
    quorum_words,
    risk_word,
    seconds_left,
    who,
)
from extproc.console.pages.queue_page import LATE_S, SUMMARY_CHARACTERS, shortened
from extproc.console.pages.risk_marks import Mark, Weight
from extproc.console.pages.standing import Standing, standing
from extproc.console.recent_calls import CallSeen
from extproc.console.visible_text import hidden_characters
from extproc.model.errors import WhyRefused
from extproc.model.identity import Identity
from extproc.model.units import NANOSECONDS_PER_SECOND

SIMILAR_MOST = 5
"""Decisions and calls in each list beside a request."""


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to look at first."""

    path: str
    """Its place in the arguments; empty: the call itself."""
    mark: Mark
    value: str = ""
    """The masked value, shortened; empty: the mark is at no single value."""


@dataclass(frozen=True, slots=True)
class VoteShown:
    """One vote."""

    voter: Who | None
    word: str
    note: str
    when: str
    ago: str
    source: str
    withdrawn: str
    """When it was taken back; empty: it counts."""


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier or another request, in a list."""

    approval_id: str
    function: str
    state: str
    outcome: str
    person: Who | None
    agent: Who | None
    ago: str
    note: str
    """The reason that was given last."""


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request as one visitor sees it."""

    approval_id: str
    call_id: str
    digest: str
    preview_digest: str
    function: str
    said: str
    """Method and host of the call, where function or host are left open; empty otherwise."""
    connection: str
    person: Who | None
    agent: Who | None
    state: str
    outcome: str
    is_open: bool
    spent: str
    """When it released a call; empty: not yet."""
    good_until: str
    """Until when an approved call that was not released yet can be made; empty: not any more, or never."""
    risk: int
    risk_word: str
    why: str
    reason: str
    rule: str
    definition: str
    policy_revision: str
    source: str
    session: str
    created: str
    expires: str
    expires_ms: int
    left: str
    is_late: bool
    needs: str
    break_glass_groups: tuple[str, ...]
    votes: tuple[VoteShown, ...]
    approvals: int
    minimum: int
    ticketed: bool
    mode: str
    reuse: str
    shown: Shown
    all_lines: int
    warned: tuple[Warned, ...]
    changes: str
    """What changed against the last approved call, in words; empty: nothing."""
    gone: tuple[Line, ...]
    last: Past | None
    """The last approved call of this function."""
    callers: tuple[Past, ...]
    calls: tuple[CallSeen, ...] | None
    """The caller's last calls by the evidence, held or not; None: it did not tell in time."""
    similar: tuple[Past, ...]
    standing: Standing
    refused: str
    """Why the visitor may not vote, as a sentence."""

    @property
    def has_voted(self) -> bool:
        """True if the visitor does not vote because of an earlier vote that counts."""
        return self.standing.refused is WhyRefused.ALREADY_VOTED

    @property
    def may_approve(self) -> bool:
        """True if the visitor's vote counts, and the page shows everything."""
        return self.standing.may_vote and self.shown.is_whole


def request_view(
    approval: Approval,
    identity: Identity,
    now_ns: int,
    *,
    whole: bool = False,
    last: Approval | None = None,
    callers: Sequence[Approval] = (),
    calls: Sequence[CallSeen] | None = None,
    similar: Sequence[Approval] = (),
) -> RequestPage:
    """Arrange one request.

    Args:
        approval: the request; the visitor may see it.
        identity: of the visitor.
        now_ns: wall-clock nanoseconds.
        whole: show everything, folded values too.
        last: the last approved call of this function that the visitor may see.
        callers: the caller's other requests that the visitor may see, newest first.
        calls: the caller's last calls by the evidence, newest first; None: not known.
        similar: decided requests of the same function that the visitor may see, newest first.
    """
    request = approval.request
    stands = standing(approval, identity, now_ns)
    overdue = approval.state is State.PENDING and now_ns >= request.expires_ns
    state = State.EXPIRED if overdue else approval.state
    lines = argument_lines(request.preview, request.findings)
    before = argument_lines(last.request.preview) if last else ()
    compared = compare(lines, before) if last else None
    seconds = seconds_left(request.expires_ns, now_ns)
    function, _, said = request.function.partition(" (")
    return RequestPage(
        approval_id=request.approval_id,
        call_id=request.call_id,
        digest=request.digest,
        preview_digest=request.preview_digest,
        function=function,
        said=said.removesuffix(")"),
        connection=request.connection or function.partition(".")[0],
        person=who(request.requester, request.requester_person),
        agent=who(request.actor),
        state=state.value,
        outcome="expired: nobody decided in time" if overdue else outcome(approval),
        is_open=state is State.PENDING,
        spent=clock_time(approval.spent_ns) if approval.spent_ns else "",
        good_until=_good_until(approval, now_ns),
        risk=request.risk,
        risk_word=risk_word(request.risk),
        why=REASONS.get(request.reason, ""),
        reason=request.reason,
        rule=request.rule,
        definition=request.definition,
        policy_revision=request.policy_revision,
        source=request.source,
        session=request.session,
        created=clock_time(request.created_ns),
        expires=clock_time(request.expires_ns),
        expires_ms=request.expires_ns * 1_000 // NANOSECONDS_PER_SECOND,
        left=duration(seconds),
        is_late=seconds < LATE_S,
        needs=quorum_words(request.quorum),
        break_glass_groups=request.break_glass,
        votes=tuple(_vote(vote, now_ns) for vote in approval.votes),
        approvals=len(approval.approvers),
        minimum=max(1, request.minimum),
        ticketed=approval.ticketed,
        mode=request.mode.value,
        reuse=_reuse(approval),
        shown=fold(compared.lines if compared else lines, whole=whole),
        all_lines=len(lines),
        warned=_warned(approval, lines),
        changes=compared.summary if compared else "",
        gone=compared.gone if compared else (),
        last=past_view(last, now_ns) if last else None,
        callers=_pasts(callers, approval, now_ns),
        calls=None if calls is None else tuple(calls),
        similar=_pasts(similar, approval, now_ns),
        standing=stands,
        refused=_refused(stands.refused, approval),
    )


def _good_until(approval: Approval, now_ns: int) -> str:
    if approval.state is not State.APPROVED or approval.spent_ns:
        return ""
    until_ns = redeemable_until(approval)
    return clock_time(until_ns) if now_ns < until_ns else ""


def _refused(why: WhyRefused | None, approval: Approval) -> str:
    if why is None:
        return ""
    if why is WhyRefused.ALREADY_VOTED:
        return f"It needs {quorum_words(approval.request.quorum)}: others must vote, too."
    return REFUSED.get(why, str(why))


def _reuse(approval: Approval) -> str:
    reuse = approval.request.reuse
    if reuse is None:
        return ""
    which = "with the same arguments" if "arguments" in reuse.same else "of this function, WITH ANY ARGUMENTS"
    return f"For {duration(int(reuse.for_s))} after the approval it also releases this caller's calls {which}."


def _warned(approval: Approval, lines: Sequence[Line]) -> tuple[Warned, ...]:
    request = approval.request
    found = [
        Warned(_place(line), mark, _value(line))
        for line in lines
        for mark in line.marks
        if mark.weight is not Weight.FACT
    ]
    if any(line.kind is Kind.RAW for line in lines):
        found.append(Warned("", Mark(Weight.CARE, "not JSON", "The arguments are shown as text")))
    definition = {
        "changed": Mark(Weight.DANGER, "changed definition", "The server changed what this tool says it does"),
        "unseen": Mark(Weight.CARE, "new definition", "Nobody has accepted this tool's definition yet"),
    }.get(request.definition)
    if definition:
        found.insert(0, Warned("", definition))
    if request.reuse is not None and "arguments" not in request.reuse.same:
        found.insert(0, Warned("", Mark(Weight.DANGER, "reuse", _reuse(approval))))
    names = (request.function, request.requester, request.actor)
    if any(hidden_characters(name) for name in names):
        found.insert(0, Warned("", Mark(Weight.DANGER, "hidden characters", "A name hides characters")))
    return tuple(sorted(found, key=lambda each: each.mark.weight is not Weight.DANGER))


def _place(line: Line) -> str:
    """Return a place without the sign for the whole document: ``order.amount``."""
    return line.path.removeprefix("$").removeprefix(".")


def _value(line: Line) -> str:
    return "" if line.kind in (Kind.OPEN, Kind.RAW) else shortened(line.written, SUMMARY_CHARACTERS)


def _vote(vote: Vote, now_ns: int) -> VoteShown:
    word = "approved" if vote.approve else "denied"
    return VoteShown(
        who(vote.voter, vote.person),
        f"{word}, breaking the glass" if vote.break_glass else word,
        vote.note,
        clock_time(vote.at_ns),
        ago(vote.at_ns, now_ns),
        vote.source,
        clock_time(vote.withdrawn_ns) if vote.withdrawn_ns else "",
    )


def _pasts(approvals: Sequence[Approval], but: Approval, now_ns: int) -> tuple[Past, ...]:
    others = [each for each in approvals if each.request.approval_id != but.request.approval_id]
    return tuple(past_view(each, now_ns) for each in others[:SIMILAR_MOST])


def past_view(approval: Approval, now_ns: int) -> Past:
    """Return a request as a row of a list."""
    request = approval.request
    return Past(
        request.approval_id,
        request.function,
        approval.state.value,
        outcome(approval),
        who(request.requester, request.requester_person),
        who(request.actor),
        ago(request.created_ns, now_ns),
        approval.counted[-1].note if approval.counted else "",
    )
