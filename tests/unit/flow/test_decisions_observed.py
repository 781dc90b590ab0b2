"""The observer is told of each question to policy and of each decision, whatever becomes of it."""

from dataclasses import replace

import pytest

from extproc.flow.observer import Observer
from extproc.model.errors import PolicyError
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns


class PolicyObserver(Observer):
    """Remembers what it was told of policy."""

    def __init__(self):
        self.told = []

    def policy_asked(self, seconds):
        self.told.append(seconds)

    def policy_decided(self, decision):
        self.told.append((decision.action.value, decision.reason.value, decision.rule, decision.shadow))

    def policy_failed(self):
        self.told.append("failed")


async def told(tmp_path, *, dry_run=False, **engine):
    ticks, observer = iter(range(0, 1_000, 3)), PolicyObserver()
    services = make_services(tmp_path, engine=ScriptedEngine(**engine))
    services = replace(services, observer=observer, stopwatch=lambda: next(ticks), dry_run=dry_run)
    await play(services, asks(), answers(), returns(b"{}"))
    return observer.told


@pytest.mark.parametrize(
    ("answer", "decided"),
    [
        ({"action": "allow", "rule": "r", "shadow": ["s"]}, ("allow", "policy-allowed", "r", ("s",))),
        ({"action": "deny", "rule": "r"}, ("deny", "policy-denied", "r", ())),
        ({"action": "permit"}, ("deny", "policy-error", "policy-answer-unreadable", ())),
    ],
)
async def test_each_answer_is_timed_and_its_decision_told(tmp_path, answer, decided):
    assert await told(tmp_path, answer=answer) == [3, decided]


async def test_a_question_without_an_answer_is_timed_and_counted(tmp_path):
    assert await told(tmp_path, fault=PolicyError("gone")) == [3, "failed"]


async def test_in_dry_run_the_decision_that_counts_is_told(tmp_path):
    found = await told(tmp_path, dry_run=True, answer={"action": "deny", "rule": "r"})
    assert found == [3, ("allow", "policy-allowed", "r", ("r",))]
