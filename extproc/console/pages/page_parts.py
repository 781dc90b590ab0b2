"""What the pages are made from."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request

from extproc.approvals.port import ApprovalStore
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.pages.open_streams import OpenStreams
from extproc.console.pages.queue_watcher import QueueWatcher
from extproc.console.sign_in.dependencies import watching
from extproc.console.sign_in.errors import ProviderUnavailable, SessionsUnavailable, SignInNeeded
from extproc.console.sign_in.session import Session
from extproc.console.visitor import Visitor
from extproc.model.ids import Clock


@dataclass(frozen=True, slots=True)
class LivePages:
    """What all open pages share. It outlives a change of the configuration."""

    watcher: QueueWatcher
    streams: OpenStreams
    is_in_force: Callable[[FastAPI], bool]
    """Returns whether an application has the configuration in force: the streams of others end."""

    @classmethod
    def make(
        cls, store: ApprovalStore, is_in_force: Callable[[FastAPI], bool] = lambda _application: True
    ) -> "LivePages":
        """Make it for a store of approvals."""
        return cls(QueueWatcher(store), OpenStreams(), is_in_force)


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages are made from, under one configuration."""

    desk: ApprovalDesk
    live: LivePages
    clock: Clock


def visitor_of(session: Session) -> Visitor:
    """Return who acts, for the desk."""
    channel, _, address = session.source.partition(" ")
    return Visitor(session.identity, session.roles, channel, address)


def session_now(request: Request) -> Session | None:
    """Return the session of a request as it is now; None if it has ended, or nobody can know."""
    try:
        return watching(request)
    except (SignInNeeded, ProviderUnavailable, SessionsUnavailable):
        return None
