"""With ``engine: opa`` the commands of ``extproc policy`` ask the server or run the program, and say which."""

import io
import json
import subprocess
import tarfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extproc.cli import policy
from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.bundle.starter_policies import starter_folder
from tests.integration.policy.test_bad_answers import bundles, opa
from tests.integration.policy.test_history import IDS, NEW, OLD, reader, say  # noqa: F401 - fixtures
from tests.unit.cli.test_policy import CONFIG

POLICY = """package t

default decision := {"action": "deny", "rule": "default"}

decision := {"action": "allow", "rule": "vip"} if input.identity.subject in data.vips
"""
TESTS = """package t_test

import data.t.decision

test_vip if decision.action == "allow" with input.identity.subject as "ada" with data.vips as ["ada"]
"""


@pytest.fixture(autouse=True)
def on_path(opa_binary, monkeypatch):
    monkeypatch.setenv("EXTPROC_OPA", str(opa_binary.absolute()))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/t.rego").write_text(POLICY)
    (tmp_path / "p/t_test.rego").write_text(TESTS)
    (tmp_path / "p/data.yaml").write_text("vips: [ada]")
    (tmp_path / "i.json").write_text('{"identity":{"subject":"ada"}}')
    configure(tmp_path, "unix:/nowhere/opa.sock")
    return tmp_path


def configure(folder: Path, address: str) -> None:
    ours = f"policy: {{engine: opa, query: data.t.decision, opa: {{address: '{address}', timeout: 5}}}}"
    (folder / "extproc.yaml").write_text(
        CONFIG.replace("policy: {paths: [p], data: [d.yaml], query: data.t.decision}", ours)
    )


def run(*words: str, fails: int = 0):
    result = CliRunner().invoke(policy.app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == fails, result.output
    return result


def test_files_are_checked_tested_and_tried_by_the_program(folder):
    """The configured server is not there, and is not missed."""
    checked = run("check", "p")
    assert checked.stdout.startswith("OK: 1 modules, revision ")
    assert "by opa 1." in checked.stderr
    tested = run("test", "p", "--coverage", "--least", "50")
    assert "1 of 1 tests passed; they reach 50.0 % of the lines" in tested.stdout
    assert "by opa 1." in tested.stderr
    tried = run("eval", "p", "-i", "i.json")
    assert "decision  allow" in tried.stdout
    assert "p/t.rego:5" in tried.stdout
    assert json.loads(run("eval", "p", "-i", "i.json", "--json").stdout)["decision"]["rule"] == "vip"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POLICY.replace("identity.subject", "identity.subjct"), "p/t.rego:5:51: undefined ref"),
        (POLICY.replace("data.vips", "nowhere(1)"), "p/t.rego:5:77: undefined function nowhere"),
        (POLICY.replace('"allow"', '"deny"'), "p/t_test.rego:5:1: data.t_test.test_vip\n  false or undefined"),
    ],
)
def test_what_is_wrong_with_files_has_its_place(folder, text, words):
    (folder / "p/t.rego").write_text(text)
    assert words in run("check", "p", fails=1).stderr
    assert json.loads(run("check", "p", "--json", fails=1).stdout)[0]["file"].startswith("p/t")


def test_a_policy_that_does_not_decide_every_call_is_told(folder):
    (folder / "p/t.rego").write_text(POLICY.replace("default decision", "default other"))
    assert "for a sample call: the decision is undefined" in run("check", "p", fails=1).stderr


def test_the_engine_can_be_chosen(folder):
    assert "OK: 1 modules" in run("check", "p", "-q", "data.t.decision", "--engine", "embedded").stdout
    (folder / "extproc.yaml").unlink()
    assert not run("check", "p", "-q", "data.t.decision").stderr
    assert "by opa 1." in run("check", "p", "-q", "data.t.decision", "--engine", "opa").stderr


