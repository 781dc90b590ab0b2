"""A session as a table for people: one line per call, in order of time, and below it the acts on its approval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from extproc.model.entries import ACTS, EntryKind
from extproc.model.masking import Side
from extproc.model.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

Row = Mapping[str, Any]
"""An entry, as ``EvidenceReader.session`` returns it."""

Plain = Callable[[object, str], Text]
"""Makes text of a value and a style, without control characters: values come from callers and are not trusted."""

ENDS: dict[str, tuple[str, str]] = {
    EntryKind.COMPLETED: ("allow", "green"),
    EntryKind.DENIED: ("deny", "red"),
    EntryKind.FAILED: ("failed", "yellow"),
    EntryKind.HELD: ("held", "magenta"),
    EntryKind.DECIDED: ("running", "cyan"),
}
"""The word and style of a call's state, by the kind of its last entry."""

ACT_WORDS: dict[str, tuple[str, str]] = {
    EntryKind.APPROVAL_VOTED: ("voted", "green"),
    EntryKind.APPROVAL_BREAK_GLASS: ("broke glass", "bold red"),
    EntryKind.APPROVAL_WITHDRAWN: ("vote back", "yellow"),
    EntryKind.APPROVAL_CANCELLED: ("cancelled", "yellow"),
    EntryKind.APPROVAL_REFUSED: ("refused", "red"),
    EntryKind.APPROVAL_LOOKED: ("looked", "dim"),
    EntryKind.APPROVAL_EXPIRED: ("expired", "yellow"),
}
"""The word and style of an act. That an act was counted has no line: the call's own line has the result."""

COLUMNS = ("Time UTC", "Function", "Decision", "Reason", "Status", "Took", "Held", "Found", "Approved by")
OPTIONAL = frozenset(("Held", "Found", "Approved by"))
"""Columns that are left out if they are empty for the whole session."""

NUMBERS = frozenset(("Status", "Took", "Held", "Found"))
WIDE = {"Function": 20, "Reason": 18, "Approved by": 11}
"""The columns that fold, and their minimum widths."""

SECOND_MS = 1_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ActLine:
    """One act on a call's approval, as a line below the call."""

    time_ns: int
    kind: str
    who: str
    """The subject; the address of one without identity."""
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call, as a line of the timeline."""

    start_ns: int
    function: str
    kind: str
    """Kind of the entry that ends the call, or of its latest entry."""
    reason: str
    status: int
    duration_ms: float
    held_ms: float
    findings: int
    """In the request; in entries of older versions, in the response, too."""
    response_findings: int
    approvers: tuple[str, ...]
    acts: tuple[ActLine, ...] = ()
    """In order of time."""


def call_lines(rows: Iterable[Row]) -> list[CallLine]:
    """Fold entries into one line per call, ordered by the calls' beginnings."""
    calls: dict[str, list[Row]] = {}
    for row in rows:
        calls.setdefault(row["call_id"], []).append(row)
    return sorted((_line(entries) for entries in calls.values()), key=lambda line: line.start_ns)


def timeline(rows: Sequence[Row], plain: Plain) -> Table:
    """Return a session as a table that fits 100 columns.

    Args:
        rows: the session's entries, in order of time.
        plain: makes values safe to print.
    """
    lines = call_lines(rows)
    table = Table(
        box=box.SIMPLE_HEAD, padding=0, pad_edge=False, title=_title(rows, plain), caption=_summary(lines)
    )
    table.title_justify = table.caption_justify = "left"
    cells = [
        row for line in lines for row in (_cells(line, plain), *(_act_cells(act, plain) for act in line.acts))
    ]
    shown = [n for n, name in enumerate(COLUMNS) if name not in OPTIONAL or any(row[n].plain for row in cells)]
    for n in shown:
        _add_column(table, COLUMNS[n])
    for row in cells:
        table.add_row(*(row[n] for n in shown))
    return table


def _add_column(table: Table, name: str) -> None:
    if name in WIDE:
        table.add_column(name, overflow="fold", min_width=WIDE[name])
    else:
        table.add_column(name, no_wrap=True, justify="right" if name in NUMBERS else "left")


