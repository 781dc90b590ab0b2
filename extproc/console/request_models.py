"""What requests to the API may hold. A name that is not known is an error, in a body and in a query."""

from typing import Annotated

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from extproc.approvals.approval import State
from extproc.approvals.rules import NOTE_MAX, NOTE_MIN
from extproc.settings.base import Strict

LIST_MAX = 500
ROWS_MAX = 10_000
SQL_MAX = 65_536
NAME_MAX = 1_000
"""Characters of a name in a filter."""
DIGEST_MAX = 128
ROOM = 10_000
"""Characters of a note that are read, so that one that is too long is refused as such."""


def _whole(value: object) -> object:
    """Return an integer for a number without a fraction: JSON has one type of numbers (RFC 8259 section 6)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Limit = Annotated[int, Field(ge=1, le=LIST_MAX)]
NameFilter = Annotated[str, Field(max_length=NAME_MAX, pattern=r"^[^\x00]*$")]
Note = Annotated[
    str,
    Field(
        max_length=ROOM,
        pattern=r"^[^\x00]*$",
        # Only described: the desk refuses notes by their masked text, with a reason of its own.
        json_schema_extra={
            "maxLength": NOTE_MAX,
            "pattern": rf"^\s*[^\s\0][^\0]{{{NOTE_MIN - 2},{NOTE_MAX - 2}}}[^\s\0]\s*$",
        },
    ),
]
"""The reason of a person. It is masked before it is stored."""
Digest = Annotated[str, Field(max_length=DIGEST_MAX)]


LISTS = frozenset({"state"})
"""Query parameters that may be given several times."""


def each_once(request: Request) -> None:
    """Refuse a query that gives a parameter twice: the parts that read it could take different values.

    Raises:
        RequestValidationError: it does.
    """
    names = [name for name, _ in request.query_params.multi_items() if name not in LISTS]
    if len(names) != len(set(names)):
        raise RequestValidationError([])


class InQuery(BaseModel):
    """A query. Not strict about types, because everything in a URL is text."""

    model_config = ConfigDict(extra="forbid")


class VoteBody(Strict):
    """The body of a vote."""

    model_config = ConfigDict(json_schema_extra={"required": ["note"]})

    note: Note = ""
    digest: Digest | None = None
    """The digest of the call that the voter saw. A vote with the digest of another call is refused."""
    preview_digest: Digest | None = None
    """The digest of the preview that the voter saw. A vote with another one is refused."""


class ApproveBody(VoteBody):
    """The body of an approval."""

    break_glass: bool = False
    """Release the call alone, in an emergency, where policy lets the voter."""


class RecentQuery(InQuery):
    """Which requests to list."""

    pending: bool = False
    """Only those that wait."""
    limit: Limit = 100


class SearchQuery(InQuery):
    """What to search for. All that is given holds."""

    function: NameFilter = ""
    requester: NameFilter = ""
    """``issuer|subject``."""
    state: list[State] = Field([], max_length=len(State))
    ticketed: bool | None = None
    before: str = Field("", pattern=r"^[0-9a-f-]{0,36}$")
    """Only older ones than this id."""
    limit: Limit = 100


class SessionsQuery(InQuery):
    """Which sessions to list."""

    subject: str | None = None
    function: str | None = None
    limit: Limit = 100


class QueryBody(Strict):
    """The body of a query."""

    sql: str = Field(min_length=1, max_length=SQL_MAX)
    limit: Annotated[int, BeforeValidator(_whole)] = Field(1_000, ge=1, le=ROWS_MAX)


class DefinitionsQuery(InQuery):
    """Which definitions to list."""

    changed: bool = False
    """Only those that nobody accepted."""


class FunctionQuery(InQuery):
    """Which function's definitions to show."""

    function: str
    """``connection.name``."""


class DecisionBody(Strict):
    """The body of an acceptance or a rejection."""

    model_config = ConfigDict(json_schema_extra={"required": ["function", "digest", "note"]})

    function: str = Field(max_length=NAME_MAX)
    """``connection.name``."""
    digest: Digest
    """The digest of the definition that the person saw: no other one is accepted."""
    note: Note = ""
