"""What the pages on policy say is held to the code."""

import json
import re
from pathlib import Path

import yaml

from extproc.assembly.try_policy import try_policy
from extproc.model.decision import Action, ApprovalTerms
from extproc.model.reasons import Uninspectable
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract import opa_envoy_decision, read_decision
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.rego_tests import run_tests

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "policy.md").read_text()
HOW_TO = (DOCS / "how-to" / "write-a-policy.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_every_word_of_the_answer_is_documented():
    reasons = {reason.value for reason in read_decision.POLICY_REASONS}
    for word in (*read_decision.KEYS, *opa_envoy_decision.KEYS, *reasons, *(why.value for why in Uninspectable)):
        assert f"`{word}`" in REFERENCE, word


def test_the_example_answer_is_readable():
    example = yaml.safe_load(blocks(REFERENCE, "json")[0])
    assert read_decision.read_decision(example, revision="", defaults=ApprovalTerms()).action is Action.HOLD


def test_the_examples_policy_and_tests_work():
    policy, _, _, tests, certificates = blocks(HOW_TO, "rego")
    sources = Sources((Module("a.rego", policy),), {}, "data.extproc.decision", (Module("a_test.rego", tests),))
    assert run_tests(sources).passed
    try_policy(Sources((Module("a.rego", certificates),), {}, "data.extproc.decision"))


def test_the_example_about_responses_works():
    module = Module("a.rego", blocks(HOW_TO, "rego")[2])
    engine = EmbeddedEngine.from_sources(Sources((module,), {}, "data.extproc.decision"))
    assert engine.response_interest is ResponseInterest.ALWAYS
    asked = {"direction": "response", "identity": {"groups": []}}
    cards = {"entity": "CREDIT_CARD", "count": 4}
    for response, action in (({"findings": []}, "allow"), ({"findings": [cards]}, "deny"), ({}, "deny")):
        assert engine.evaluate_now(json.dumps(asked | {"response": response}).encode())["action"] == action
    assert engine.evaluate_now(b'{"direction":"list","identity":{"groups":["support"]}}')["action"] == "allow"
    assert engine.evaluate_now(b'{"direction":"list","identity":{"groups":[]}}')["action"] == "deny"


def test_the_examples_data_is_valid():
    data = yaml.safe_load(blocks(HOW_TO, "yaml")[1])
    files = [path for path in starter_folder().glob("*.rego") if not path.name.endswith("_test.rego")]
    modules = tuple(Module(path.name, path.read_text()) for path in files)
    engine = EmbeddedEngine.from_sources(Sources(modules, data, "data.extproc.settings.valid"))
    assert engine.evaluate_now(b"{}") is True
