"""Prometheus metrics and log lines for operators. Labels come from closed lists, and from the policy in force."""

import structlog
from prometheus_client import Counter, Gauge, Histogram

from extproc.flow.observer import Observer
from extproc.model.decision import Action, Decision
from extproc.model.entries import Entry
from extproc.model.reasons import Reason
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.policy.contract.read_decision import UNREADABLE
from extproc.server.rule_labels import RuleLabels

CALLS = Counter("extproc_calls", "Calls that ended.", ["connection", "outcome", "reason"])
RUNNING = Gauge("extproc_calls_running", "Running calls.", multiprocess_mode="livesum")
HELD = Gauge("extproc_calls_held", "Calls that wait for approval.", multiprocess_mode="livesum")
LOST = Counter(
    "extproc_evidence_lost", "Closing entries that could not be stored, or read after a kill. Alert on any."
)
BROKE = Counter("extproc_guard_errors", "Calls that ended in an unforeseen error. Alert on any.")
DEFINITIONS = Counter(
    "extproc_definitions_changed",
    "Definitions of functions that a backend listed and that nobody accepted, each counted once.",
    ["connection"],
)
POLICIES = Counter("extproc_policies", "Policies loaded, and policies refused.", ["outcome"])
ENGINE_UP = Gauge(
    "extproc_policy_engine_up",
    "1 if policy can be asked, 0 if not; the lowest value of all processes.",
    ["engine"],  # with a label, a process without a policy engine does not count as a 0
    multiprocess_mode="livemin",
)
POLICY_INFO = Gauge(
    "extproc_policy_info",
    "1 for each policy that some process uses; 0 for those that were used before.",
    ["engine", "revision", "bundles"],
    multiprocess_mode="livemax",
)
POLICY_SECONDS = Histogram(
    "extproc_policy_seconds",
    "Seconds of one question to policy, until its answer or its failure.",
    ["engine"],
    buckets=(5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)
DECISIONS = Counter(
    "extproc_policy_decisions",
    "Policy's decisions by rule. The action is error where there was none, and shadow for a rule in shadow mode.",
    ["action", "rule"],
)
FAILED, SHADOW = "error", "shadow"
"""Values of ``action`` beside those of decisions."""
REVISION_SHOWN = 12
"""Characters of a revision, as everywhere that people see it."""
DURATION = Histogram(
    "extproc_call_seconds",
    "Seconds from a call's first message to its last, holds included.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900),
)


class Metrics(Observer):
    """Counts, times and logs the calls of one worker."""

    def __init__(self, rules: RuleLabels) -> None:
        """Begin at 0.

        Args:
            rules: knows which rules are labels.
        """
        self._log = structlog.get_logger().bind()  # bound once: a lazy logger would bind again at every line
        self._calls: dict[tuple[str, str, str], Counter] = {}
        self._rules, self._decisions = rules, dict[tuple[str, str], Counter]()
        self._seconds: dict[str, Histogram] = {}

    def call_began(self) -> None:
        """A stream opened."""
        RUNNING.inc()

    def call_over(self) -> None:
        """A stream that opened has ended."""
        RUNNING.dec()

    def call_held(self, entry: Entry) -> None:
        """A call waits for approval."""
        HELD.inc()
        self._log.info("held", function=entry.function, call_id=entry.call_id, approval_id=entry.approval_id)

    def call_released(self) -> None:
        """A call no longer waits."""
        HELD.dec()

    def call_ended(self, entry: Entry) -> None:
        """A terminal entry was made."""
        key = (entry.connection, entry.kind.value, entry.reason)
        counter = self._calls.get(key)
        if counter is None:
            counter = self._calls[key] = CALLS.labels(*key)
        counter.inc()
        DURATION.observe(entry.duration_ms / 1000)
        facts = {"kind": entry.kind.value, "function": entry.function, "reason": entry.reason}
        self._log.debug("call", call_id=entry.call_id, **facts)

    def policy_asked(self, seconds: float) -> None:
        """Policy gave an answer, or failed."""
        engine = self._rules.engine
        histogram = self._seconds.get(engine)
        if histogram is None:
            histogram = self._seconds[engine] = POLICY_SECONDS.labels(engine)
        histogram.observe(seconds)

    def policy_decided(self, decision: Decision) -> None:
        """Policy's answer was read."""
        action = FAILED if decision.reason is Reason.POLICY_ERROR else decision.action.value
        self._count(action, decision.rule)
        for name in decision.shadow:
            self._count(SHADOW, name)

    def policy_failed(self) -> None:
        """Policy gave no usable answer."""
        self._count(FAILED, "")

    def _count(self, action: str, rule: str) -> None:
        key = (action, self._rules.label(rule))
        counter = self._decisions.get(key)
        if counter is None:
            counter = self._decisions[key] = DECISIONS.labels(*key)
        counter.inc()

    def definition_changed(self, connection: str, name: str, digest: str) -> None:
        """A definition was listed that nobody accepted."""
        DEFINITIONS.labels(connection).inc()
        self._log.warning("definition changed", function=f"{connection}.{name}", digest=digest)

    def evidence_lost(self, entry: Entry) -> None:
        """A terminal entry could not be stored."""
        LOST.inc()
        self._log.error("evidence lost", call_id=entry.call_id, kind=entry.kind.value)

    def crash_file_unreadable(self, worker: str) -> None:
        """A record that a dead worker left cannot be read."""
        LOST.inc()
        self._log.error("evidence lost", why="what a worker left cannot be read", of=worker)

    def guard_broke(self, error: BaseException) -> None:
        """A call ended in an unforeseen error. Only its type is logged: its text could hold values of the call."""
        BROKE.inc()
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
        self._log.error("guard error", error=type(error).__name__, where=where)


class PolicyMetrics:
    """Counts and logs the policies of one process and the health of its policy engine."""

    def __init__(self, rules: RuleLabels) -> None:
        """Begin without a policy.

        Args:
            rules: is told the rules of each policy.
        """
        self._last: PolicyStatus | None = None
        self._rules = rules

    def changed(self, status: PolicyStatus) -> None:
        """A policy was loaded or refused, or the engine's health changed.

        Args:
            status: the new status; only its differences from the last one are logged and counted.
        """
        last, self._last = self._last, status
        log = structlog.get_logger()
        ENGINE_UP.labels(status.engine).set(0 if status.trouble else 1)
        if status.trouble != (last.trouble if last else ""):
            write = log.error if status.trouble else log.info
            write("policy engine", trouble=status.trouble or "none")
        if status.refused and status.refused != (last.refused if last else None):
            POLICIES.labels("refused").inc()
            refused = status.refused
            log.error("policy refused", why=refused.why, revision=refused.revision, kept=status.revision)
        elif last is None or status.revision != last.revision:
            POLICIES.labels("loaded").inc()
            log.info("policy in force", revision=status.revision, engine=status.engine, bundles=status.bundles)
        if last is not None:
            _info(last).set(0)
        _info(status).set(1 if status.revision else 0)
        for name in self._rules.declare((*status.rules, UNREADABLE), status.engine):
            for action in (*Action, SHADOW):  # a rule that never matched has the value 0
                DECISIONS.labels(action, name)


def _info(status: PolicyStatus) -> Gauge:
    return POLICY_INFO.labels(status.engine, status.revision[:REVISION_SHOWN], ",".join(status.bundles))
