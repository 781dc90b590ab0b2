"""Prometheus metrics of notifications. Labels are names of targets, which the configuration lists."""

from prometheus_client import Counter, Gauge

from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.notifications.delivery import DeliveryObserver
from extproc.notifications.outbox import Backlog

SENT = Counter("extproc_notifications_sent", "Events of approvals that a target has taken.", ["target"])
FAILED = Counter("extproc_notifications_failed", "Events that were given up. Alert on any.", ["target"])
ATTEMPTS_FAILED = Counter(
    "extproc_notifications_attempts_failed", "Attempts that failed and are repeated.", ["target"]
)
DROPPED = Counter("extproc_notifications_dropped", "Events that were not queued, since too many were.")
QUEUED = Gauge(
    "extproc_notifications_queued", "Events that wait for a target.", ["target"], multiprocess_mode="livesum"
)
OLDEST = Gauge(
    "extproc_notifications_oldest_seconds",
    "Seconds for which the oldest event has waited for a target.",
    ["target"],
    multiprocess_mode="livemax",
)


class NotificationMetrics(DeliveryObserver):
    """Counts what becomes of messages."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        """Begin at 0 for each target.

        Args:
            targets: their names.
        """
        self._targets = targets
        for name in targets:
            for counter in (SENT, FAILED, ATTEMPTS_FAILED):
                counter.labels(name)

    def close(self) -> None:
        """Nothing waits for these targets any more."""
        for name in self._targets:
            QUEUED.labels(name).set(0)
            OLDEST.labels(name).set(0)

    def sent(self, target: str, deliveries: int) -> None:
        """A message was taken."""
        SENT.labels(target).inc(deliveries)

    def failed(self, target: str, deliveries: int) -> None:
        """Events were given up."""
        FAILED.labels(target).inc(deliveries)

    def attempt_failed(self, target: str) -> None:
        """An attempt failed."""
        ATTEMPTS_FAILED.labels(target).inc()

    def dropped(self, deliveries: int) -> None:
        """Events were not queued."""
        DROPPED.inc(deliveries)

    def counted(self, backlog: list[Backlog], now_ns: int) -> None:
        """What waits was counted."""
        waiting = {each.target: each for each in backlog}
        for name in self._targets:
            each = waiting.get(name)
            QUEUED.labels(name).set(each.queued if each else 0)
            oldest_ns = each.oldest_ns if each else 0
            OLDEST.labels(name).set(max(0, now_ns - oldest_ns) / NANOSECONDS_PER_SECOND if oldest_ns else 0)
