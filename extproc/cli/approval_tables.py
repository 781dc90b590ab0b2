"""Approvals on a terminal: the list, one approval, and the result of a vote."""

import sys
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from extproc.cli.short_ids import shorten
from extproc.console.expected_answers import ApprovalAnswer, FindingAnswer, ReuseAnswer, VoteAnswer
from extproc.console.fitting import Fitting
from extproc.console.pages.argument_changes import compare
from extproc.console.pages.argument_lines import Line, argument_lines
from extproc.console.pages.plain_words import duration
from extproc.console.pages.risk_marks import Weight
from extproc.console.printable import plain, pretty_json
from extproc.model.masking import Finding

RISKY = 70
"""The risk from which its number is shown in red."""
STATE_STYLES = {"pending": "yellow", "approved": "green", "denied": "red"}
CHANGE_STYLES = {"new": "green", "changed": "yellow", "gone": "red"}
MARK_STYLES = {Weight.DANGER: "bold red", Weight.CARE: "yellow"}
LINES_MOST = 50
"""Marks and changes that are shown, of each; the arguments themselves are shown whole."""
HISTORY_COLUMNS = ("id", "time", "state", "function", "who", "reason", "votes", "voters")
COLUMNS = ("id", "state", "function", "who", "risk", "reason", "votes", "left")


def listing(approvals: Sequence[ApprovalAnswer], nothing: str = "No call waits for approval.") -> Fitting | Text:
    """Return the list. Ids are short on a terminal, and whole in a file or a pipe.

    Args:
        approvals: in the order in which they are shown.
        nothing: the sentence in the place of an empty list.
    """
    if not approvals:
        return Text(nothing)
    ids = [each.approval_id for each in approvals]
    shown = shorten(ids) if sys.stdout.isatty() else dict(zip(ids, ids, strict=True))
    return Fitting(COLUMNS, [_row(each, shown[each.approval_id]) for each in approvals], whole=("id",))


def past(approvals: Sequence[ApprovalAnswer], nothing: str) -> Fitting | Text:
    """Return the list of what was decided: when, by whom, and with which notes.

    Args:
        approvals: in the order in which they are shown.
        nothing: the sentence in the place of an empty list.
    """
    if not approvals:
        return Text(nothing)
    ids = [each.approval_id for each in approvals]
    shown = shorten(ids) if sys.stdout.isatty() else dict(zip(ids, ids, strict=True))
    return Fitting(
        HISTORY_COLUMNS, [_past_row(each, shown[each.approval_id]) for each in approvals], whole=("id",)
    )


def _past_row(approval: ApprovalAnswer, shown_id: str) -> list[Text]:
    return [
        plain(shown_id),
        plain(approval.closed or approval.created),
        _state(approval),
        plain(approval.function),
        plain(person(approval.requester)[1]),
        plain(approval.reason),
        _votes(approval),
        plain("; ".join(_said(vote) for vote in approval.votes)),
    ]


def _said(vote: VoteAnswer) -> str:
    withdrawn = " (withdrawn)" if vote.withdrawn is not None else ""
    return f"{person(vote.voter)[1]} {_verb(vote)}: {vote.note}{withdrawn}"


def _votes(approval: ApprovalAnswer) -> Text:
    """The count of votes. Breaking the glass is no ordinary approval, and must not look like one."""
    broken = any(vote.break_glass and vote.approve and vote.withdrawn is None for vote in approval.votes)
    return plain(f"{tally(approval)} break-glass", "bold red") if broken else plain(tally(approval))


def _row(approval: ApprovalAnswer, shown_id: str) -> list[Text]:
    return [
        plain(shown_id),
        _state(approval),
        plain(approval.function),
        plain(person(approval.requester)[1]),
        _risk(approval),
        plain(approval.reason),
        _votes(approval),
        plain(_left(approval)),
    ]


