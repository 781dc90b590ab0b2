"""Approvals, targets and the parts of a notifier, as tests of notifications need them."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.sqlite import SqliteApprovals
from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.delivery import DeliveryObserver, TargetDelivery
from extproc.notifications.notice import make_notice
from extproc.notifications.outbox import Outbox
from extproc.notifications.pacing import Pace
from extproc.notifications.watch import ApprovalWatch
from extproc.settings.notifications import TargetSettings
from tests.unit.approvals.samples import new_id, request

S = 1_000_000_000
NOW = 1_800_000_000 * S
URL = "https://console.test"


def approval(state=State.PENDING, votes=(), closed_ns=0, **changes):
    defaults = {"created_ns": NOW, "expires_ns": NOW + 900 * S}
    return Approval(request(**{**defaults, **changes}), state, tuple(votes), closed_ns)


def notice(event=NotificationEvent.CREATED, *, url=URL, state=State.PENDING, votes=(), closed_ns=0, **changes):
    return make_notice(approval(state, votes, closed_ns, **changes), event, url)


def vote(voter="https://idp|bob", *, approve=True, note="ticket 42", at_ns=NOW + S, break_glass=False):
    return replace(Vote(voter, approve, note, at_ns), source="console 192.0.2.7", break_glass=break_glass)


def target(**changes):
    return TargetSettings.model_validate({"apprise": {"env": "NOTIFY_URL"}, **changes})


@dataclass
class Clock:
    """A clock that tests move."""

    now_ns: int = NOW

    def __call__(self):
        return self.now_ns

    def monotonic(self):
        return self.now_ns / S

    def forward(self, seconds):
        self.now_ns += int(seconds * S)


@dataclass
class RecordingSender:
    """A sender with memory and switches."""

    for_people: bool = True
    messages: list = field(default_factory=list)
    fails: list = field(default_factory=list)
    """Errors of the next attempts, first to last; None: the attempt succeeds."""
    hangs_s: float = 0.0

    async def send(self, message):
        await asyncio.sleep(self.hangs_s)
        error = self.fails.pop(0) if self.fails else None
        if error is not None:
            raise error
        self.messages.append(message)

    @property
    def events(self):
        return [each.content.event.value for each in self.messages]


class CountingObserver(DeliveryObserver):
    """Counts what it is told."""

    def __init__(self):
        self.counts = {"sent": 0, "failed": 0, "attempts": 0, "dropped": 0}

    def sent(self, target, deliveries):
        self.counts["sent"] += deliveries

    def failed(self, target, deliveries):
        self.counts["failed"] += deliveries

    def attempt_failed(self, target):
        self.counts["attempts"] += 1

    def dropped(self, deliveries):
        self.counts["dropped"] += deliveries


class Desk:
    """A store of approvals, an outbox, and what looks at the one and delivers from the other."""

    def __init__(self, folder: Path, targets=None, *, clock=None, retry_for_s=3600):
        self.folder, self.clock = folder, clock or Clock()
        self.targets = targets or {"mail": target()}
        self.retry_for_ns = retry_for_s * S
        self.store = SqliteApprovals(folder / "approvals.db")
        self.senders = {
            name: RecordingSender(for_people=each.webhook is None) for name, each in self.targets.items()
        }
        self.observer = CountingObserver()
        self.start()

    def start(self):
        """As a new control process does."""
        self.outbox = Outbox(self.folder / "notifications.db")
        self.watch = ApprovalWatch(
            self.store, self.outbox, self.targets, public_url=URL, recent_ns=self.retry_for_ns, clock=self.clock
        )
        self.deliveries = {name: self.delivery(name) for name in self.targets}

    def delivery(self, name):
        return TargetDelivery(
            name=name,
            sender=self.senders[name],
            outbox=self.outbox,
            pace=Pace(self.targets[name].most_per_minute),
            public_url=URL,
            retry_for_ns=self.retry_for_ns,
            clock=self.clock,
            monotonic=self.clock.monotonic,
            chance=lambda: 1.0,
            observer=self.observer,
        )

    def hold(self, *, lasts_s=900, **changes):
        now = self.clock()
        made = request(
            approval_id=new_id(now), created_ns=now, expires_ns=now + int(lasts_s * S), minimum=1, **changes
        )
        self.store.open(made)
        return made

    def decide(self, made, *, approve=True, voter="https://idp|bob", **changes):
        self.clock.forward(1)
        word = vote(voter, approve=approve, at_ns=self.clock(), **changes)
        return self.store.vote(made.approval_id, word, ("sre", "glass"))

    async def deliver(self, steps=50):
        for each in self.deliveries.values():
            for _ in range(steps):
                if await each.step() > 0:
                    break

    def states(self, name="mail"):
        return sorted(
            (each.event.value, each.state.value) for each in self.outbox.listed(target=name, limit=20_000)
        )


def failure(text="status 503", **changes):
    return DeliveryFailed(text, **changes)


async def until(condition, within_s=10.0):
    """Wait until something is so."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "not in time"
        await asyncio.sleep(0.01)
