"""Words for people: times, states, risks, names of people, and why something was refused."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from extproc.approvals.approval import Approval, State, Vote
from extproc.model.errors import WhyRefused
from extproc.model.quorum import Quorum
from extproc.model.units import NANOSECONDS_PER_SECOND

HIGH, MEDIUM = 70, 40
"""Risks from which a call counts as high and as medium; policies of the starter bundle hold at 70."""
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Who:
    """A person or an agent, as pages name them."""

    name: str
    """The claim that joins a person's accounts, such as an e-mail address; else the subject."""
    subject: str
    """Unique within its issuer."""
    issuer: str
    """The issuer's host, or its whole name where it is no URL."""
    whole: str
    """``issuer|subject``."""


def who(identity_name: str, person: str = "") -> Who | None:
    """Return a person or agent.

    Args:
        identity_name: ``Identity.name``; empty: nobody.
        person: ``Identity.person``.
    """
    if not identity_name:
        return None
    issuer, bar, subject = identity_name.partition("|")
    if not bar:
        return Who(person or identity_name, identity_name, "", identity_name)
    try:
        host = urlsplit(issuer).netloc
    except ValueError:
        host = ""
    return Who(person or subject, subject, host or issuer, identity_name)


def seconds_left(expires_ns: int, now_ns: int) -> int:
    """Return whole seconds until then; 0 if it is over."""
    return max(0, (expires_ns - now_ns) // NANOSECONDS_PER_SECOND)


def duration(seconds: int) -> str:
    """Say a time span in its two largest units: ``4 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE:02d} s"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02d} min"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"


def ago(then_ns: int, now_ns: int) -> str:
    """Say how long ago a moment is, roughly."""
    seconds = seconds_left(now_ns, then_ns)
    if seconds < MINUTE:
        return "just now"
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def clock_time(time_ns: int) -> str:
    """Say a moment for people: ``2026-03-01 14:05:09 UTC``."""
    return datetime.fromtimestamp(time_ns / NANOSECONDS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def risk_word(risk: int) -> str:
    """Return ``high``, ``medium`` or ``low``."""
    return "high" if risk >= HIGH else "medium" if risk >= MEDIUM else "low"


def quorum_words(quorum: Quorum) -> str:
    """Say who must approve: ``one person of sre``, ``one of sre, or one of dba and one of security``."""
    if not quorum.alternatives:
        return "nobody: policy names no group"
    alone = all(len(groups) == 1 for groups in quorum.alternatives)
    count = max(1, quorum.minimum)
    people = "one person" if count == 1 else f"{count} different people"
    if alone:
        return f"{people} of {' or '.join(quorum.groups)}"
    sets = (" and ".join(f"one of {group}" for group in groups) for groups in quorum.alternatives)
    joined = ", or ".join(sets)
    return joined if count == 1 else f"{joined}; {people} at least"


STATES: dict[State, str] = {
    State.PENDING: "waits for a decision",
    State.APPROVED: "approved",
    State.DENIED: "denied",
    State.EXPIRED: "expired",
    State.CANCELLED: "cancelled",
}
REASONS = {
    "high-risk": "Policy counts it as high risk.",
    "approval-required": "Policy wants people to see it first.",
    "sensitive-data": "It carries sensitive data.",
    "separation-of-duties": "Policy wants another person to agree.",
    "outside-hours": "It is made outside of working hours.",
}
"""Why policy held a call, as a sentence; other reasons are shown as they are."""

REFUSED: dict[WhyRefused, str] = {
    WhyRefused.UNKNOWN: "There is no such request, or none that you may see.",
    WhyRefused.NOT_PENDING: "This request is not open any more.",
    WhyRefused.EXPIRED: "The time for this request is over: nobody can decide it any more.",
    WhyRefused.OWN_CALL: "You made this call, or an agent made it for you. Somebody else must decide.",
    WhyRefused.ON_BEHALF: "An agent acts for you in this sign-in. People decide themselves.",
    WhyRefused.WRONG_GROUP: "You are in none of the groups that decide this request.",
    WhyRefused.ALREADY_VOTED: "You have already voted on this request.",
    WhyRefused.NOTE_REQUIRED: "Give a reason of 3 to 1,000 characters: it is kept as evidence.",
    WhyRefused.WRONG_DIGEST: "Your page showed another call. Nothing was decided: read this page, and vote again.",
    WhyRefused.WRONG_PREVIEW: "Your page did not show all of this call. Nothing was decided: read it, then vote.",
    WhyRefused.NOTHING_TO_WITHDRAW: "You have no vote here that could still be taken back.",
    WhyRefused.NOT_YOURS: "Only the caller can cancel this request.",
    WhyRefused.PERSON_UNKNOWN: "Your sign-in does not say which person you are: you could be the caller.",
    WhyRefused.NO_BREAK_GLASS: "Policy does not let you release this call alone.",
}
"""A sentence for each reason why an act was refused."""


def outcome(approval: Approval) -> str:
    """Say how a request stands, and by whom: ``approved by noor, emil (broke the glass)``."""
    state = STATES[approval.state]
    against = approval.state is State.DENIED
    if approval.state in (State.APPROVED, State.DENIED):
        names = [_named(vote) for vote in approval.counted if vote.approve is not against]
        return f"{state} by {', '.join(names)}" if names else state
    if approval.state is State.CANCELLED:
        return "cancelled: its caller gave up"
    return "expired: nobody decided in time" if approval.state is State.EXPIRED else state


def _named(vote: Vote) -> str:
    name = vote.person or who_short(vote.voter)
    return f"{name} (broke the glass)" if vote.break_glass else name


def who_short(identity_name: str) -> str:
    """Return the subject of an ``Identity.name``."""
    found = who(identity_name)
    return found.name if found else ""