def details(approval: ApprovalAnswer, last_approved: ApprovalAnswer | None = None) -> Group:
    """Return everything that an approver needs to know about one approval.

    Args:
        approval: what to show.
        last_approved: the approved call of the same function before it, to compare with; None: there is none.
    """
    issuer, subject = person(approval.requester)
    # Values fold beside their names, so that a value which wraps cannot pass for a line of this command.
    facts = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2))
    rows: list[tuple[str, Text]] = [
        ("function", plain(approval.function, "bold")),
        ("who", plain(subject, "bold")),
        ("acting agent", plain(person(approval.actor)[1] or "none")),
        ("issuer", plain(issuer)),
        ("from", plain(approval.source)),
        ("risk", _risk(approval)),
        ("held because", plain(f"{approval.reason} (rule {approval.rule or 'unnamed'})")),
        ("state", _state(approval)),
        ("time left", plain(_left(approval), "bold")),
        ("approvers", plain(_approvers(approval))),
        *([("break-glass", plain(f"one of {', '.join(approval.break_glass)}"))] if approval.break_glass else []),
        *([("reuse", _reuse(approval.reuse))] if approval.reuse else []),
        *(
            [("ticket", plain(f"the caller has a ticket, and asks again{_until(approval)}"))]
            if approval.ticketed
            else []
        ),
        *(("voted", _vote_line(vote)) for vote in approval.votes),
        *([("definition", _definition(approval))] if approval.definition else []),
        ("found", plain(_findings(approval.findings))),
        ("digest", plain(approval.digest)),
        *([("preview digest", plain(approval.preview_digest))] if approval.preview_digest else []),
        ("call", plain(approval.call_id)),
        ("approval", plain(approval.approval_id)),
    ]
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), value)
    compared = _compared(approval, last_approved) if last_approved else []
    return Group(facts, Text(), *_arguments(approval.arguments), *_risky(approval), *compared)


def _approvers(approval: ApprovalAnswer) -> str:
    """Say who has to approve: ``2 of sre, dba``, or ``sre; or dba and security together``."""
    if not any(len(each) > 1 for each in approval.alternatives):
        # Older servers send no alternatives. Groups for emergencies are on a line of their own.
        groups = [each for one in approval.alternatives for each in one] or [
            each for each in approval.groups if each not in approval.break_glass
        ]
        return f"{approval.minimum} of {', '.join(dict.fromkeys(groups)) or 'nobody'}"
    ways = "; or ".join(
        " and ".join(each) + (" together" if len(each) > 1 else "") for each in approval.alternatives
    )
    return f"{ways}" + (f"; {approval.minimum} people in all" if approval.minimum > 1 else "")


def _reuse(reuse: ReuseAnswer) -> Text:
    """Say which further calls the approval releases. What nobody can see before is in red."""
    until = f", until {reuse.until}" if reuse.until else ""
    span = f"for {duration(int(reuse.seconds))} after the approval{until}"
    if "arguments" in reuse.same:
        return plain(f"it also releases this caller's calls with the same arguments, {span}", "yellow")
    return plain(f"it also releases this caller's calls of this function WITH ANY ARGUMENTS, {span}", "bold red")


def _until(approval: ApprovalAnswer) -> str:
    return f"; the approval is good until {approval.usable_until}" if approval.usable_until else ""


def _risky(approval: ApprovalAnswer) -> list[RenderableType]:
    """The arguments to look at first, each with its place and the reason. They decide nothing."""
    marked = [(line, mark) for line in _lines(approval) for mark in line.marks]
    if not marked:
        return []
    grid = Table.grid(Column(no_wrap=True), Column(overflow="fold"), Column(overflow="fold"), padding=(0, 2))
    for line, mark in marked[:LINES_MOST]:
        style = MARK_STYLES.get(mark.weight, "")
        grid.add_row(plain(f"  {mark.label}", style), plain(line.path, "bold"), plain(mark.why))
    return [Text(), Text("look at:", style="dim"), grid, *_more(len(marked))]


def _compared(approval: ApprovalAnswer, before: ApprovalAnswer) -> list[RenderableType]:
    """The difference of the masked arguments to the last approved call. Equal masks may hide different values."""
    changes = compare(_lines(approval), _lines(before))
    title = f"compared with the last approved call ({before.approval_id}, {before.created}):"
    grid = Table.grid(Column(no_wrap=True), Column(overflow="fold"), Column(overflow="fold"), padding=(0, 2))
    rows = [
        *(
            (each.change, each, f"{each.before} → {each.written}" if each.before else each.written)
            for each in changes.lines
            if each.change
        ),
        *(("gone", each, each.written) for each in changes.gone),
    ]
    for word, line, value in rows[:LINES_MOST]:
        grid.add_row(plain(f"  {word}", CHANGE_STYLES[word]), plain(line.path, "bold"), plain(value))
    found: RenderableType = grid if rows else Text("  the same masked arguments")
    return [Text(), plain(title, "dim"), found, *_more(len(rows))]


