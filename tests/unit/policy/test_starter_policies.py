"""The policies users start from: their own tests pass under both engines, and decisions are readable."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.model.decision import Action, ApprovalTerms
from extproc.model.quorum import Quorum
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.policy_check import SettingsValidity
from extproc.policy.regorus.rego_tests import run_tests
from extproc.policy.regorus.trial import SampleInputs, check_candidate

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
    assert decision.approval == ApprovalTerms(Quorum.any_of("sre"), 900.0)


PAYMENT = {
    "identity": {"subject": "ada", "groups": ["staff"]},
    "call": {"function": "pay.out", "protocol": "http-json", "arguments": {"amount": 5_000_000}},
    "connection": {"name": "pay"},
    "findings": [],
    "usage": {"caller": {"day": 9}},
    "body": {},
}
BOUND = {"rule": "bound", "functions": ["pay.*"], "path": ["amount"]}
OFTEN = {"rule": "often", "functions": ["*"], "of": "caller", "per": "day"}
LOOSE = [
    {"arguments": [BOUND | {"at_most": "1000"}]},
    {"arguments": [BOUND | {"at_most": [1000]}]},
    {"arguments": [BOUND | {"at_least": None}]},
    {"arguments": [BOUND | {"one_of": {"x": 5_000_000}}]},
    {"limits": [OFTEN | {"calls": "3"}]},
    {"limits": [OFTEN | {"calls": [3]}]},
    {"risk": {"default": "80"}, "hold": [{"at": 70, "groups": ["sre"]}]},
    {"risk": {"functions": {"pay.*": None}}, "hold": [{"at": 70, "groups": ["sre"]}]},
    {"risk": {"default": 80}, "hold": [{"at": "70", "groups": ["sre"]}]},
    {"risk": {"default": 80}, "hold": [{"at": None, "groups": ["sre"]}]},
]
"""Data with a control whose bound has a wrong type. None of them may let the payment through."""
OUT_OF_RANGE = [
    {"risk": {"default": 80}, "hold": [{"at": 700, "groups": ["sre"]}]},
    {"risk": {"default": -80}, "hold": [{"at": 70, "groups": ["sre"]}]},
    {"risk": {"findings": {"US_SSN": 0.5}}},
    {"masks": [{"functions": ["*"]}]},
    {"risk": {"default": 80}, "hold": {"a": {"at": 70}}},
]
"""Data with a control that would never apply."""


def with_guard(guard):
    roles = {"staff": {"functions": ["pay.*"]}}
    return replace(read_sources([], [], QUERY), data={"guard": {"roles": roles} | guard})


def payment(engine):
    return read_decision(engine.evaluate_now(json.dumps(PAYMENT).encode()), revision="", defaults=ApprovalTerms())


def test_the_payment_is_allowed_without_a_bound():
    assert payment(EmbeddedEngine.from_sources(with_guard({}))).action is Action.ALLOW


@pytest.mark.parametrize("guard", [*LOOSE, *OUT_OF_RANGE], ids=str)
def test_a_value_of_a_wrong_type_or_range_is_refused_and_denies(guard):
    engine = EmbeddedEngine.from_sources(with_guard(guard))
    assert engine.settings is SettingsValidity.INVALID
    assert (payment(engine).action, payment(engine).rule) == (Action.DENY, "settings-invalid")


@pytest.mark.parametrize("guard", LOOSE, ids=str)
def test_a_bound_of_a_wrong_type_denies_even_where_the_settings_are_taken_for_valid(guard):
    taken = check_candidate(with_guard({}), SampleInputs())
    assert payment(EmbeddedEngine.from_sources(with_guard(guard), checked=taken)).action is Action.DENY


@pytest.mark.parametrize("taken", [False, True])
def test_opa_denies_by_a_bound_of_a_wrong_type(opa_binary, tmp_path, taken):
    inputs = tmp_path / "input.json"
    inputs.write_text(json.dumps(PAYMENT))
    files = [word for each in starter_folder().glob("*.rego") for word in ("-d", each)]
    for number, guard in enumerate([{}, *LOOSE, *([] if taken else OUT_OF_RANGE)]):
        data = with_guard(guard).data | {"extproc_loaded": {"settings_valid": taken}}
        (tmp_path / "data.json").write_text(json.dumps(data))
        command = [opa_binary, "eval", "--format", "raw", *files, "-d", tmp_path / "data.json"]
        found = subprocess.run([*command, "-i", inputs, QUERY], capture_output=True, check=True, timeout=60)
        assert json.loads(found.stdout)["action"] == ("deny" if number else "allow"), guard


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