def _line(rows: list[Row]) -> CallLine:
    acts = [row for row in rows if row["kind"].startswith(ACTS)]
    entries = [row for row in rows if not row["kind"].startswith(ACTS)] or rows
    ends = [row for row in entries if row["kind"] in ENDS and EntryKind(row["kind"]).terminal]
    last = (ends or entries)[-1]
    return CallLine(
        start_ns=min(
            int(row["time_ns"]) - int(row["duration_ms"] * NANOSECONDS_PER_MILLISECOND) for row in entries
        ),
        function=last["function"],
        kind=last["kind"],
        reason=last["reason"],
        status=last["status"],
        duration_ms=last["duration_ms"],
        held_ms=max(row["held_ms"] for row in entries),
        findings=_count(last, Side.UNRECORDED, Side.REQUEST),
        response_findings=_count(last, Side.RESPONSE),
        approvers=tuple(last["approvers"]),
        acts=tuple(_act_line(row) for row in acts if row["kind"] in ACT_WORDS),
    )


def _act_line(row: Row) -> ActLine:
    who = row["subject"] or row["source"]
    return ActLine(int(row["time_ns"]), row["kind"], who, row["reason"], row["approval_note"])


def _count(row: Row, *sides: Side) -> int:
    return sum(one["count"] for one in row["findings"] if one["side"] in sides)


def _cells(line: CallLine, plain: Plain) -> list[Text]:
    word, style = ENDS.get(line.kind, ("unreadable", "red"))
    return [
        Text(_clock(line.start_ns), "dim"),
        plain(line.function, "bold"),
        Text(word, style),
        plain(line.reason, "" if style == "green" else style),
        Text(str(line.status or "")),
        Text(_span(line.duration_ms)),
        Text(_span(line.held_ms), "magenta"),
        Text(_found(line), "yellow"),
        plain("\n".join(name.rpartition("|")[2] for name in line.approvers), ""),
    ]


def _act_cells(act: ActLine, plain: Plain) -> list[Text]:
    word, style = ACT_WORDS[act.kind]
    said = f"{act.reason}: {act.note}" if act.note else act.reason
    shown = [Text(_clock(act.time_ns), "dim"), plain(f"  {act.who}", ""), Text(word, style), plain(said, "")]
    return shown + [Text()] * (len(COLUMNS) - len(shown))


def _found(line: CallLine) -> str:
    """Return ``3`` for findings in the request, ``3+2`` with findings in the response."""
    if line.response_findings:
        return f"{line.findings}+{line.response_findings}"
    return str(line.findings or "")


def _title(rows: Sequence[Row], plain: Plain) -> Text:
    if not rows:
        return Text("No entries")
    first = rows[0]
    title = plain(first["subject"] or first["source"] or "nobody", "bold")
    if first["actor"]:
        title.append_text(Text(" through ")).append_text(plain(first["actor"], "bold"))
    day = datetime.fromtimestamp(int(first["time_ns"]) // NANOSECONDS_PER_SECOND, UTC).date().isoformat()
    return title.append(f", {day}", "dim")


def _summary(lines: Sequence[CallLine]) -> Text:
    counts = {
        "denied": sum(line.kind == EntryKind.DENIED for line in lines),
        "failed": sum(line.kind == EntryKind.FAILED for line in lines),
        "held": sum(line.held_ms > 0 or line.kind == EntryKind.HELD for line in lines),
    }
    parts = [f"{len(lines)} call{'' if len(lines) == 1 else 's'}"]
    return Text(", ".join(parts + [f"{count} {name}" for name, count in counts.items() if count]), "dim")


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // NANOSECONDS_PER_SECOND, UTC):%H:%M:%S}"


def _span(milliseconds: float) -> str:
    if milliseconds <= 0:
        return ""
    if milliseconds < SECOND_MS:
        return f"{milliseconds:.0f}ms"
    if milliseconds < MINUTE_MS:
        return f"{milliseconds / SECOND_MS:.1f}s"
    minutes, seconds = divmod(round(milliseconds / SECOND_MS), 60)
    return f"{minutes}m {seconds:02}s"
