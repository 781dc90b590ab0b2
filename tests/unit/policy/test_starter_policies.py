"""The policies users start from: their own tests pass under both engines, and decisions are readable."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from extproc.model.decision import Action, ApprovalTerms
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.rego_tests import run_tests

pytestmark = pytest.mark.slow

QUERY = "data.extproc.decision"
EXAMPLE = starter_folder() / "data.example.yaml"


def test_their_tests_pass_embedded_and_cover_every_line():
    run = run_tests(read_sources([], [], QUERY))
    assert [result for result in run.results if not result.passed] == []
    assert len(run.results) >= 40
    assert [(file.file, file.missed) for file in run.coverage if file.missed] == []
    assert run.passed


def test_their_tests_pass_under_opa(opa_binary):
    command = [opa_binary, "test", "--format", "json", starter_folder()]
    found = subprocess.run(command, capture_output=True, check=False, timeout=60)
    results = json.loads(found.stdout)
    assert [result["name"] for result in results if result.get("fail") or result.get("error")] == []
    assert len(results) == len(run_tests(read_sources([], [], QUERY)).results)


def test_opa_finds_nothing_to_complain_of(opa_binary):
    for command in (["check", "--strict"], ["fmt", "--fail", "--list"]):
        found = subprocess.run(
            [opa_binary, *command, starter_folder()], capture_output=True, check=False, timeout=60
        )
        assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")


def test_each_file_has_its_tests():
    names = {path.name for path in starter_folder().glob("*.rego")}
    policies = {name for name in names if not name.endswith("_test.rego")}
    assert {name.replace(".rego", "_test.rego") for name in policies} == names - policies


def test_nothing_is_allowed_without_data():
    engine = EmbeddedEngine.from_sources(read_sources([], [], QUERY))
    for document in (b"{}", b'{"identity":{"groups":["support"]},"call":{"function":"crm.get_customer"}}'):
        decision = read_decision(engine.evaluate_now(document), revision="", defaults=ApprovalTerms())
        assert decision.action is Action.DENY


def test_the_example_holds_what_it_says():
    engine = EmbeddedEngine.from_sources(read_sources([], [EXAMPLE], QUERY))
    document = {
        "identity": {"groups": ["engineers"]},
        "call": {"function": "deploy.run", "protocol": "http-json", "arguments": {"environment": "staging"}},
        "connection": {"name": "deploy"},
        "findings": [],
        "body": {},
    }
    answer = engine.evaluate_now(json.dumps(document).encode())
    decision = read_decision(answer, revision="", defaults=ApprovalTerms())
    assert decision.action is Action.HOLD
    assert decision.approval == ApprovalTerms(("sre",), 1, 900.0)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("test_a if 1 == 1", True),
        ("test_a if 1 == 2", False),
        ("test_a := 1", False),
        ("test_a if to_number(`x`) == 1", False),
        ("other := 1", False),
    ],
)
def test_a_test_passes_only_when_it_is_true(text, passed):
    modules = (Module("p.rego", "package p\nx := 1"),)
    tests = (Module("p_test.rego", f"package p\n{text}"),)
    assert run_tests(Sources(modules, {}, "data.p.x", tests)).passed is passed


def test_lines_that_no_test_reaches_are_reported():
    modules = (Module("p.rego", "package p\n\na if input.x == 1\n\nb if {\n\tinput.y == 2\n}\n"),)
    tests = (Module("p_test.rego", 'package p\ntest_a if a with input as {"x": 1}'),)
    run = run_tests(Sources(modules, {}, "data.p.a", tests))
    assert run.passed
    assert run.coverage[0].missed
    assert 0 < run.percent < 100


def test_the_example_is_valid_data():
    assert Path(EXAMPLE).is_file()
    template = EmbeddedEngine.from_sources(read_sources([], [EXAMPLE], "data.extproc.settings.valid"))
    assert template.evaluate_now(b"{}") is True


def test_regal_finds_nothing():
    """With .regal/config.yaml. Regal has no package that CI could install: it runs where somebody has it."""
    regal = shutil.which("regal")
    if regal is None:
        pytest.skip("regal is not installed")
    found = subprocess.run(
        [regal, "lint", starter_folder()], capture_output=True, text=True, check=False, timeout=120
    )
    assert found.returncode == 0, found.stdout
