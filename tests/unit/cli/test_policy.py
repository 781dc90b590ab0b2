"""``extproc policy``, as authors type it."""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from extproc.cli import policy
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.policy.bundle.policy_status import PolicyStatus, RefusedCandidate, write_status

pytestmark = pytest.mark.slow

SOON_S = 60.0
"""A deadline that only a failing test sees."""
GOOD = """package t

decision := {"action": "allow", "rule": "vip", "mask": {"response": [{"entity": "US_SSN"}]}} if {
	vip
} else := {"action": "deny", "shadow": ["late"]}

vip if input.identity.subject in data.vips
"""
TESTS = """package t_test

import data.t.decision

test_vip if decision.action == "allow" with input as {"identity": {"subject": "ada"}} with data.vips as ["ada"]

test_nobody if decision.action == "deny" with input as {}
"""
ENDLESS = """package z_test

test_z if {
	all := numbers.range(1, 5000)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) > 0
}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "t.rego").write_text(GOOD)
    (tmp_path / "p" / "t_test.rego").write_text(TESTS)
    (tmp_path / "d.yaml").write_text("vips: [ada]\n")
    (tmp_path / "i.json").write_text('{"identity":{"subject":"ada"}}')
    return tmp_path


def say(*words, fails=0):
    result = CliRunner().invoke(policy.app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == fails, result.output
    return result.output


ABOUT = ("p", "-d", "d.yaml", "-q", "data.t.decision")


def test_a_good_policy_is_ok(folder):
    assert say("check", *ABOUT).startswith("OK: 1 modules, revision ")


def test_what_happens_to_what_cannot_be_read_is_a_note(folder):
    output = say("check", *ABOUT)
    assert "note: no rule of the query is known to read input.body.uninspectable: requests that" in output
    assert "input.response" not in output
    assert json.loads(say("check", *ABOUT, "--json")) == []
    (folder / "p" / "r.rego").write_text("package r\n\nx if input.response.body.y\n")
    assert "responses without input.response.body are withheld" in say("check", *ABOUT)
    seen = GOOD + "\nvip if input.body.uninspectable == `query`\n\nvip if input.response.uninspectable\n"
    (folder / "p" / "t.rego").write_text(seen)
    assert "input.body.uninspectable" not in say("check", *ABOUT)


def test_everything_wrong_is_said_with_its_place_and_a_hint(folder):
    (folder / "p" / "bad.rego").write_text("package b\n\na if {}\n\nb := http.send({})\n")
    output = say("check", *ABOUT, fails=1)
    assert "bad.rego:3:" in output
    assert "bad.rego:5:15: function http.send is not available" in output
    assert "use another function, or engine: opa" in output
    found = json.loads(say("check", *ABOUT, "--json", fails=1))
    assert [(one["file"], one["line"]) for one in found] == [("p/bad.rego", 3), ("p/bad.rego", 5)]


def test_what_only_shows_when_tried_is_said_too(folder):
    (folder / "p" / "t.rego").write_text('package t\n\ndecision := concat("", ["yes"])\n')
    with pytest.raises(PolicyInvalid, match="the guard cannot read"):
        say("check", *ABOUT)
    [found] = json.loads(say("check", *ABOUT, "--json", fails=1))
    assert "the guard cannot read" in found["message"]
    (folder / "p" / "t.rego").write_text("package t\n\ndecision := (\n")
    assert "p/t.rego:4:1: expecting expression" in say("check", *ABOUT, fails=1)
    assert json.loads(say("check", *ABOUT, "--json", fails=1))[0]["line"] == 4


def test_tests_pass_and_say_what_they_reach(folder):
    output = say("test", "p", "-d", "d.yaml", "--coverage")
    assert "2 of 2 tests passed; they reach 100.0 % of the lines" in output
    (folder / "p" / "more.rego").write_text("package more\n\nx if {\n\tinput.never\n}\n")
    output = say("test", "p", "--coverage")
    assert "not reached p/more.rego:4: input.never" in output
    assert "more.rego: 0 of 1 lines" in output
    assert "that is below 100 % (--least)" in say("test", "p", "--least", "100", fails=1)
    with pytest.raises(ConfigError, match=r"none/r\.xml: cannot be written: No such file"):
        say("test", "p", "--junit", "none/r.xml")


def test_a_failing_test_fails_and_is_in_the_report(folder):
    (folder / "p" / "f_test.rego").write_text("package f_test\n\ntest_no if 1 == 2\n")
    output = say("test", "p", "--junit", "r.xml", fails=1)
    assert "FAIL p/f_test.rego:3: data.f_test.test_no: false or undefined" in output
    root = ET.fromstring((folder / "r.xml").read_bytes())
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    cases = {case.get("name"): case.find("failure") for case in root.iter("testcase")}
    assert cases["test_no"].get("message") == "false or undefined"
    assert cases["test_vip"] is None
    lines = {case.get("name"): (case.get("file"), case.get("line")) for case in root.iter("testcase")}
    assert lines["test_no"] == ("p/f_test.rego", "3")
    assert lines["test_nobody"] == ("p/t_test.rego", "7")


def test_no_test_is_no_success(folder):
    (folder / "p" / "t_test.rego").unlink()
    output = say("test", "p", fails=1)
    assert "0 of 0" in output
    assert "there is no test" in output


@contextlib.contextmanager
def running(*words):
    """The command as a process of its own, whose output is read as it comes."""
    command = [sys.executable, "-m", "extproc", "policy", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()

    def until(wanted: str) -> str:
        said = ""
        while wanted not in said:
            said += lines.get(timeout=SOON_S)
        return said

    try:
        yield process, until
    finally:
        process.kill()
        process.wait(SOON_S)


def test_watching_runs_again_after_each_change_until_ctrl_c(folder):
    def change(name: str, text: str | None) -> None:
        (folder / "p" / name).unlink() if text is None else (folder / "p" / name).write_text(text)

    with running("test", "p", "--watch") as (process, until):
        assert "watching 2 files; Ctrl-C ends" in until("2 of 2 tests passed")
        change("f_test.rego", "package f_test\n\ntest_x if (\n")
        assert "changed: p/f_test.rego\n" in until("error: p/f_test.rego:4:")
        change("f_test.rego", "package f_test\n\ntest_x if 1 == 2\n")
        assert "FAIL p/f_test.rego:3: data.f_test.test_x" in until("2 of 3 tests passed")
        change("f_test.rego", None)
        until("2 of 2 tests passed")
        change("t.rego", None)
        until("error: p: no Rego file found, except for tests")
        change("t.rego", GOOD)
        until("2 of 2 tests passed")
        change("t_test.rego", ENDLESS)
        until("changed: p/t_test.rego")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + SOON_S
        while not children.read_text():  # tests run in a process of their own
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)  # it runs; Ctrl-C ends it all the same
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON_S) == 0


def processor_s(pid: int) -> float:
    """Seconds of a processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_test_that_never_ends_is_named(folder):
    (folder / "p" / "z_test.rego").write_text(ENDLESS)
    with pytest.raises(PolicyInvalid, match=r"p/z_test\.rego:3: data\.z_test\.test_z: did not end within 3 s"):
        say("test", "p", "--timeout", "3")


