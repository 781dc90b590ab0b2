"""What the command line expects of the API's answers. Another server's answer is an error, and no traceback.

Members that are not named here are ignored; members that older versions lack have defaults.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from extproc.model.errors import ControlError

LONGEST_ID = 128
LONGEST_REUSE_S = 10 * 366 * 86_400
SMALLEST_RISK, LARGEST_RISK = 0, 100
AnswerT = TypeVar("AnswerT", bound="Expected")


class Expected(BaseModel):
    """A document that the control process sends."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FindingAnswer(Expected):
    """What was found in the arguments, and how it was masked."""

    entity: str
    path: str
    how: str = ""
    count: int = 1


class VoteAnswer(Expected):
    """One vote. ``docs/reference/api.md`` has the members."""

    voter: str
    approve: bool
    note: str = ""
    at: str = ""
    source: str = ""
    break_glass: bool = False
    withdrawn: str | None = None
    """When the voter took it back: RFC 3339; None: it counts."""


class ReuseAnswer(Expected):
    """For how long after the approval it releases further calls, and what must be the same."""

    seconds: float = Field(ge=0, le=LONGEST_REUSE_S)
    same: list[str] = []
    until: str | None = None
    """When that ends: RFC 3339; None: nobody has approved it, or it releases one call."""


class ApprovalAnswer(Expected):
    """One approval. ``docs/reference/api.md`` has the members."""

    approval_id: str = Field(min_length=1, max_length=LONGEST_ID)
    state: str
    function: str
    requester: str
    digest: str
    preview_digest: str = ""
    call_id: str = ""
    actor: str = ""
    reason: str = ""
    rule: str = ""
    risk: int = Field(0, ge=SMALLEST_RISK, le=LARGEST_RISK)
    groups: list[str] = []
    minimum: int = 1
    alternatives: list[list[str]] = []
    """Groups that must approve together; any of the lists is enough."""
    break_glass: list[str] = []
    mode: str = ""
    ticketed: bool = False
    reuse: ReuseAnswer | None = None
    usable_until: str | None = None
    """Until when the approval releases the call: RFC 3339; None: it does not, or not any more."""
    arguments: str = ""
    findings: list[FindingAnswer] = []
    source: str = ""
    definition: str = ""
    created: str = ""
    closed: str | None = None
    seconds_left: int = 0
    votes: list[VoteAnswer] = []


class ApprovalsAnswer(Expected):
    """A list of approvals."""

    approvals: list[ApprovalAnswer]


class LinkAnswer(Expected):
    """A one-time link to the console."""

    url: str
    expires: str = ""


class SessionsAnswer(Expected):
    """A list of sessions; each has the columns of the view ``sessions``."""

    sessions: list[dict[str, Any]]


class EntriesAnswer(Expected):
    """The entries of one session."""

    entries: list[dict[str, Any]]


class CountedAnswer(Expected):
    """One kind of sensitive data that was found, and how often."""

    side: str
    count: int


class TimelineEntry(Expected):
    """What the timeline of a session needs of an entry."""

    kind: str
    call_id: str
    time_ns: int
    duration_ms: float
    held_ms: float
    function: str
    subject: str
    source: str
    actor: str
    reason: str
    status: int
    findings: list[CountedAnswer]
    approvers: list[str]


class TimelineAnswer(Expected):
    """The entries of one session, as the timeline reads them."""

    entries: list[TimelineEntry]


class RowsAnswer(Expected):
    """The result of a query."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool = False

    @model_validator(mode="after")
    def _rectangular(self) -> "RowsAnswer":
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has another number of values than there are columns")
        return self


class AcceptedByAnswer(Expected):
    """A person who accepted a definition."""

    person: str
    note: str = ""
    at: str = ""


class DefinitionAnswer(Expected):
    """One definition of a tool."""

    function: str
    digest: str
    state: str
    how: str = ""
    accepted_by: list[AcceptedByAnswer] = []
    minimum: int = 1
    first_seen: str = ""
    last_seen: str = ""
    text: str = ""


class DefinitionsAnswer(Expected):
    """A list of definitions."""

    definitions: list[DefinitionAnswer]


def expect(kind: type[AnswerT], document: object, *, who: str = "the control process") -> AnswerT:
    """Return the document as what it should be.

    Args:
        kind: what the request is answered with.
        document: JSON.
        who: the name of the server in the error.

    Raises:
        ControlError: it is something else. The error holds nothing of it.
    """
    try:
        return kind.model_validate(document)
    except (ValidationError, RecursionError):
        raise ControlError(
            f"the answer is not what {who} sends",
            "Another program may answer there, or another version of extproc: compare `extproc --version`.",
        ) from None
