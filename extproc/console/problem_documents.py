"""Errors as problem documents (RFC 9457). They repeat nothing that the client has sent."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import (
    Any,
    NotRequired,  # pydantic needs these before Python 3.12
    TypeVar,
)

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

from extproc.model.errors import (
    ApprovalError,
    DefinitionError,
    EvidenceError,
    QueryError,
    Refused,
    VoteRefused,
    WhyRefused,
)
from extproc.model.reasons import Reason

ErrorT = TypeVar("ErrorT", bound=Exception)

MEDIA_TYPE = "application/problem+json"

REFUSALS: dict[WhyRefused, tuple[int, str]] = {
    WhyRefused.UNKNOWN: (404, "There is no such approval or definition"),
    WhyRefused.NOT_PENDING: (409, "It was decided, expired or cancelled before"),
    WhyRefused.EXPIRED: (409, "It has expired"),
    WhyRefused.OWN_CALL: (403, "You may not decide on your own call"),
    WhyRefused.ON_BEHALF: (403, "An agent cannot decide for a person"),
    WhyRefused.WRONG_GROUP: (403, "None of your groups may decide on it"),
    WhyRefused.ALREADY_VOTED: (409, "You have already voted on it"),
    WhyRefused.NOTE_REQUIRED: (422, "A note of 3 to 1,000 characters is required"),
    WhyRefused.WRONG_DIGEST: (409, "The digest is not this call's"),
    WhyRefused.WRONG_PREVIEW: (409, "The call is shown otherwise now: look again"),
    WhyRefused.NO_BREAK_GLASS: (403, "You may not release this call alone"),
    WhyRefused.PERSON_UNKNOWN: (403, "Your token does not say which person you are"),
    WhyRefused.NOTHING_TO_WITHDRAW: (409, "You have no approval here that could be taken back"),
    WhyRefused.NOT_YOURS: (403, "Only its caller may cancel it"),
}
"""Status and title for each reason an act is refused."""
COMMON = (400, 401, 403, 408, 413, 422, 500, 503)
"""The statuses that every endpoint may answer with. 400 is a request that is not HTTP as it should be."""


class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    reason: str
    state: NotRequired[str]
    """The approval's state, where it explains the refusal."""
    detail: NotRequired[str]
    matches: NotRequired[list[str]]
    """The ids that begin as the given one."""


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of an endpoint for its OpenAPI document.

    Args:
        more: statuses beside ``COMMON``.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*COMMON, *more})
    }


def problem(
    status: int,
    title: str,
    reason: str,
    *,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make a problem document.

    Args:
        status: HTTP status code.
        title: one short sentence for people.
        reason: a word of a closed list, for programs.
        more: further members.
        headers: further response headers.
    """
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason, **(more or {})}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def add_handlers(api: FastAPI) -> None:
    """Answer every error that is raised on purpose."""
    _answer(api, VoteRefused, _vote_refused)
    _answer(api, Refused, _refused)
    _answer(api, ApprovalError, _approvals_unavailable)
    _answer(api, EvidenceError, _not_recorded)
    _answer(api, DefinitionError, _definitions_unavailable)
    _answer(api, QueryError, _evidence_unavailable)
    _answer(api, RequestValidationError, _malformed)
    _answer(api, HTTPException, _http)


def _answer(api: FastAPI, kind: type[ErrorT], document: Callable[[ErrorT], JSONResponse]) -> None:
    """Answer errors of this kind with this document."""

    def handler(_request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, kind):
            raise error
        return document(error)

    api.add_exception_handler(kind, handler)


def _vote_refused(error: VoteRefused) -> JSONResponse:
    status, title = REFUSALS[error.why]
    return problem(status, title, error.why, more={"state": error.state} if error.state else None)


def _refused(error: Refused) -> JSONResponse:
    answer = error.reason.answer
    # RFC 6750 section 3: name the scheme that would be accepted.
    headers = {"WWW-Authenticate": "Bearer"} if answer.status == HTTPStatus.UNAUTHORIZED else None
    return problem(answer.status, answer.title, error.reason, headers=headers)


def _approvals_unavailable(_error: ApprovalError) -> JSONResponse:
    return problem(503, Reason.APPROVAL_UNAVAILABLE.answer.title, Reason.APPROVAL_UNAVAILABLE)


def _not_recorded(_error: EvidenceError) -> JSONResponse:
    return problem(503, "It cannot be recorded now, and so it was not done", Reason.EVIDENCE_UNAVAILABLE)


def _definitions_unavailable(_error: DefinitionError) -> JSONResponse:
    return problem(503, "The store of definitions cannot be used now", "definitions-unavailable")


def _evidence_unavailable(_error: QueryError) -> JSONResponse:
    return problem(503, "The evidence cannot be read now", Reason.EVIDENCE_UNAVAILABLE)


def _malformed(_error: RequestValidationError) -> JSONResponse:
    # The error quotes the request: none of it is passed on.
    return problem(422, "The request is not as documented", "malformed")


def _http(error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    return problem(status, status.phrase, status.phrase.lower().replace(" ", "-"), headers=error.headers)
