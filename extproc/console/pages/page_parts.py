"""What the pages are made from."""

from dataclasses import dataclass

from fastapi import Request

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

    @classmethod
    def make(cls, store: ApprovalStore) -> "LivePages":
        """Make it for a store of approvals."""
        return cls(QueueWatcher(store), OpenStreams())


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages are made from, under one configuration."""

    desk: ApprovalDesk
    watcher: QueueWatcher
    streams: OpenStreams
    clock: Clock


def visitor_of(session: Session) -> Visitor:
    """Return who acts, for the desk."""
    channel, _, address = session.source.partition(" ")
    return Visitor(session.identity, session.roles, channel, address)


def is_signed_in(request: Request) -> bool:
    """Return whether the session of a request still lives; False if nobody can know."""
    try:
        watching(request)
    except (SignInNeeded, ProviderUnavailable, SessionsUnavailable):
        return False
    return True
