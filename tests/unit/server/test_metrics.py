"""The metrics that alerts use combine all processes correctly."""

import os
import subprocess
import sys

from prometheus_client import CollectorRegistry, generate_latest, multiprocess

TOLD = """
import time
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.server.metrics import PolicyMetrics
metrics = PolicyMetrics()
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
metrics = PolicyMetrics()
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
