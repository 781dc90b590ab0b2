"""Measure notifications: the time from a hold to its message, and the outbox as its queue grows.

    python -m benchmarks.notifications

The receiver is a stand-in on this machine that verifies webhooks; approvals are in SQLite.
"""

import asyncio
import base64
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from extproc.approvals.approval import Approval, ApprovalRequest, State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.assembly.make_notifications import open_notifier
from extproc.concurrency.background import background
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.delivery import DeliveryObserver
from extproc.notifications.notice import make_notice
from extproc.notifications.outbox import Outbox, Watched
from extproc.notifications.watch import ApprovalWatch
from extproc.settings.notifications import NotificationSettings, TargetSettings
from tests.support.receivers import Answer, WebhookReceiver
from tests.unit.approvals.samples import new_id, request
from tests.unit.notifications.told import until

S = 1_000_000_000
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
HOLDS = 200
QUEUES = (1_250, 2_500, 5_000, 10_000)
PREVIEW = '{"customer": {"id": 4711, "ssn": "[US_SSN]"}, "note": "' + "x" * 800 + '"}'


def made() -> ApprovalRequest:
    now = time.time_ns()
    return request(approval_id=new_id(now), created_ns=now, expires_ns=now + 900 * S, minimum=1, preview=PREVIEW)


async def latency(folder: Path) -> None:
    """From the durable hold to the receiver's acceptance."""
    (folder / "secret").write_text(SECRET)
    store = SqliteApprovals(folder / "approvals.db")
    held_at: dict[str, float] = {}
    arrived_at: dict[str, float] = {}
    with WebhookReceiver(SECRET) as receiver:
        verify = receiver.answer

        def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
            result = verify(path, headers, body)
            arrived_at.setdefault(receiver.accepted[-1][1]["data"]["approval_id"], time.monotonic())
            return result

        receiver.answer = answer
        target = {"webhook": {"url": receiver.url, "secret_file": folder / "secret"}, "per_minute": 6_000}
        settings = NotificationSettings.model_validate({"targets": {"hook": target}})
        async with (
            open_notifier(settings, folder / "n.db", store, public_url="", observer=DeliveryObserver()) as opened,
            background(opened.notifier.run()),
        ):
            await asyncio.sleep(1)
            for _ in range(HOLDS):
                one = made()
                await asyncio.to_thread(store.open, one)
                held_at[one.approval_id] = time.monotonic()
                await asyncio.sleep(0.05)
            await until(lambda: len(arrived_at) == HOLDS, within_s=30)
    times = sorted(arrived_at[each] - held_at[each] for each in held_at)
    p99 = times[int(len(times) * 0.99) - 1]
    quick, slow = statistics.median(times) * 1000, p99 * 1000
    print(f"from hold to message, {HOLDS} holds: p50 {quick:.0f} ms, p99 {slow:.0f} ms")


def growth(folder: Path) -> None:
    """The cost of each operation with this many queued."""
    print(f"{'queued':>8} {'record each':>12} {'due (21)':>10} {'settle':>9} {'group all':>10} {'file each':>10}")
    for count in QUEUES:
        file = folder / f"{count}.db"
        outbox = Outbox(file)
        began = time.perf_counter()
        for first in range(0, count, 500):
            approvals = [made() for _ in range(min(500, count - first))]
            notices = [
                (make_notice(Approval(each, State.PENDING), NotificationEvent.CREATED, ""), ["mail"])
                for each in approvals
            ]
            watched = [
                Watched(each.approval_id, each.created_ns, each.expires_ns, open=True) for each in approvals
            ]
            outbox.record(notices, watched, time.time_ns())
        recorded = (time.perf_counter() - began) / count
        due = _timed(partial(outbox.due, "mail", time.time_ns(), 21))
        settle = _timed(partial(outbox.settle, "mail", time.time_ns(), 3_600 * S, for_people=True))
        group = _timed(partial(outbox.due, "mail", time.time_ns(), 10_000), repeat=1)
        size = sum(each.stat().st_size for each in folder.glob(f"{count}.db*")) / count
        print(
            f"{count:>8} {recorded * 1e6:>9.0f} us {due * 1000:>7.2f} ms {settle * 1000:>6.2f} ms"
            f" {group * 1000:>7.1f} ms {size:>8.0f} B"
        )
        outbox.close()


def _timed(work: Callable[[], object], repeat: int = 20) -> float:
    began = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - began) / repeat


def flood(folder: Path, count: int = 10_000) -> None:
    """Find and queue this many approvals that were made at once."""
    store = SqliteApprovals(folder / "approvals.db")
    for _ in range(count):
        store.open(made())
    outbox = Outbox(folder / "n.db")
    targets = {"mail": TargetSettings.model_validate({"apprise": {"env": "URL"}})}
    watch = ApprovalWatch(store, outbox, targets, public_url="", recent_ns=3_600 * S, clock=time.time_ns)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = _timed(watch.look, repeat=1)
    ids = [each.approval_id for each in outbox.watched().values()]
    idle = _timed(partial(store.closed_among, ids), repeat=20)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{count} at once: found and queued in {first:.2f} s; asking for the {count} that wait afterwards:"
        f" {idle * 1000:.1f} ms; memory grew by {grown / 1024:.0f} MiB"
    )


def main() -> None:
    """Print all measurements."""
    for name, work in (("latency", lambda f: asyncio.run(latency(f))), ("growth", growth), ("flood", flood)):
        with tempfile.TemporaryDirectory(prefix=f"notifications-{name}-") as folder:
            work(Path(folder))


if __name__ == "__main__":
    main()
