"""A candidate is tried where it can be killed."""

import contextlib
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.assembly.sample_inputs import sample_inputs
from extproc.assembly.try_policy import try_policy
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads
from extproc.policy.names.known_names import KnownConnection, KnownNames
from extproc.policy.names.rego_literals import LiteralKind, RegoLiteral
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.policy_check import PolicyCheck, SettingsValidity
from extproc.policy.regorus.trial import COMMAND, CandidateRefused, TrialProcess, check_candidate
from extproc.policy.regorus.trial_child import try_sources

pytestmark = pytest.mark.slow

ENDLESS = """decision := count([1 |
    some i in numbers.range(1, 100000)
    some j in numbers.range(1, 100000)
    i + j == 0
]) == 0"""


def sources(text: str) -> Sources:
    return Sources((Module("t.rego", f"package t\n{text}"),), {}, "data.t.decision")


SAMPLES = sample_inputs()
STARTER = read_sources([], [], "data.extproc.decision")


def with_guard(**guard: object) -> Sources:
    return replace(STARTER, data={"guard": guard})


def test_the_starter_policies_are_fine():
    try_policy(with_guard(roles={}))


def test_data_of_another_shape_is_refused_and_the_wrong_part_named():
    with pytest.raises(
        PolicyInvalid, match=r"hold\[0\]: \"at\" is missing\nunknown key \"hodl\"; did you mean \"hold\"\?$"
    ):
        try_policy(with_guard(roles={}, hodl=[], hold=[{}]))
    with pytest.raises(PolicyInvalid, match=r"no data is given\n.*name it in policy.data"):
        try_policy(STARTER)


def test_wrong_names_are_told_with_the_wrong_shape():
    known = KnownNames({"crm": KnownConnection("crm", ("get",))}, frozenset())
    roles = {"team": {"functions": ["crm.gett"]}}
    with pytest.raises(PolicyInvalid, match="2 things are wrong") as refused:
        try_policy(with_guard(roles=roles, hold={}), known)
    assert len(refused.value.problems) == 2
    with pytest.raises(PolicyInvalid) as refused:
        try_policy(with_guard(roles={}, masks=[{"functions": ["*"], "response": [{"how": "x"}], "x": 1}]), known)
    assert [each.key[-1] for each in refused.value.problems] == ["how", "x"]


def test_data_that_was_looked_at_is_not_looked_at_again():
    seen = Module("seen.rego", "package seen\n\nx := data.extproc_loaded.settings_valid")
    asking = replace(STARTER, modules=(*STARTER.modules, seen), query="data.seen.x")
    good = EmbeddedEngine.from_sources(replace(asking, data={"guard": {"roles": {}}}))
    bad = EmbeddedEngine.from_sources(replace(asking, data={"guard": {"role": {}}}))
    assert (good.settings, bad.settings) == (SettingsValidity.VALID, SettingsValidity.INVALID)
    assert good.evaluate_now(b"{}") is True
    with pytest.raises(PolicyError, match="undefined"):
        bad.evaluate_now(b"{}")


def test_a_policy_without_settings_is_not_asked_for_them():
    assert EmbeddedEngine.from_sources(sources("decision := true")).settings is SettingsValidity.UNCHECKED


def test_only_the_loader_says_that_settings_are_valid(tmp_path):
    (tmp_path / "d.json").write_text('{"extproc_loaded": {"settings_valid": true}}')
    with pytest.raises(ConfigError, match="the loader's own"):
        read_sources([], [tmp_path / "d.json"], "data.extproc.decision")
    for package in ("extproc_loaded", "extproc_loaded.deeper", "extproc_entry"):
        module = Module("m.rego", f"package {package}\n\nsettings_valid := true")
        with pytest.raises(ConfigError, match="the loader's own"):
            EmbeddedEngine.from_sources(replace(STARTER, modules=(*STARTER.modules, module)))


def test_a_policy_that_hangs_is_killed():
    begun = time.monotonic()
    with pytest.raises(PolicyInvalid, match="took longer than 1 s"):
        check_candidate(sources(ENDLESS), SAMPLES, timeout_s=1.0)
    assert time.monotonic() - begun < 30


def test_that_the_machine_stalls_is_no_fault_of_the_policy():
    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(check_candidate, with_guard(roles={}), SAMPLES, timeout_s=2.0)
        while not (found := candidates_of(os.getpid())) and not trying.done():
            time.sleep(0.01)
        os.kill(found[0], signal.SIGSTOP)
        time.sleep(2.2)
        os.kill(found[0], signal.SIGCONT)
        assert trying.result().settings is SettingsValidity.VALID


