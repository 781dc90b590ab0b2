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
