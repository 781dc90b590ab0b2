"""Decide from Slack: the endpoint of its clicks.

A click counts only if Slack has signed it in the last five minutes, it comes for the first time, it is of the
configured workspace and channel, and the person is listed in the configuration. The vote then goes the way of all
votes: through ``ApprovalDesk``, with the digests of what the message showed.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from extproc.approvals.approval import Approval, State
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.middleware import Bounds
from extproc.console.problem_documents import REFUSALS, problem
from extproc.console.roles import Role, roles_of
from extproc.console.visitor import Visitor
from extproc.model.errors import (
    ApprovalError,
    DeliveryFailed,
    EvidenceError,
    NotificationError,
    Refused,
    VoteRefused,
    WhyRefused,
)
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.notice import make_notice
from extproc.notifications.secret_files import read_secret
from extproc.notifications.slack.slack_api import SlackApi
from extproc.notifications.slack.slack_blocks import NOTE, Choice, message_of, window
from extproc.notifications.slack.slack_payload import Click, Submission, read_payload
from extproc.notifications.slack.slack_signature import SIGNATURE, TIMESTAMP, is_from_slack
from extproc.settings.control import RoleSettings
from extproc.settings.notifications import SlackSettings, SlackUser

PATH = "/slack/interactions"
CHANNEL = "slack"
NOT_LISTED = (
    "You cannot decide here: your Slack account is not linked to an identity. Open the page of the approval and"
    " sign in, or ask the operators to add your member id to the configuration."
)
NO_WINDOW = "The window for the reason could not be opened. Press the button again, or open the page."
UNAVAILABLE = "Your vote could not be counted now. Look at the page of the approval before you try again."


@dataclass(frozen=True)
class SlackApp:
    """One Slack target, as the endpoint needs it."""

    settings: SlackSettings
    api: SlackApi


@dataclass(frozen=True)
class SlackDesk:
    """What the endpoint works with."""

    apps: Callable[[], Sequence[SlackApp]]
    """Returns the Slack channels of the configuration in force."""
    desk: Callable[[], ApprovalDesk]
    """Returns the desk under the configuration in force."""
    identify: Callable[[SlackUser], Identity | None]
    """Returns the person behind a member, under the configuration in force; None: nobody."""
    roles: Callable[[], RoleSettings]
    first_time: Callable[[str, int], bool]
    """Returns True once for each key, also after a restart. Raises ``NotificationError``."""
    public_url: Callable[[], str]
    clock: Clock


def slack_app(slack: SlackDesk) -> ASGIApp:
    """Return the application that serves ``POST /slack/interactions``."""

    async def interactions(request: Request) -> Response:
        return await _answer(slack, await request.body(), request)

    return Bounds(Starlette(routes=[Route(PATH, interactions, methods=["POST"])]))


def with_slack(console: ASGIApp, slack: ASGIApp, is_served: Callable[[], bool]) -> ASGIApp:
    """Return an application that sends clicks of Slack to the one, and everything else to the other.

    Args:
        console: everything else.
        slack: made by ``slack_app``.
        is_served: returns False while no Slack channel is configured.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_click = scope["type"] == "http" and scope["path"] == PATH and is_served()
        await (slack if is_click else console)(scope, receive, send)

    return app


async def _answer(slack: SlackDesk, body: bytes, request: Request) -> Response:
    headers = {name: request.headers.getlist(name) for name in (SIGNATURE, TIMESTAMP)}
    apps = await asyncio.to_thread(_signed_by, slack, body, headers)
    if not apps:
        return problem(401, "The request is not signed by Slack", "unauthenticated")
    key = hashlib.sha256(headers[SIGNATURE][0].encode()).hexdigest()
    try:
        first = await asyncio.to_thread(slack.first_time, key, slack.clock())
    except NotificationError:
        return problem(503, "The request cannot be checked now", "notifications-unavailable")
    if not first:
        return problem(409, "The request came before", "replayed")
    said = read_payload(body)
    if isinstance(said, Click | Submission):
        app = _app_of(apps, said)
        if app is None:
            return problem(403, "The workspace or the channel is not configured", "not-in-scope")
        return _clicked(slack, app, said) if isinstance(said, Click) else await _submitted(slack, app, said)
    return Response()


def _signed_by(slack: SlackDesk, body: bytes, headers: dict[str, list[str]]) -> list[SlackApp]:
    """Return the targets whose app has signed the request: several, if an app posts in several channels."""
    found = []
    for app in slack.apps():
        try:
            secret = read_secret(app.settings.signing_secret_file)
        except DeliveryFailed as error:
            structlog.get_logger().error("clicks in Slack cannot be verified", why=str(error))
            continue
        if is_from_slack(body, headers, secret, slack.clock):
            found.append(app)
    return found


