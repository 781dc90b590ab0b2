"""The queue: the requests that wait, those of one caller together where they are many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from extproc.approvals.approval import Approval, ApprovalRequest
from extproc.console.approval_desk import PER_CALLER
from extproc.console.pages.argument_lines import Kind, Line, argument_lines
from extproc.console.pages.plain_words import Who, duration, quorum_words, risk_word, seconds_left, who
from extproc.console.pages.risk_marks import Mark, Weight
from extproc.console.pages.standing import standing
from extproc.model.errors import WhyRefused
from extproc.model.identity import Identity
from extproc.model.units import NANOSECONDS_PER_SECOND

ROWS_MOST = 50
"""Rows of one page."""
TOGETHER_FROM = 4
"""Requests of one caller from which they are shown as a group."""
OF_GROUP = 3
"""Requests of a group that its row shows; the others have a page of their own."""
SUMMARY_VALUES, SUMMARY_CHARACTERS, KEY_CHARACTERS = 4, 60, 40
"""Values in a row's summary, and characters of one. The request's own page shows everything."""
MARKS_MOST = 3
SHORT_ID = 8
"""Characters of an id's end that a row shows."""
SUMMARY_LINES = 200
"""Lines of a long call that a row's summary is made from."""
SUMMARIES_KEPT = 512
LATE_S = 60
"""Seconds left from which a row is urgent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request in a list."""

    approval_id: str
    function: str
    summary: tuple[tuple[str, str], ...]
    """Names and values of the first arguments, shortened."""
    has_more: bool
    marks: tuple[Mark, ...]
    more_marks: int
    """Marks that the row does not show."""
    risk: int
    risk_word: str
    person: Who | None
    agent: Who | None
    needs: str
    """Who must approve, in words."""
    votes: int
    minimum: int
    is_mine: bool
    """The visitor's vote would count."""
    note: str
    """Why the visitor does not decide it; empty: decides, or cannot be told shortly."""
    ticketed: bool
    expires_ms: int
    left: str
    is_late: bool

    @property
    def short_id(self) -> str:
        """The end of its id, as commands show and accept it: tells two equal requests apart."""
        return self.approval_id[-SHORT_ID:]


@dataclass(frozen=True, slots=True)
class Group:
    """Requests of one caller."""

    person: Who | None
    agent: Who | None
    rows: tuple[Row, ...]
    count: int
    requester: str

    @property
    def is_together(self) -> bool:
        """True if the caller has so many that they are shown as one."""
        return self.count >= TOGETHER_FROM

    @property
    def more(self) -> int:
        """Requests that are not shown."""
        return self.count - len(self.rows)

    @property
    def is_capped(self) -> bool:
        """True if the caller may have more: the queue has no more of one caller."""
        return self.count >= PER_CALLER


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as one visitor sees it."""

    groups: tuple[Group, ...]
    total: int
    """Requests that the visitor may see."""
    mine: int
    """Of these, those in which the visitor's vote would count."""
    only_mine: bool
    requester: str
    """Only those of this caller; empty: all."""
    page: int
    has_next: bool

    @property
    def is_empty(self) -> bool:
        """True if nothing is shown."""
        return not self.groups


def queue_view(
    approvals: Iterable[Approval],
    identity: Identity,
    now_ns: int,
    *,
    only_mine: bool,
    requester: str = "",
    page: int = 1,
) -> Queue:
    """Arrange the requests that wait. The work grows with their number; the page does not.

    Args:
        approvals: those that the visitor may see.
        identity: of the visitor.
        now_ns: wall-clock nanoseconds; those that are overdue are left out.
        only_mine: show those that the visitor can decide.
        requester: show this caller's only, each by itself.
        page: which rows to show, from 1.
    """
    open_now = [each for each in approvals if now_ns < each.request.expires_ns]
    mine = {each.request.approval_id for each in open_now if standing(each, identity, now_ns).may_vote}
    wanted = [
        each
        for each in open_now
        if (not only_mine or each.request.approval_id in mine)
        and (not requester or each.request.requester == requester)
    ]
    wanted.sort(key=lambda each: each.request.expires_ns)
    callers: dict[tuple[str, ...], list[Approval]] = {}
    for each in wanted:
        request = each.request
        alone = (request.approval_id,) if requester else ()
        callers.setdefault((request.requester, request.actor, *alone), []).append(each)
    groups = _laid_out(callers.values())
    first = (page - 1) * ROWS_MOST
    shown = list(islice(groups, first, first + ROWS_MOST))
    return Queue(
        groups=tuple(_group(each, count, identity, now_ns) for each, count in shown),
        total=len(open_now),
        mine=len(mine),
        only_mine=only_mine,
        requester=requester,
        page=page,
        has_next=len(groups) > first + ROWS_MOST,
    )


