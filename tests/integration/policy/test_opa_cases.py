"""OPA's own published cases through the embedded engine, against a ledger of known differences.

The ledger fails on any change, new passes included: make it again with
``python tests/integration/policy/opa_cases.py FOLDER > tests/integration/policy/opa_cases.txt`` and read its diff.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
LEDGER = (HERE / "opa_cases.txt").read_text().splitlines()
sys.path.insert(0, str(HERE))

from opa_cases import VERSION, ledger, read_cases  # noqa: E402 - a neighbour, no package

KNOWN = {
    "aggregates/member check set with with both key and value",
    "defaultkeyword/function with var arg, ref head",
    "refheads/general, set leaf, deep query",
}
"""What the engine says otherwise than OPA without saying so. Each is in docs/reference/policy.md."""


def without(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of the cases, from the Go module of OPA."""
    go = shutil.which("go")
    if go is None:
        without("no go")
    command = [str(go), "mod", "download", "-json", f"github.com/open-policy-agent/opa@{VERSION}"]
    found = subprocess.run(command, capture_output=True, check=False, timeout=300, cwd="/")
    if found.returncode != 0:
        without("the Go module of OPA cannot be had")
    return Path(json.loads(found.stdout)["Dir"]) / "v1" / "test" / "cases" / "testdata" / "v1"


def test_every_difference_is_known_by_name(cases):
    assert ledger(cases) == LEDGER


def test_there_are_enough_cases_to_mean_something(cases):
    assert len(list(read_cases(cases))) > 2_000


def test_what_differs_silently_is_short_and_documented():
    outcomes = Counter(line.split(" ", 1)[0] for line in LEDGER)
    assert set(outcomes) <= {"refused", "error", "skipped", "different"}
    assert {line.split(" ", 1)[1] for line in LEDGER if line.startswith("different ")} == KNOWN