def _app_of(apps: list[SlackApp], said: Click | Submission) -> SlackApp | None:
    wanted = (said.team, said.choice.channel)
    return next((app for app in apps if (app.settings.team, app.settings.channel) == wanted), None)


def _clicked(slack: SlackDesk, app: SlackApp, click: Click) -> Response:
    """Answer at once, then ask for the reason: Slack waits for 3 seconds."""

    async def ask() -> None:
        try:
            await _ask(slack, app, click)
        except DeliveryFailed as error:
            structlog.get_logger().warning("a click in Slack was not answered", why=str(error))

    return Response(background=BackgroundTask(ask))


async def _ask(slack: SlackDesk, app: SlackApp, click: Click) -> None:
    visitor = _visitor(slack, app, click.user)
    if visitor is None:
        await app.api.whisper(click.choice.channel, click.user, NOT_LISTED)
        return
    try:
        approval = await asyncio.to_thread(_looked_at, slack, visitor, click.choice)
    except VoteRefused as error:
        await app.api.whisper(click.choice.channel, click.user, _words(error))
        return
    except (ApprovalError, EvidenceError):
        await app.api.whisper(click.choice.channel, click.user, UNAVAILABLE)
        return
    notice = make_notice(approval, NotificationEvent.CREATED, slack.public_url())
    try:
        await app.api.open_window(click.trigger, window(notice, click.choice))
    except DeliveryFailed as error:
        structlog.get_logger().warning("a window in Slack was not opened", why=str(error))
        await app.api.whisper(click.choice.channel, click.user, NO_WINDOW)


def _looked_at(slack: SlackDesk, visitor: Visitor, choice: Choice) -> Approval:
    """Return the approval, if it is still the one that the person saw, and can be decided by this person."""
    approval = slack.desk().look(visitor, choice.approval_id)
    request = approval.request
    if request.digest != choice.digest:
        raise VoteRefused(WhyRefused.WRONG_DIGEST, approval.state)
    if request.preview_digest != choice.preview_digest:
        raise VoteRefused(WhyRefused.WRONG_PREVIEW, approval.state)
    if approval.state is not State.PENDING:
        raise VoteRefused(WhyRefused.NOT_PENDING, approval.state)
    return approval


async def _submitted(slack: SlackDesk, app: SlackApp, said: Submission) -> Response:
    visitor = _visitor(slack, app, said.user)
    if visitor is None:
        return _mistake(NOT_LISTED)
    choice = said.choice

    def vote() -> Approval:
        return slack.desk().vote(
            visitor,
            choice.approval_id,
            approve=choice.approve,
            note=said.note,
            seen=choice.digest,
            preview=choice.preview_digest,
        )

    try:
        after = await asyncio.to_thread(vote)
    except VoteRefused as error:
        return _mistake(_words(error))
    except (ApprovalError, EvidenceError, Refused):
        return _mistake(UNAVAILABLE)
    return JSONResponse({"response_action": "clear"}, background=BackgroundTask(_show, slack, app, choice, after))


async def _show(slack: SlackDesk, app: SlackApp, choice: Choice, after: Approval) -> None:
    """Show in the message what the vote made of the approval."""
    event = NotificationEvent.CREATED if after.state is State.PENDING else NotificationEvent.DECIDED
    try:
        await app.api.update(
            choice.channel, choice.message, message_of(make_notice(after, event, slack.public_url()))
        )
    except DeliveryFailed as error:
        structlog.get_logger().warning("a message in Slack was not updated", why=str(error))


def _visitor(slack: SlackDesk, app: SlackApp, user: str) -> Visitor | None:
    """Return the person of a member id; None if nobody is listed, or the person may not decide anything.

    The person decides, and has no other role here: what auditors see is not for a chat.
    """
    listed = app.settings.users.get(user)
    identity = slack.identify(listed) if listed else None
    if identity is None or Role.APPROVER not in roles_of(identity, slack.roles()):
        return None
    return Visitor(identity, frozenset({Role.APPROVER}), CHANNEL, user)


def _mistake(text: str) -> Response:
    """Return an answer that shows a text at the reason, in the open window."""
    return JSONResponse({"response_action": "errors", "errors": {NOTE: text}})


def _words(error: VoteRefused) -> str:
    return f"{REFUSALS[error.why][1]}."
