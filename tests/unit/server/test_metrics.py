"""The metrics that alerts use combine all processes correctly."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from extproc.server import act_metrics, metrics, notification_metrics
from extproc.server.rule_labels import RuleLabels

TOLD = """
import time
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.server.metrics import PolicyMetrics
from extproc.server.rule_labels import RuleLabels
metrics = PolicyMetrics(RuleLabels())
for trouble in {troubles!r}:
    metrics.changed(PolicyStatus("worker-0", "opa", "r", "data.x", 1, trouble=trouble))
"""


def engine_up(folder, *processes) -> list[str]:
    """Return the metric of processes that have reported these troubles one after another."""
    for troubles in processes:
        code = TOLD.format(troubles=troubles)
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30, capture_output=True)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if line.startswith("extproc_policy_engine_up")]


def test_a_process_that_asks_no_policy_is_no_engine_in_trouble(tmp_path):
    """The control process has no policy engine."""
    assert engine_up(tmp_path, [], [""]) == ['extproc_policy_engine_up{engine="opa"} 1.0']


def test_the_worst_off_process_counts(tmp_path):
    assert engine_up(tmp_path, [""], ["", "gone"]) == ['extproc_policy_engine_up{engine="opa"} 0.0']


def test_trouble_that_is_over_is_over(tmp_path):
    assert engine_up(tmp_path, ["gone", ""]) == ['extproc_policy_engine_up{engine="opa"} 1.0']


MOVED = """
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.server.metrics import PolicyMetrics
from extproc.server.rule_labels import RuleLabels
metrics = PolicyMetrics(RuleLabels())
for revision, bundles in {policies!r}:
    metrics.changed(PolicyStatus("worker-0", "opa", revision, "data.x", 1, bundles=bundles))
"""


def test_the_policies_in_use_are_named_with_their_bundles(tmp_path):
    """Those that no process uses any more are 0."""
    old, new = ("a" * 64, ("main@1",)), ("b" * 64, ("main@2", "shared@7"))
    for policies in ([("", ()), old, new], [old], [new]):
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        code = MOVED.format(policies=policies)
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
        if policies == [old]:
            assert policy_info(tmp_path) == {"main@1": 1.0, "main@2,shared@7": 1.0, "": 0.0}
            for each in tmp_path.glob("*.db"):
                each.unlink()
    assert policy_info(tmp_path) == {"main@2,shared@7": 1.0}


def policy_info(folder) -> dict[str, float]:
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))
    [metric] = [each for each in registry.collect() if each.name == "extproc_policy_info"]
    assert all(len(each.labels["revision"]) in (0, 12) for each in metric.samples)
    return {each.labels["bundles"]: each.value for each in metric.samples}


DECIDED = """
from extproc.model.decision import Action, Decision
from extproc.model.reasons import Reason
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.server.metrics import Metrics, PolicyMetrics
from extproc.server.rule_labels import RuleLabels
rules = RuleLabels()
PolicyMetrics(rules).changed(PolicyStatus("worker-0", "embedded", "r", "data.x", 1, rules=("cards", "hours")))
metrics = Metrics(rules)
metrics.policy_asked(0.0002)
metrics.policy_decided(Decision(Action.DENY, Reason.POLICY_DENIED, rule="cards"))
metrics.policy_decided(Decision(Action.DENY, Reason.POLICY_DENIED, rule="jo@example.org"))
metrics.policy_decided(Decision(Action.ALLOW, Reason.POLICY_ALLOWED, shadow=("hours", "4111111111111111")))
metrics.policy_decided(Decision(Action.DENY, Reason.POLICY_ERROR, rule="policy-answer-unreadable"))
metrics.policy_failed()
"""


def test_decisions_are_counted_by_rule_and_rules_that_never_matched_are_0(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", DECIDED], env=environment, check=True, timeout=30)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(tmp_path))
    text = generate_latest(registry).decode()
    counted = {
        (metric.labels["action"], metric.labels["rule"]): metric.value
        for family in registry.collect()
        for metric in family.samples
        if metric.name == "extproc_policy_decisions_total" and metric.value
    }
    assert counted == {
        ("deny", "cards"): 1,
        ("deny", "other"): 1,
        ("allow", ""): 1,
        ("shadow", "hours"): 1,
        ("shadow", "other"): 1,
        ("error", "policy-answer-unreadable"): 1,
        ("error", ""): 1,
    }
    assert 'extproc_policy_decisions_total{action="deny",rule="hours"} 0.0' in text
    assert 'extproc_policy_seconds_bucket{engine="embedded",le="0.00025"} 1.0' in text
    assert "example.org" not in text
    assert "4111" not in text


def test_names_of_an_unknown_policy_are_few_and_look_like_names():
    labels = RuleLabels()
    assert labels.declare(["policy-answer-unreadable"], "opa") == ["policy-answer-unreadable"]
    assert [labels.label(rule) for rule in ("hours", "", "a b", "jo@example.org", "x" * 65)] == [
        "hours",
        "",
        *["other"] * 3,
    ]
    assert {labels.label(f"rule-{index}") for index in range(1_000)} == {
        "other",
        *(f"rule-{index}" for index in range(98)),
    }
    assert labels.label("hours") == "hours"


def test_names_of_a_known_policy_are_its_own():
    labels = RuleLabels()
    assert labels.declare(["hours", "cards"], "embedded") == ["cards", "hours"]
    assert labels.declare(["hours", "new"], "embedded") == ["new"]
    assert [labels.label(rule) for rule in ("hours", "new", "alice")] == ["hours", "new", "other"]
    many = [f"rule-{index:03d}" for index in range(1_000)]
    assert len(labels.declare(many, "embedded")) == 97


def test_every_metric_is_documented():
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md").read_text()
    rows = {row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.startswith("| `extproc_")}
    made = {
        name + ("_total" if isinstance(metric, Counter) else ""): metric
        for module in (metrics, act_metrics, notification_metrics)
        for metric in vars(module).values()
        if isinstance(metric, Counter | Gauge | Histogram)
        for name in (metric.describe()[0].name,)
    }
    assert made.keys() == rows.keys()
