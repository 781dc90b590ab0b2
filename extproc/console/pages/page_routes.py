"""The addresses of the console's pages. Each asks the desk, arranges what it says, and renders a template."""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Form, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from extproc.approvals.approval import Approval, State
from extproc.approvals.port import Filter
from extproc.console.pages.history_page import PAGE, Wanted, history_view
from extproc.console.pages.live_events import View, live_events, milliseconds, queue_seen, request_seen
from extproc.console.pages.page_errors import PageRoute, answer_as_page, refused_sentence, refused_status
from extproc.console.pages.page_forms import PAGE_MOST, TEXT_MOST, StreamQuery, VoteForm
from extproc.console.pages.page_parts import Console, session_now, visitor_of
from extproc.console.pages.plain_words import clock_time
from extproc.console.pages.queue_page import Queue, queue_view
from extproc.console.pages.queue_watcher import Snapshot
from extproc.console.pages.request_page import RequestPage, request_view
from extproc.console.rendering import MEDIA_TYPES, render, static_address, static_file
from extproc.console.sign_in.dependencies import acting, signed_in, watching
from extproc.console.sign_in.session import Session
from extproc.model.errors import VoteRefused, WhyRefused

SignedIn = Annotated[Session, Depends(signed_in)]
Acting = Annotated[Session, Depends(acting)]
Watching = Annotated[Session, Depends(watching)]
PAGES = (("/", "Queue"), ("/history", "History"), ("/tickets", "Tickets"))
FOR_EVER = "public, max-age=31536000, immutable"
"""A static file's address names its content."""
Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
Wish = Annotated[str, Query(max_length=TEXT_MOST)]

TOLD = {
    "approved": ("good", "Your approval counts."),
    "denied": ("good", "You denied it. The call does not run."),
    "glass": ("good", "You released it alone. It is recorded as breaking the glass."),
    "withdrawn": ("good", "Your vote was taken back."),
    "cancelled": ("good", "Your request was cancelled. The call does not run."),
}
"""What a page says after an act, by the word in its address."""


def add_pages(api: FastAPI, console: Console) -> None:
    """Add the pages to the application of the console, which has its sign-in already."""
    api.include_router(page_routes(console))
    answer_as_page(api)


def page_routes(console: Console) -> APIRouter:
    """Return the routes of all pages, of their forms, and of their event stream."""
    routes = APIRouter(route_class=PageRoute, default_response_class=HTMLResponse, include_in_schema=False)
    _add_static(routes)
    _add_lists(routes, console)
    _add_request(routes, console)
    _add_acts(routes, console)
    _add_events(routes, console)
    _add_me(routes, console)
    return routes


def _add_static(routes: APIRouter) -> None:
    @routes.get("/static/{digest}/{name}")
    def static(digest: str, name: str) -> Response:
        if name not in MEDIA_TYPES or static_address(name) != f"/static/{digest}/{name}":
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return Response(static_file(name), media_type=MEDIA_TYPES[name], headers={"Cache-Control": FOR_EVER})


def _add_lists(routes: APIRouter, console: Console) -> None:
    @routes.get("/")
    def queue(
        by: SignedIn,
        show: Wish = "mine",
        caller: Wish = "",
        page: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 1,
    ) -> str:
        wanted = {"show": show, "caller": caller, "page": page}
        found = console.desk.queue(visitor_of(by))
        values = _queue_values(_queue_view(found, by, console, wanted), wanted)
        events = "/events?" + urlencode({**wanted, "seen": queue_seen(found)})
        return _page("queue.html", console, by, "/", values | {"here_whole": _address(wanted)}, events=events)

    @routes.get("/history")
    def history(by: SignedIn, function: Wish = "", caller: Wish = "", state: Wish = "", before: Wish = "") -> str:
        wanted = Wanted(function.strip(), caller.strip(), state)
        closed = tuple(each for each in State if each is not State.PENDING)
        filtered = Filter(
            function=wanted.function,
            requester=wanted.requester(by.identity.issuer),
            states=wanted.states or closed,
            before_id=before,
            limit=PAGE + 1,
        )
        listed = history_view(console.desk.history(visitor_of(by), filtered), wanted, console.clock())
        values = {
            "title": "History",
            "intro": "",
            "filters": True,
            "wanted": wanted,
            "states": [each.value for each in State],
            "rows": listed.rows,
            "older": listed.older,
            "nothing": wanted.nothing,
        }
        return _page("history.html", console, by, "/history", values)

    @routes.get("/tickets")
    def tickets(by: SignedIn) -> str:
        filtered = Filter(states=(State.PENDING, State.APPROVED), ticketed=True, limit=PAGE + 1)
        found = [each for each in console.desk.history(visitor_of(by), filtered) if not each.spent_ns]
        values = {
            "title": "Tickets",
            "intro": "Their callers were told to make the same call again. Nothing runs before they do.",
            "filters": False,
            "rows": history_view(found[:PAGE], Wanted(), console.clock()).rows,
            "older": "",
            "nothing": "No request has a ticket",
        }
        return _page("history.html", console, by, "/tickets", values)