def test_without_the_program_files_are_refused_and_sent_nowhere(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("EXTPROC_OPA")
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in (["check", "p"], ["test", "p"], ["eval", "p", "-i", "i.json"]):
        with pytest.raises(ConfigError, match="needs the `opa` program") as caught:
            run(*words)
        assert "never sent to the configured OPA server" in caught.value.hint


def test_without_files_the_server_is_asked(folder, opa_binary, monkeypatch):
    with opa(opa_binary, folder / "o", folder / "p/t.rego", folder / "p/data.yaml") as (_, address):
        configure(folder, address)
        checked = run("check")
        assert checked.stdout.startswith(
            f"OK: 1 modules, in OPA at {address}\nnote: no rule of the query is known to"
        )
        assert f"by OPA at {address}, and its policies by opa 1." in checked.stderr
        tried = run("eval", "-i", "i.json")
        assert "decision  allow" in tried.stdout
        assert f"by OPA at {address}" in tried.stderr
        assert "if input.identity.subject in data.vips" in one_line(run("eval", "-i", str(other(folder))).stdout)
        with pytest.raises(ConfigError, match="in an OPA server"):
            run("test")
        monkeypatch.delenv("EXTPROC_OPA")
        monkeypatch.setenv("PATH", str(folder))
        assert run("check").stderr == f"by OPA at {address}\n"
    with pytest.raises(ConfigError, match="not healthy"):
        run("check")
    with pytest.raises(PolicyError, match="gave no answer"):
        run("eval", "-i", "i.json")


def one_line(table: str) -> str:
    return " ".join(table.split())


def other(folder: Path) -> Path:
    file = folder / "other.json"
    file.write_text('{"identity":{"subject":"bob"}}')
    return file


def test_recorded_calls_are_compared_in_opa_as_in_the_embedded_engine(say):  # noqa: F811
    embedded = json.loads(say("diff", "old", "new", "--json"))
    assert embedded["changed"]
    assert json.loads(say("diff", "old", "new", "--json", "--engine", "opa")) == embedded


def test_a_recorded_call_is_explained_by_the_server(say, tmp_path, opa_binary):  # noqa: F811
    with opa(opa_binary, tmp_path / "o", tmp_path / "new/t.rego") as (_, address):
        configure(tmp_path, address)
        output = say("explain", IDS[1])
    assert "decision  deny  forbidden-argument" in output
    assert "data.t.decision" in output


@contextmanager
def bundled(binary: Path, folder: Path, served: dict[str, bytes], times: Counter[str]):
    with bundles(served, times) as port:
        settings = [
            f"services.s.url=http://127.0.0.1:{port}", "bundles.main.service=s", "bundles.main.resource=b.tar.gz",
            "bundles.main.polling.min_delay_seconds=1", "bundles.main.polling.max_delay_seconds=1",
            "status.console=true",
        ]  # fmt: skip
        with opa(binary, folder / "o", *(part for each in settings for part in ("--set", each))) as (_, address):
            configure(folder, address)
            yield


def pack(revision: str) -> bytes:
    packed = io.BytesIO()
    manifest = json.dumps({"revision": revision}).encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("t.rego", b"package t\ndecision := true\n"), (".manifest", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()


def test_bundles_are_shown_and_one_that_is_broken_fails(folder, opa_binary):
    served: dict[str, bytes] = {"bundle": pack("2026-08-01-abc")}
    with bundled(opa_binary, folder, served, Counter()):
        until(lambda: "bundles main@2026-08-01-abc" in CliRunner().invoke(policy.app, ["check"]).stdout)
        shown = run("status").stdout
        assert "main    2026-08-01-abc" in shown
        report = doctor()
        assert any(one["subject"] == "bundle main" and one["level"] == "ok" for one in report)
        assert any("bundles main@2026-08-01-abc" in one["what"] for one in report)
        served["bundle"] = b"broken"
        until(lambda: CliRunner().invoke(policy.app, ["status"]).exit_code == 1)
        assert "bundle_error" in run("status", fails=1).stdout
        assert any(one["subject"] == "bundle main" and one["level"] == "problem" for one in doctor())


def doctor() -> list[dict]:
    command = [".venv/bin/python", "-m", "extproc", "doctor", "--only", "policy", "--json"]
    root = Path(__file__).parents[3]
    ended = subprocess.run([root / command[0], *command[1:]], capture_output=True, check=False)
    found = json.loads(ended.stdout)
    return found["findings"] if isinstance(found, dict) else found


def until(condition, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_opa_without_its_status_plugin_says_so(folder, opa_binary):
    with opa(opa_binary, folder / "o", folder / "p/t.rego") as (_, address):
        configure(folder, address)
        assert "OPA's status plugin is off" in run("status").stderr


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ('{functions: ["crm.ff"]}', "guard.yaml:3:"),
        ('{functionz: ["crm.f"]}', "the data does not have the shape"),
    ],
)
def test_names_in_data_are_checked_against_the_configuration(folder, roles, words):
    """A misspelled one would grant nothing, or switch a control off."""
    (folder / "guard.yaml").write_text(f"guard:\n  roles:\n    support: {roles}\n")
    refused = run("check", "-d", "guard.yaml", "-q", "data.extproc.decision", fails=1)
    assert words in refused.stderr
    (folder / "guard.yaml").write_text('guard:\n  roles:\n    support: {functions: ["crm.f"]}\n')
    assert run("check", "-d", "guard.yaml", "-q", "data.extproc.decision").stdout.startswith("OK: ")


@pytest.mark.parametrize(("function", "level"), [("crm.f", "ok"), ("crm.ff", "problem")])
def test_the_doctor_checks_the_names_in_opas_data(folder, opa_binary, function, level):
    data = folder / "guard.yaml"
    data.write_text(f"guard: {{roles: {{all: {{functions: [{function}]}}}}}}\n")
    starters = [file for file in starter_folder().glob("*.rego") if not file.name.endswith("_test.rego")]
    with opa(opa_binary, folder / "o", *starters, data) as (_, address):
        configure(folder, address)
        [one] = [each for each in doctor() if each["subject"] == "names in policy data"]
    assert one["level"] == level
    if level == "problem":
        assert one["what"] == 'roles.all.functions: no function "crm.ff"; did you mean "crm.f"?'


NAMES = {
    'input.call.function == "crm.ff"': 'no function "crm.ff"; did you mean "crm.f"?',
    'input.direction == "respnse"': 'input.direction is never "respnse"; did you mean "response"?',
    'input.body.uninspectable == "not_json"': 'did you mean "not-json"?',
    'input.attributes.request.http.method == "delete"': 'methods are upper case: "DELETE"',
    'input.attributes.request.http.headers["X-User"] == "a"': "write x-user",
}


@pytest.mark.parametrize("condition", NAMES)
def test_names_in_rego_are_checked_as_in_the_embedded_engine(folder, opa_binary, condition):
    (folder / "p/t.rego").write_text(POLICY.replace("input.identity.subject in data.vips", condition))
    (folder / "p/t_test.rego").unlink()
    (folder / "apart.rego").write_text('package other\n\nrule if input.direction == "inbound"\n')
    refused = run("check", "p", "--engine", "opa", fails=1)
    assert NAMES[condition] in refused.stderr
    assert refused.stderr.count("t.rego:5:") == 1
    with opa(opa_binary, folder / "o", folder / "p/t.rego", folder / "p/data.yaml", folder / "apart.rego") as (
        _,
        address,
    ):
        configure(folder, address)
        refused = run("check", fails=1)
    assert NAMES[condition] in refused.stderr
    assert "inbound" not in refused.stderr


def test_an_answer_that_can_never_be_read_is_refused(folder):
    text = POLICY.replace(
        "default decision := ", 'default decision := {"allowed": false, "http_status": 418}\n\nx := '
    )
    (folder / "p/t.rego").write_text(text)
    message = "data.t.decision gives an answer that the guard cannot read: not a status that Envoy knows"
    assert message in run("check", "p", fails=1).stderr


def test_syntax_that_only_opa_has_is_a_note(folder):
    (folder / "p/more.rego").write_text('package t\n\ngreeting(name) := $"hello {name}"\n')
    checked = run("check", "p")
    assert "note: names in Rego were not checked: p/more.rego:3:" in checked.stdout


def test_what_happens_to_unreadable_requests_is_a_note(folder):
    assert "requests that cannot be read are refused (uninspectable)" in run("check", "p").stdout


def test_left_over_files_do_not_decide(folder, opa_binary):
    """The configured server is asked, whatever is in files that its engine does not use."""
    with opa(opa_binary, folder / "o", folder / "p/t.rego", folder / "p/data.yaml") as (_, address):
        configure(folder, address)
        file = folder / "extproc.yaml"
        file.write_text(file.read_text().replace("engine: opa,", "engine: opa, paths: [left], data: [left.yaml],"))
        (folder / "left").mkdir()
        (folder / "left/t.rego").write_text("package t\n\ndecision := (\n")
        (folder / "left.yaml").write_text("vips: []\n")
        assert f"in OPA at {address}" in run("check").stdout
        assert "decision  allow" in run("eval", "-i", "i.json").stdout
        with pytest.raises(ConfigError, match="in an OPA server"):
            run("test")
