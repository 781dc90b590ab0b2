"""The published schemas say what the code reads and writes."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from extproc.assembly.sample_inputs import sample_inputs
from extproc.model.decision import ApprovalTerms
from extproc.model.quorum import Quorum
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.json_schemas import answer_schema, input_schema
from extproc.policy.contract.read_decision import UNREADABLE, read_decision

REFERENCE = Path(__file__).resolve().parents[4] / "docs" / "reference"
SAMPLES = sample_inputs()
ANSWERS = Draft202012Validator(answer_schema())
VALUES = {
    "action": ["allow", "deny", "hold", "no", None],
    "allowed": [True, False, 1, "yes"],
    "reason": ["policy-allowed", "policy-denied", "high-risk", "approved", 3],
    "rule": ["a", "x" * 201, 1],
    "risk": [0, 100, 101, -1, "1", True, 1.5],
    "mask": [
        {},
        {"request": [{"path": "$.a"}]},
        {"response": [{"entity": "US_SSN", "how": "partial"}]},
        {"respond": []},
        {"response": [{"entity": "US_SSN", "path": "$"}]},
        {"response": [{"entity": "ssn"}]},
        {"response": [{"path": "$", "how": "hide"}]},
    ],
    "approval": [{}, {"groups": ["a"], "min": 2, "expires_in": "15m"}, {"groups": []}, {"min": 0}, {"mode": "x"}],
    "shadow": [[], ["a"], "a", [1]],
    "http_status": [403, 99, "403"],
    "headers": [{}, {"x-a": "b"}, [{"x-a": ["b"]}], {"x-a": 1}],
    "request_headers_to_remove": [["a"], "a"],
    "query_parameters_to_remove": [["a"], "a", [""], ["a" * 4_097]],
    "query_parameters_to_set": [{}, {"a": "1"}, {"a": ["1"]}, {"a": 1}, {"": "1"}, {"a": "1" * 4_097}, []],
    "dynamic_metadata": [{}, []],
    "body": ["x", 1],
    "else": [1],
}


@pytest.mark.parametrize(("name", "made"), [("input", input_schema()), ("answer", answer_schema())])
def test_the_published_file_is_what_the_code_makes(name, made):
    assert json.loads((REFERENCE / f"policy-{name}.schema.json").read_text()) == made
    Draft202012Validator.check_schema(made)


def test_the_guards_own_inputs_are_valid():
    for document in (*SAMPLES.requests, *SAMPLES.responses):
        Draft202012Validator(input_schema()).validate(json.loads(document))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 6), max_size=5))
def test_what_the_schema_takes_is_readable_and_nothing_else(picks):
    answer = {name: VALUES[name][pick % len(VALUES[name])] for name, pick in picks.items()}
    read = read_decision(answer, revision="", defaults=ApprovalTerms(Quorum.any_of("default")))
    assert ANSWERS.is_valid(answer) == (read.rule != UNREADABLE), answer


def test_booleans_are_answers():
    assert ANSWERS.is_valid(True)
    assert ANSWERS.is_valid(False)
    assert not ANSWERS.is_valid(None)


def test_opa_checks_policies_against_it(opa_binary, tmp_path):
    schema = REFERENCE / "policy-input.schema.json"
    policies = [path for path in starter_folder().glob("*.rego") if not path.name.endswith("_test.rego")]
    wrong = tmp_path / "wrong.rego"
    wrong.write_text('package x\n\na if input.call.fucntion == "x"\n')
    for files, passes in ((policies, True), ([wrong], False)):
        found = subprocess.run(
            [opa_binary, "check", "--strict", "--schema", schema, *files],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (found.returncode == 0) is passes