def _add_request(routes: APIRouter, console: Console) -> None:
    @routes.get("/approvals/{approval_id}")
    def one(by: SignedIn, approval_id: Id, whole: bool = False, done: Wish = "") -> str:
        approval = console.desk.look(visitor_of(by), approval_id)
        return _request_page(console, by, approval, whole=whole, done=done)


def _add_acts(routes: APIRouter, console: Console) -> None:
    def acted(by: Session, approval_id: str, done: str, act: Callable[[], Approval], note: str = "") -> Response:
        """Do something, and show the request again: how it stands then, whoever was faster."""
        try:
            act()
        except VoteRefused as error:
            approval = console.desk.get(visitor_of(by), approval_id)
            problem = refused_sentence(error, approval)
            html = _request_page(console, by, approval, whole=True, problem=problem, note=note)
            return HTMLResponse(html, refused_status(error.why))
        return RedirectResponse(f"/approvals/{approval_id}?done={done}", HTTPStatus.SEE_OTHER)

    @routes.post("/approvals/{approval_id}/vote")
    def vote(by: Acting, approval_id: Id, form: Annotated[VoteForm, Form()]) -> Response:
        if form.break_glass and not form.confirm:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        approve = form.decision == "approve"
        done = "glass" if form.break_glass else "approved" if approve else "denied"
        note = form.note.replace("\r\n", "\n")

        def cast() -> Approval:
            if approve and not form.preview:  # the page had left a part of the call out
                raise VoteRefused(WhyRefused.WRONG_PREVIEW)
            return console.desk.vote(
                visitor_of(by),
                approval_id,
                approve=approve,
                note=note,
                seen=form.digest,
                preview=form.preview,
                break_glass=form.break_glass,
            )

        return acted(by, approval_id, done, cast, note)

    @routes.post("/approvals/{approval_id}/withdraw-vote")
    def withdraw_vote(by: Acting, approval_id: Id) -> Response:
        withdraw = partial(console.desk.withdraw_vote, visitor_of(by), approval_id)
        return acted(by, approval_id, "withdrawn", withdraw)

    @routes.post("/approvals/{approval_id}/cancel")
    def cancel(by: Acting, approval_id: Id) -> Response:
        return acted(by, approval_id, "cancelled", partial(console.desk.cancel, visitor_of(by), approval_id))


def _add_events(routes: APIRouter, console: Console) -> None:
    @routes.get("/events")
    async def events(
        request: Request,
        by: Watching,
        asked: Annotated[StreamQuery, Query()],
        last_event_id: Annotated[str, Header(max_length=TEXT_MOST)] = "",
    ) -> Response:
        view: View
        if asked.approval:
            view = partial(_request_event, console, asked)
        else:
            view = partial(_queue_event, console, {"show": asked.show, "caller": asked.caller, "page": asked.page})
        lines = live_events(
            console.live.watcher,
            console.live.streams.opened(by.session_id),
            name="request" if asked.approval else "queue",
            approval_id=asked.approval,
            view=view,
            seen=last_event_id or asked.seen,
            who=partial(session_now, request),
            is_in_force=partial(console.live.is_in_force, request.app),
        )
        return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _add_me(routes: APIRouter, console: Console) -> None:
    @routes.get("/me")
    def me(by: SignedIn) -> str:
        values = {
            "roles": sorted(by.roles),
            "began": clock_time(by.began_ns),
            "ends": clock_time(by.ends_ns),
        }
        return _page("me.html", console, by, "/me", values)


