"""A caller's recent calls, from evidence that may be slow or away."""

import threading
import time

from extproc.console.recent_calls import AT_ONCE, RecentCalls
from extproc.model.errors import QueryError
from tests.unit.approvals.samples import REQUEST

ROW = {
    "call_id": "c", "time": "2026-01-02T03:04:05.000000Z", "function": "crm.get", "kind": "call.completed",
    "reason": "policy-allowed", "status": 200,
}  # fmt: skip


class Reader:
    def __init__(self, *rows, error=None):
        self.rows, self.error, self.asked = rows, error, []
        self.gate = threading.Event()
        self.gate.set()

    def recent_calls(self, caller, before_ns, limit, max_seconds):
        self.asked.append((caller, before_ns))
        self.gate.wait(30)
        if self.error:
            raise self.error
        return self.rows


def test_the_calls_of_this_caller_before_this_one_are_told():
    reader = Reader(ROW, ROW | {"call_id": REQUEST.call_id})
    [seen] = RecentCalls(reader).of(REQUEST)
    assert (seen.function, seen.outcome, seen.status) == ("crm.get", "call.completed", 200)
    assert reader.asked == [(REQUEST.requester, REQUEST.created_ns)]


def test_evidence_that_fails_tells_nothing():
    assert RecentCalls(Reader(error=QueryError("away"))).of(REQUEST) is None


def test_slow_evidence_is_not_waited_for_and_takes_few_threads():
    reader = Reader(ROW)
    reader.gate.clear()
    calls = RecentCalls(reader, wait_s=0.05)
    began = time.monotonic()
    assert [calls.of(REQUEST) for _ in range(AT_ONCE + 3)] == [None] * (AT_ONCE + 3)
    assert time.monotonic() - began < 5
    assert len(reader.asked) == AT_ONCE
    reader.gate.set()
    deadline = time.monotonic() + 30
    while calls.of(REQUEST) is None:
        assert time.monotonic() < deadline