def _laid_out(callers: Iterable[Sequence[Approval]]) -> list[tuple[Sequence[Approval], int]]:
    """Return the groups: callers with few requests have one for each, in the order of time left."""
    groups: list[tuple[Sequence[Approval], int]] = []
    for theirs in callers:
        if len(theirs) >= TOGETHER_FROM:
            groups.append((theirs[:OF_GROUP], len(theirs)))
        else:
            groups.extend(((each,), 1) for each in theirs)
    return sorted(groups, key=lambda group: group[0][0].request.expires_ns)


def _group(approvals: Sequence[Approval], count: int, identity: Identity, now_ns: int) -> Group:
    request = approvals[0].request
    rows = tuple(row_view(each, identity, now_ns) for each in approvals)
    return Group(
        who(request.requester, request.requester_person), who(request.actor), rows, count, request.requester
    )


def row_view(approval: Approval, identity: Identity, now_ns: int) -> Row:
    """Return one request as a row."""
    request = approval.request
    stands = standing(approval, identity, now_ns)
    summary = _summary(_Summarized(request.approval_id, request))
    seconds = seconds_left(request.expires_ns, now_ns)
    return Row(
        approval_id=request.approval_id,
        function=request.function,
        summary=summary.values,
        has_more=summary.more,
        marks=summary.marks[:MARKS_MOST],
        more_marks=max(0, len(summary.marks) - MARKS_MOST),
        risk=request.risk,
        risk_word=risk_word(request.risk),
        person=who(request.requester, request.requester_person),
        agent=who(request.actor),
        needs=quorum_words(request.quorum),
        votes=len(approval.approvers),
        minimum=max(1, request.minimum),
        is_mine=stands.may_vote,
        note=_note(stands.refused),
        ticketed=approval.ticketed,
        expires_ms=request.expires_ns * 1_000 // NANOSECONDS_PER_SECOND,
        left=duration(seconds),
        is_late=seconds < LATE_S,
    )


@dataclass(frozen=True, slots=True)
class _Summarized:
    """The key of a summary: what a request asks for never changes."""

    approval_id: str
    request: ApprovalRequest = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Summary:
    values: tuple[tuple[str, str], ...]
    more: bool
    marks: tuple[Mark, ...]


@lru_cache(SUMMARIES_KEPT)
def _summary(wanted: _Summarized) -> _Summary:
    """Return what a row says of the arguments. Kept: pages show a row again with every change of the queue."""
    request = wanted.request
    lines = argument_lines(request.preview, request.findings[:SUMMARY_LINES], most=SUMMARY_LINES)
    values = [line for line in lines if line.kind is not Kind.OPEN]
    return _Summary(
        tuple((shortened(_name(line), KEY_CHARACTERS), _value(line)) for line in values[:SUMMARY_VALUES]),
        len(values) > SUMMARY_VALUES,
        danger_marks(lines),
    )


def danger_marks(lines: Iterable[Line]) -> tuple[Mark, ...]:
    """Return the marks that stand out most, each label once."""
    found = (mark for line in lines for mark in line.marks if mark.weight is Weight.DANGER)
    return tuple({mark.label: mark for mark in found}.values())


def _note(refused: WhyRefused | None) -> str:
    notes = {
        WhyRefused.OWN_CALL: "your own call",
        WhyRefused.ALREADY_VOTED: "you have voted",
        WhyRefused.WRONG_GROUP: "others decide",
    }
    return notes.get(refused, "") if refused else ""


def _name(line: Line) -> str:
    """Return the nearest name and the indexes behind it: ``to[0]``."""
    last = max((at for at, part in enumerate(line.location) if isinstance(part, str)), default=0)
    return "".join(part if isinstance(part, str) else f"[{part}]" for part in line.location[last:])


def _value(line: Line) -> str:
    return shortened(" ".join(line.text.split()), SUMMARY_CHARACTERS)


def shortened(text: str, most: int) -> str:
    """Return a text of so many characters at most, with an ellipsis where it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
