"""A desk on real stores, with evidence that can be read and told to fail."""

import threading
import time

from extproc.console.act_log import ActLog
from extproc.console.approval_desk import ApprovalDesk
from extproc.console.roles import Role
from extproc.console.visitor import Visitor
from extproc.model.errors import EvidenceError
from extproc.model.identity import Identity
from tests.unit.console.served import ISSUER


class Acts:
    """A recorder and observer of acts, with memory and switches."""

    def __init__(self):
        self.entries, self.lost_entries, self.alarms = [], [], []
        self.full = False
        """Nothing can be recorded."""
        self.queue_full = False
        """Nothing can be queued."""
        self.before = lambda entry: None
        """Called before an entry is stored."""
        self._lock = threading.Lock()

    def record(self, entry):
        self.before(entry)
        if self.full:
            raise EvidenceError("the disk is full")
        with self._lock:
            self.entries.append(entry)

    def record_soon(self, entry):
        if self.full or self.queue_full:
            raise EvidenceError("the window is full")
        with self._lock:
            self.entries.append(entry)

    def acted(self, entry):
        pass

    def lost(self, entry):
        self.lost_entries.append(entry)

    def broke_glass(self, entry):
        self.alarms.append(entry)

    @property
    def told(self):
        """Kind without its beginning, subject and reason of each entry."""
        return [(each.kind.removeprefix("approval."), each.subject, each.reason) for each in self.entries]


def make_desk(store, acts=None, *, clock=time.time_ns, mask_note=lambda note: note, **more):
    made = acts or Acts()
    return ApprovalDesk(store, ActLog(made, made), clock, mask_note, **more)


def visitor(
    subject="bob", groups=("sre",), *, roles=(Role.APPROVER,), channel="console", address="10.0.0.7", **more
):
    identity = Identity(more.pop("issuer", ISSUER), subject, tuple(groups), **more)
    return Visitor(identity, frozenset(roles), channel, address)