def test_ctrl_c_ends_an_evaluation_that_never_does(folder):
    (folder / "p" / "t.rego").write_text(ENDLESS.replace("test_z", "x"))
    with running("eval", "p", "-q", "data.z_test.x", "-i", "i.json") as (process, _):
        deadline = time.monotonic() + SOON_S
        while processor_s(process.pid) < 2.0:  # it takes less to start: it evaluates
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON_S) == -signal.SIGINT


def test_a_decision_comes_with_the_rules_that_had_a_part_in_it(folder):
    output = say("eval", *ABOUT, "-i", "i.json")
    assert "decision  allow  policy-allowed" in output
    assert "mask      response US_SSN redact" in output
    assert "data.t.vip" in output
    assert "t.rego:7" in output
    found = json.loads(say("eval", *ABOUT, "-i", "i.json", "--json"))
    assert found["decision"]["rule"] == "vip"
    assert [one["rule"] for one in found["rules"]] == ["data.t.decision", "data.t.vip"]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"body": {"uninspectable": "query"}}, "such a request is refused before policy is asked"),
        ({"body": {"uninspectable": "query"}, "parsed_body": {"a": ["1"]}}, "such a request is refused"),
        (
            {"direction": "response", "response": {"uninspectable": "streamed", "body": None}},
            "such a response is withheld",
        ),
        ({"body": {"size": 1}, "response": {"body": 1}}, ""),
        ({"body": "query", "response": []}, ""),
        ([1], ""),
    ],
)
def test_an_input_that_the_guard_does_not_ask_about_has_a_note(folder, given, note):
    (folder / "p" / "t.rego").write_text(GOOD + "\nvip if input.response.body.vip\n")
    (folder / "i.json").write_text(json.dumps(given))
    found = json.loads(say("eval", *ABOUT, "-i", "i.json", "--json"))
    assert found["note"].startswith(note)
    assert bool(found["note"]) is bool(note)
    assert ("note  " in say("eval", *ABOUT, "-i", "i.json")) is bool(note)


