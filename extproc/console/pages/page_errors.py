"""Errors as pages, in the look of all pages. They repeat nothing that the browser has sent."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from extproc.approvals.approval import Approval
from extproc.console.pages.open_streams import TooManyStreams
from extproc.console.pages.plain_words import REFUSED, outcome
from extproc.console.problem_documents import REFUSALS
from extproc.console.rendering import render
from extproc.console.sign_in.errors import ProviderUnavailable, SessionsUnavailable, SignInNeeded, SignInRefused
from extproc.console.sign_in.page_guard import is_api
from extproc.model.errors import ApprovalError, EvidenceError, Refused, VoteRefused, WhyRefused


@dataclass(frozen=True, slots=True)
class Message:
    """A page that says one thing."""

    status: int
    title: str
    lines: tuple[str, ...] = ()
    action: tuple[str, str] | None = ("/", "To the queue")
    """Address and name of a link."""


def message_page(message: Message, *, events: str = "") -> HTMLResponse:
    """Return a page that says one thing."""
    values = {
        "title": message.title,
        "lines": message.lines,
        "action": message.action and {"address": message.action[0], "name": message.action[1]},
        "visitor": None,
        "events": events,
        "now_ms": 0,
        "told": None,
    }
    return HTMLResponse(render("message.html", values), message.status)


def answer_as_page(api: FastAPI) -> None:
    """Answer a browser that asks for a page which is not there with a page; all others as before."""
    before = api.exception_handlers[HTTPException]

    async def answer(request: Request, error: Exception) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "") and not is_api(request.url.path)
        if wants_page and isinstance(error, HTTPException):
            return message_page(_message(error))
        told = before(request, error)
        return await told if isawaitable(told) else told

    api.add_exception_handler(HTTPException, answer)


class PageRoute(APIRoute):
    """A route that answers errors with pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with our errors made into pages."""
        handler = super().get_route_handler()

        async def paged(request: Request) -> Response:
            try:
                return await handler(request)
            except (SignInNeeded, SignInRefused, ProviderUnavailable, SessionsUnavailable):
                raise  # answered with the pages of the sign-in
            except (
                VoteRefused,
                Refused,
                ApprovalError,
                EvidenceError,
                RequestValidationError,
                HTTPException,
                TooManyStreams,
            ) as error:
                return message_page(_message(error))
            except Exception as error:  # noqa: BLE001 - its text may contain a value, so nothing may log it
                structlog.get_logger().error("a page failed", error=type(error).__name__, path=self.path)
                return message_page(_message(error))

        return paged


def refused_sentence(error: VoteRefused, approval: Approval | None = None) -> str:
    """Say why an act was refused; of a request that somebody else closed meanwhile, how.

    Args:
        error: says why.
        approval: how the request stands; None: not known.
    """
    if error.why is WhyRefused.NOT_PENDING and approval is not None:
        return f"This request was {outcome(approval)} meanwhile. Nothing of yours was counted."
    return REFUSED.get(error.why, str(error.why))


def refused_status(why: WhyRefused) -> int:
    """Return the HTTP status for a refused act: the same as the API's."""
    return REFUSALS[why][0] if why in REFUSALS else HTTPStatus.CONFLICT


def _message(error: Exception) -> Message:
    """Say what an error means for the visitor."""
    nothing = "Nothing was decided."
    match error:
        case VoteRefused():
            said = Message(refused_status(error.why), refused_sentence(error))
        case ApprovalError():
            lines = (nothing, "Calls that wait go on waiting until their time is over.")
            said = Message(503, "The approvals cannot be used now", lines, ("/", "Try again"))
        case EvidenceError():
            said = Message(503, "Acts cannot be recorded now", (nothing, "What is not recorded does not count."))
        case TooManyStreams():
            said = Message(503, "Too many pages are open")
        case RequestValidationError():
            said = Message(422, "This address or form is not as it should be", (nothing,))
        case Refused():
            said = Message(error.reason.answer.status, error.reason.answer.title)
        case HTTPException():
            status = HTTPStatus(error.status_code)
            said = Message(status, "There is no such page" if status == HTTPStatus.NOT_FOUND else status.phrase)
        case _:
            said = Message(500, "This page could not be made", (nothing,))
    return said