def candidates_of(parent):
    """The process ids of the candidates that a process tries."""
    commands = {int(each.parent.name): each for each in Path("/proc").glob("[0-9]*/cmdline")}
    found = []
    for pid, command in commands.items():
        with contextlib.suppress(OSError):
            is_ours = int((command.parent / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_ours and b"extproc.policy.regorus.trial" in command.read_bytes():
                found.append(pid)
    return found


def test_a_policy_that_eats_memory_is_stopped():
    greedy = "decision := count([x | some x in numbers.range(1, 50000000)]) == 0"
    with pytest.raises(PolicyInvalid):
        check_candidate(sources(greedy), SAMPLES, timeout_s=10.0, memory=64 << 20)


def test_loading_does_not_evaluate():
    """Evaluating the one would not end; evaluating the other is an error."""
    EmbeddedEngine.from_sources(sources(ENDLESS))
    failing = EmbeddedEngine.from_sources(replace(sources("decision := 1 / data.zero"), data={"zero": 0}))
    with pytest.raises(PolicyError, match="divide by zero"):
        failing.evaluate_now(b"{}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decision := true if {}", "t.rego:2"),
        ("decision := x if {\n x := (", "t.rego:3"),
        ("decision := input.call.id / 1", r"evaluation failed at t\.rego:2"),
        ("decision := to_number(input.call.id)", r"evaluation failed at t\.rego:2"),
        (
            'decision := to_number(input.call.name) if input.call.protocol == "grpc"',
            r"evaluation failed at t\.rego:2",
        ),
        ("decision := json.unmarshal(input.attributes.request.http.rawBody)", "evaluation failed"),
        ('decision := "allow"', "gives an answer that the guard cannot read"),
        ('decision := {"action": "allow", "typo": 1}', "gives an answer that the guard cannot read"),
        ("other := true", "no rule defines"),
    ],
)
def test_the_complaint_says_where_or_what(text, message):
    with pytest.raises(PolicyInvalid, match=message):
        try_policy(sources(text))


def test_undecided_samples_are_fine():
    never = RegoLiteral(LiteralKind.CALL_NAME, "never", "t.rego", 2, 41)
    assert try_sources(sources("decision := true if input.call.name == `never`"), lambda: SAMPLES) == PolicyCheck(
        SettingsValidity.UNCHECKED,
        frozenset({"call"}),
        ResponseInterest.NEVER,
        UninspectableReads(streams=True, response_parts=frozenset()),
        (never,),
    )


def test_a_policy_that_fails_its_own_tests_is_refused():
    failing = Module("t_test.rego", "package t\n\ntest_no if decision == 2\n\ntest_yes if decision")
    with pytest.raises(PolicyInvalid, match=r"t_test\.rego:3: data\.t\.test_no failed: false or undefined"):
        try_policy(replace(sources("decision := true"), tests=(failing,)))


def test_what_was_tried_is_loaded_without_a_second_look():
    found = try_policy(with_guard(roles={}))
    assert found.settings is SettingsValidity.VALID
    assert found.response_interest is ResponseInterest.NEVER
    engine = EmbeddedEngine.from_sources(with_guard(roles={}), checked=found)
    assert engine.settings is SettingsValidity.VALID
    assert engine.evaluate_now(b"{}")["rule"] == "not-granted"


def test_samples_are_small():
    assert all(len(document) < 2_000 for document in (*SAMPLES.requests, *SAMPLES.responses))


def test_all_violations_are_reported_those_of_the_tests_too():
    tests = (Module("t_test.rego", "package t_test\n\ntest_no if nosuch(1)"),)
    wrong = replace(sources("decision := x\nother := nosuch(1)"), tests=tests)
    with pytest.raises(CandidateRefused, match=r"t\.rego:2:13: .* \(and 2 more\)") as caught:
        try_policy(wrong)
    assert [(one.file, one.line) for one in caught.value.violations] == [
        ("t.rego", 2),
        ("t.rego", 3),
        ("t_test.rego", 3),
    ]


def test_a_policy_may_not_need_its_tests():
    tests = (Module("t_test.rego", "package t\n\nhelper(x) := x"),)
    with pytest.raises(PolicyInvalid, match="function helper is not available"):
        try_policy(replace(sources("decision := helper(true)"), tests=tests))


def test_the_child_compiles_before_the_samples_are_there():
    asked = []

    def samples():
        asked.append(candidates_of(os.getpid()))
        return SAMPLES

    with TrialProcess() as process:
        assert process.check(sources("decision := true"), samples).settings is SettingsValidity.UNCHECKED
    assert len(asked[0]) == 1


def test_no_child_is_left_when_nothing_is_tried():
    with TrialProcess():
        assert len(candidates_of(os.getpid())) == 1
    assert candidates_of(os.getpid()) == []


def test_a_child_whose_parent_is_gone_ends():
    """It waits for its order, and sees the end of its input."""
    begun = subprocess.run(COMMAND, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)
    assert (begun.stdout, begun.stderr) == (b"", b"")


def test_a_child_that_dies_before_its_order_is_an_error():
    with TrialProcess() as process:
        os.kill(candidates_of(os.getpid())[0], signal.SIGKILL)
        with pytest.raises(PolicyInvalid, match="the engine crashed"):
            process.test(sources("decision := true"), timeout_s=1.0)