def _queue_event(
    console: Console, wanted: Mapping[str, Any], by: Session, snapshot: Snapshot
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the queue as the visitor sees it, and what tells that it changed."""
    visitor = visitor_of(by)
    visible = [each for each in snapshot.pending if console.desk.may_see(visitor, each)]
    queue = _queue_view(visible, by, console, wanted)
    html = render("queue_rows.html", _base(console, by, "/") | _queue_values(queue, wanted))
    return queue_seen(visible), {"html": html, "mine": queue.mine}


def _request_event(
    console: Console, asked: StreamQuery, by: Session, snapshot: Snapshot
) -> tuple[str, Mapping[str, Any]] | None:
    """Return how the request stands, and what tells that it changed."""
    approval = snapshot.find(asked.approval)
    if approval is None or not console.desk.may_see(visitor_of(by), approval):
        return None
    view = request_view(approval, by.identity, console.clock(), whole=asked.whole)
    values = _base(console, by, "") | _request_values(view)
    return request_seen(approval), {
        "facts": render("request_facts.html", values),
        "decision": render("decision.html", values),
    }


def _queue_view(found: list[Approval], by: Session, console: Console, wanted: Mapping[str, Any]) -> Queue:
    return queue_view(
        found,
        by.identity,
        console.clock(),
        only_mine=wanted["show"] != "all" and not wanted["caller"],
        requester=wanted["caller"],
        page=wanted["page"],
    )


def _queue_values(queue: Queue, wanted: Mapping[str, Any]) -> dict[str, Any]:
    def address(**changes: Any) -> str:
        """Return the address of the queue with other choices; another choice begins at its first page."""
        return _address({**wanted, "page": 1, **({"caller": ""} if "show" in changes else {}), **changes})

    return {"queue": queue, "address": address, "mine": queue.mine}


def _address(wanted: Mapping[str, Any]) -> str:
    chosen = {name: value for name, value in wanted.items() if value not in ("", 1, "mine")}
    return "/?" + urlencode(chosen) if chosen else "/"


def _request_page(
    console: Console,
    by: Session,
    approval: Approval,
    *,
    whole: bool,
    done: str = "",
    problem: str = "",
    note: str = "",
) -> str:
    visitor, request = visitor_of(by), approval.request
    view = request_view(
        approval,
        by.identity,
        console.clock(),
        whole=whole,
        last=console.desk.last_approved(visitor, approval),
        callers=console.desk.others_of_caller(visitor, approval),
        calls=console.desk.recent_calls(visitor, approval),
        similar=console.desk.similar(visitor, approval),
    )
    events = "/events?" + urlencode(
        {
            "approval": request.approval_id,
            "whole": "1" if view.shown.is_whole else "0",
            "seen": request_seen(approval),
        }
    )
    values = _request_values(view, problem=problem, note=note, done=done)
    return _page("request.html", console, by, "", values, events=events)


def _request_values(view: RequestPage, *, problem: str = "", note: str = "", done: str = "") -> dict[str, Any]:
    told = TOLD.get(done)
    return {
        "request": view,
        "problem": problem,
        "note": note,
        "told": {"kind": told[0], "text": told[1]} if told else None,
    }


def _page(
    template: str, console: Console, by: Session, here: str, values: Mapping[str, Any], *, events: str = ""
) -> str:
    return render(template, {**_base(console, by, here), **values, "events": events})


def _base(console: Console, by: Session, here: str) -> dict[str, Any]:
    """Return what every page of a visitor needs."""
    return {
        "visitor": by,
        "pages": PAGES,
        "here": here,
        "mine": 0,
        "now_ms": milliseconds(console.clock()),
        "events": "",
        "told": None,
        "csrf_token": by.csrf,
    }