def _lines(approval: ApprovalAnswer) -> tuple[Line, ...]:
    findings = [Finding(each.entity, each.path, each.how, each.count) for each in approval.findings]
    return argument_lines(approval.arguments, findings)


def _more(count: int) -> list[Text]:
    return [Text(f"  and {count - LINES_MOST} more", style="bold red")] if count > LINES_MOST else []


def _arguments(preview: str) -> list[RenderableType]:
    """The masked arguments, and a warning if approvers do not see all of them."""
    if not preview:
        return [Text("No arguments are shown: the connection does not record them.", style="bold red")]
    text, complete = pretty_json(preview)
    # Indented, so that a value which wraps cannot pass for a line of this command.
    shown: list[RenderableType] = [Text("arguments, masked:", style="dim"), Padding(Text(text), (0, 0, 0, 2))]
    return shown if complete else [*shown, Text("The arguments are cut off: the call has more.", style="bold red")]


def outcome(approval: ApprovalAnswer) -> Text:
    """Return the result of a vote."""
    function = plain(approval.function).plain
    if approval.state == "pending":
        return Text(f"Counted: {tally(approval)} approvals for {function}; it still waits.")
    runs = ""
    if approval.state == "approved" and approval.ticketed:
        until = f", until {approval.usable_until}" if approval.usable_until else ""
        runs = f". It runs when the caller makes the call again{until}."
    return plain(f"{approval.state.capitalize()}: {function}{runs}", STATE_STYLES.get(approval.state, ""))


def taken_back(approval: ApprovalAnswer) -> Text:
    """Return the result of a withdrawn vote or a cancelled request."""
    function = plain(approval.function).plain
    if approval.state == "pending":
        return Text(f"Withdrawn: {tally(approval)} approvals for {function}; it still waits.")
    return plain(f"{approval.state.capitalize()}: {function}", STATE_STYLES.get(approval.state, ""))


def person(name: str) -> tuple[str, str]:
    """Split ``issuer|subject``."""
    issuer, bar, subject = name.partition("|")
    return (issuer, subject) if bar else ("", name)


def _state(approval: ApprovalAnswer) -> Text:
    return plain(approval.state, STATE_STYLES.get(approval.state, "dim"))


def _definition(approval: ApprovalAnswer) -> Text:
    if approval.definition != "changed":
        return plain(approval.definition)
    return plain(f"changed: see `extproc tools diff {approval.function}` before you vote", "bold red")


def _risk(approval: ApprovalAnswer) -> Text:
    return plain(approval.risk, "bold red" if approval.risk >= RISKY else "")


def tally(approval: ApprovalAnswer) -> str:
    """Return how many votes for the call count, of how many it needs."""
    counted = sum(vote.approve and vote.withdrawn is None for vote in approval.votes)
    return f"{counted}/{approval.minimum}"


def _left(approval: ApprovalAnswer) -> str:
    if approval.state != "pending":
        return "-"
    minutes, seconds = divmod(approval.seconds_left, 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _vote_line(vote: VoteAnswer) -> Text:
    where = f" from {vote.source}" if vote.source else ""
    line = f"{person(vote.voter)[1]} {_verb(vote)} at {vote.at}{where}: {vote.note}"
    if vote.withdrawn is not None:
        return plain(f"{line} (withdrawn at {vote.withdrawn})", "strike")
    return plain(line, "bold red" if vote.break_glass else "")


def _verb(vote: VoteAnswer) -> str:
    return "broke the glass" if vote.break_glass else "approved" if vote.approve else "denied"


def _findings(findings: Sequence[FindingAnswer]) -> str:
    shown = (f"{each.entity} at {each.path}" + (f" ({each.how})" if each.how else "") for each in findings)
    return "; ".join(shown) or "nothing"