def test_a_denial_says_what_shadow_rules_would_have_done(folder):
    (folder / "i.json").write_text("{}")
    output = say("eval", *ABOUT, "-i", "i.json")
    assert "decision  deny  policy-denied" in output
    assert "shadow    late" in output
    fired, _, stopped = output.partition("did not hold")
    assert "data.t.vip" not in fired
    assert "input.identity.subject in data.vips" in stopped


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"i\.json:1:2: Expecting property name"),
        ('{"a":\n nope}', r"i\.json:2:2: Expecting value"),
        ("\udcff", "not JSON"),
    ],
)
def test_an_input_that_is_no_json_is_said_with_its_place(folder, text, message):
    (folder / "i.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ConfigError, match=message):
        say("eval", *ABOUT, "-i", "i.json")


def test_a_policy_whose_rules_disagree_is_told_where(folder):
    """As the record tells it: the values themselves may be the caller's, and are not repeated."""
    two = "package t\n\ndecision := input.a if input.a\n\ndecision := input.b if input.b\n"
    (folder / "p" / "t.rego").write_text(two)
    (folder / "i.json").write_text('{"a":"CANARY","b":"OTHER"}')
    output = say("eval", *ABOUT, "-i", "i.json")
    assert "rule      policy\n" in output
    assert "evaluation failed at p/t.rego:5: its value is not that of p/t.rego:3" in output
    assert "CANARY" not in output


def test_an_answer_of_another_shape_is_told_what_is_wrong_with_it(folder):
    (folder / "p" / "t.rego").write_text('package t\n\ndecision := {"action": "allow", "masks": {}}\n')
    assert "error     unknown key masks (did you mean mask?)" in say("eval", *ABOUT, "-i", "i.json")
    (folder / "p" / "t_test.rego").unlink()
    message = "p/t.rego:3:13: data.t.decision gives an answer that the guard cannot read: unknown key masks"
    assert say("check", *ABOUT, fails=1).startswith(f"{message} (did you mean mask?)\n")


def test_other_data_in_a_policy_folder_is_named(folder):
    (folder / "p" / "guard.yaml").write_text("a: 1\n")
    assert "note: p/guard.yaml is not read: name it in policy.data, or call it data.yaml" in say("check", *ABOUT)


def test_status_needs_no_file_of_the_policy(folder):
    """It is asked when one is gone or broken."""
    (folder / "extproc.yaml").write_text(CONFIG.replace("d.yaml", "gone.yaml"))
    status = PolicyStatus(
        "worker-0", "embedded", "a" * 64, "data.x", 1, RefusedCandidate("", 2, "gone.yaml: no such file")
    )
    write_status(folder / "state" / "policy", status)
    assert "gone.yaml: no such file" in say("status", fails=1)


def test_no_answer_is_shown_as_the_denial_it_becomes(folder):
    output = say("eval", *ABOUT[:-1], "data.t.vip", "-i", "i.json")
    assert "decision  allow" in output
    (folder / "i.json").write_text("{}")
    output = say("eval", *ABOUT[:-1], "data.t.vip", "-i", "i.json")
    assert "decision  deny  policy-error" in output
    assert "error     the decision is undefined" in output


def test_an_input_with_two_readings_is_refused(folder):
    (folder / "i.json").write_text('{"a":1,"a":2}')
    with pytest.raises(PolicyError, match="duplicate keys"):
        say("eval", *ABOUT, "-i", "i.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        say("eval", *ABOUT, "-i", "none.json")


CONFIG = """
version: 1
state: state
identity: {providers: {i: {issuer: "https://i", audiences: [a], jwks_url: "https://i/k"}}}
connections:
  crm: {protocol: http-json, hosts: [crm], upstream: {address: "127.0.0.1:1"}, functions: {f: {method: GET, path: /}}}
policy: {paths: [p], data: [d.yaml], query: data.t.decision}
"""


def test_the_configuration_says_which_policy_where_nobody_does(folder):
    (folder / "extproc.yaml").write_text(CONFIG)
    assert say("check").startswith("OK: 1 modules")
    assert "2 of 2" in say("test")


def test_the_configuration_says_which_query_where_files_are_named(folder):
    (folder / "extproc.yaml").write_text(CONFIG)
    assert say("check", "p", "-d", "d.yaml").startswith("OK: 1 modules")
    assert "decision  allow" in say("eval", "p", "-d", "d.yaml", "-i", "i.json")
    assert "2 of 2" in say("test", "p", "-d", "d.yaml")


def test_data_that_nothing_defines_is_a_note(folder):
    note = "note: p/t.rego:7:34: reads data.vips, which nothing defines: rules that need it never match"
    assert note in say("check", "p", "-q", "data.t.decision").splitlines()
    assert "which nothing defines" not in say("check", *ABOUT)


def test_status_shows_each_worker_and_fails_on_a_refusal(folder):
    (folder / "extproc.yaml").write_text(CONFIG)
    assert "no worker has run" in say("status")
    good = PolicyStatus("worker-0", "embedded", "ab" * 32, "data.t.decision", 1_700_000_000_000_000_000)
    write_status(folder / "state" / "policy", good)
    output = say("status")
    assert "abababababab" in output
    assert "2023-11-14 22:13:20Z" in output
    refused = RefusedCandidate("cd" * 32, 1_700_000_001_000_000_000, "t.rego:3:1: no\n  write it so \x1b[31m")
    write_status(
        folder / "state" / "policy",
        PolicyStatus("worker-1", "embedded", "ab" * 32, "data.t.decision", 0, refused),
    )
    output = say("status", fails=1)
    assert "worker-1 refused a candidate at 2023-11-14 22:13:21Z" in output
    assert "t.rego:3:1: no" in output
    assert "\x1b" not in output
    assert json.loads(say("status", "--json", fails=1))[1]["refused"]["revision"] == "cd" * 32


def test_status_fails_while_an_engine_is_in_trouble(folder):
    (folder / "extproc.yaml").write_text(CONFIG)
    status = PolicyStatus("worker-0", "opa", "", "data.t.decision", 0, trouble="OPA is not healthy \x1b[31m")
    write_status(folder / "state" / "policy", status)
    output = say("status", fails=1)
    assert "worker-0 is in trouble since 1970-01-01 00:00:00Z:\n  OPA is not healthy" in output
    assert "\x1b" not in output
    write_status(
        folder / "state" / "policy", replace(status, trouble="", revision="ab", bundles=("main@1", "b@2"))
    )
    write_status(folder / "state" / "policy", replace(status, trouble="", process="worker-1"))
    assert "main@1, b@2" in say("status")
    assert json.loads(say("status", "--json"))[0]["bundles"] == ["main@1", "b@2"]


def test_a_configuration_that_is_named_must_be_there(folder):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        say("check", "-c", "none.yaml")


def test_starter_policies_without_data_are_told_so(folder):
    with pytest.raises(PolicyInvalid, match="reads data, but no data is given"):
        say("check")


NAMED = """version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  files: {protocol: mcp, hosts: [f.test], upstream: {address: "127.0.0.1:1"}, tools: [read]}
policy: {data: [guard.yaml]}
"""
GUARD = """guard:
  roles: {team: {functions: [files.read]}}
  arguments: [{rule: r, functions: [files.read], path: [name], matches: x}]
"""


def test_names_are_checked_against_the_configuration(folder):
    (folder / "extproc.yaml").write_text(NAMED)
    (folder / "guard.yaml").write_text(GUARD)
    output = say("check")
    assert "note: not checked: arguments and results of files.read: no description of them" in output
    assert "note: not checked: groups team: identity providers define them" in output
    (folder / "guard.yaml").write_text(GUARD.replace("read]}}", "rread]}}"))
    wrong = 'roles.team.functions: no function "files.rread"; did you mean "files.read"?'
    assert say("check", fails=1) == f"{folder}/guard.yaml:2:30: {wrong}\n"
    [found] = json.loads(say("check", "--json", fails=1))
    assert (found["file"], found["line"], found["column"]) == (f"{folder}/guard.yaml", 2, 30)
    assert found["message"] == wrong
    assert say("check", "-d", "guard.yaml", fails=1) == f"guard.yaml:2:30: {wrong}\n"


def test_wrong_values_and_wrong_names_are_told_at_once(folder):
    (folder / "extproc.yaml").write_text(NAMED)
    wrong = GUARD.replace("read]}}", "rread]}}").replace("matches: x", 'at_most: "1000"')
    (folder / "guard.yaml").write_text(f"{wrong}  hold:\n    - {{at: 700, groups: sre}}\n")
    assert say("check", fails=1).replace(f"{folder}/", "").splitlines() == [
        'guard.yaml:2:30: roles.team.functions: no function "files.rread"; did you mean "files.read"?',
        "guard.yaml:3:64: arguments[0].at_most: must be a number, without quotes",
        "guard.yaml:5:8: hold[0].at: must be a whole number from 0 to 100",
        "guard.yaml:5:17: hold[0].groups: must be a list",
    ]


def test_without_a_configuration_it_is_said_what_was_not_checked(folder):
    (folder / "guard.yaml").write_text(GUARD.replace("read]}}", "rread]}}"))
    output = say("check", "-d", "guard.yaml")
    assert "not checked: names of functions, connections and entities: no configuration" in output
    assert "not checked: names in data: the policy has no rule data.extproc.settings.valid" in say("check", *ABOUT)


def test_texts_in_rego_are_checked_against_the_configuration(folder):
    (folder / "extproc.yaml").write_text(NAMED)
    (folder / "guard.yaml").write_text(GUARD)
    (folder / "p" / "t.rego").write_text('package t\n\ndecision := true if input.connection.name == "flies"\n')
    (folder / "p" / "t_test.rego").unlink()
    message = r'p/t\.rego:3:\d+: input\.connection\.name: no connection "flies"; did you mean "files"\?'
    assert re.match(message, say("check", "p", "-q", "data.t.decision", fails=1))
