"""Checks of the policy's files, and of the policies that running workers use."""

import contextlib
import os
import socket
import threading

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, RefusedCandidate, write_status
from tests.unit.doctor.installations import GOOD, doctor, installed, minutes_ago, only

pytestmark = pytest.mark.slow

POLICY = ("--only", "policy")
REGO = 'package t\n\ndefault decision := {"action": "deny"}\n'
OWN = GOOD.replace("policy: {data: [data.yaml]}", "policy: {paths: [p], query: data.t.decision}")


@pytest.fixture
def own(tmp_path):
    """A policy with its own files."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "t.rego").write_text(REGO)
    (tmp_path / "p" / "t_test.rego").write_text('package t_test\n\ntest_a if data.t.decision.action == "deny"\n')
    return installed(tmp_path, OWN)


def test_a_good_policy_tells_its_revision(own):
    one = only(doctor(own, *POLICY), "policy", "ok")
    assert one["what"].startswith("1 modules can be loaded, its tests pass; revision ")


def test_what_happens_to_what_cannot_be_read_is_told(own, tmp_path):
    one = only(doctor(own, *POLICY), "uninspectable", "ok")
    assert "requests that cannot be read are refused" in one["what"]
    assert "policy.uninspectable" in one["hint"]
    reading = REGO + '\ndecision := {"action": "deny"} if input.body.uninspectable\n'
    (own.parent / "p" / "t.rego").write_text(reading)
    assert "uninspectable" not in doctor(own, *POLICY)
    opa = "policy: {engine: opa, query: data.envoy.authz.allow, opa: {responses: false}}"
    installed(tmp_path, OWN.replace("policy: {paths: [p], query: data.t.decision}", opa))
    assert only(doctor(own, *POLICY), "uninspectable", "ok")


def test_a_policy_without_tests_is_a_warning(own):
    (own.parent / "p" / "t_test.rego").unlink()
    assert "no tests" in only(doctor(own, *POLICY), "policy", "warning")["what"]


@pytest.mark.parametrize(
    ("name", "text", "words", "where"),
    [
        ("t.rego", "package t\n\ndecision := (\n", "expecting", "t.rego:4"),
        ("t.rego", "package t\n\ndecision := http.send({})\n", "http.send is not available", "t.rego:3:22"),
        ("t.rego", 'package t\n\ndecision := "yes"\n', "the guard cannot read", ""),
        ("f_test.rego", "package f_test\n\ntest_no if 1 == 2\n", "data.f_test.test_no failed", ""),
    ],
)
def test_what_keeps_a_policy_from_being_loaded_is_said_with_its_place(own, name, text, words, where):
    (own.parent / "p" / name).write_text(text)
    one = only(doctor(own, *POLICY, fails=1), "policy", "problem")
    assert words in one["what"]
    assert where in one["where"]


def test_data_of_the_wrong_shape_is_a_problem(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "data.yaml").write_text("guard: {roles: [1]}")
    found = only(doctor(file, *POLICY, fails=1), "policy", "problem")
    assert found["what"] == "roles: must be an object"
    assert found["where"] == f"{tmp_path}/data.yaml:1:9"


def test_a_misspelled_name_is_a_problem_with_its_place(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "data.yaml").write_text('guard: {roles: {all: {functions: ["crm.get", "crm.gte", "cmr.*"]}}}')
    found = doctor(file, *POLICY, fails=1)["policy"]
    assert [(one["what"], one["where"]) for one in found] == [
        ('roles.all.functions: no function "crm.gte"; did you mean "crm.get"?', f"{tmp_path}/data.yaml:1:46"),
        ('roles.all.functions: no connection "cmr"; there are: crm', f"{tmp_path}/data.yaml:1:57"),
    ]


def test_an_argument_that_no_description_has_is_a_warning(tmp_path):
    text = GOOD.replace("functions: {get: {method: GET, path: /}}", "openapi: api.yaml")
    (tmp_path / "api.yaml").write_text("openapi: 3.0.0\npaths: {/a: {post: {operationId: get}}}\n")
    file = installed(tmp_path, text)
    condition = "{rule: r, functions: [crm.get], path: [admin], one_of: [false], optional: true}"
    (tmp_path / "data.yaml").write_text(f"guard: {{roles: {{}}, arguments: [{condition}]}}")
    one = only(doctor(file, *POLICY), "names in policy data", "warning")
    assert one["what"] == 'arguments[0].path: the description of crm.get does not have "admin"'
    assert one["where"].startswith(f"{tmp_path}/data.yaml:1:")


def test_workers_that_refuse_disagree_or_are_in_trouble_are_named(own):
    folder = own.parent / "state" / STATUS_FOLDER
    revision = only(doctor(own, *POLICY), "policy", "ok")["what"].rpartition(" ")[2]
    status = PolicyStatus("worker-0", "embedded", revision, "data.t.decision", minutes_ago(1))
    write_status(folder, PolicyStatus("worker-0", "embedded", "b" * 64, "data.t.decision", minutes_ago(1)))
    found = doctor(own, *POLICY, offline=False)
    assert f"uses {'b' * 12}" in only(found, "policy in worker-0", "warning")["what"]
    write_status(
        folder,
        PolicyStatus("worker-1", "embedded", "c" * 64, "q", 0, RefusedCandidate("d", 0, "t.rego:1: no\n  fix it")),
    )
    found = doctor(own, *POLICY, fails=1, offline=False)
    one = only(found, "policy in worker-1", "problem")
    assert "t.rego:1: no" in one["what"]
    assert one["hint"] == "fix it"
    assert only(found, "policy in force", "problem")
    write_status(folder, PolicyStatus("worker-1", "opa", "", "q", 0, trouble="OPA does not answer"))
    assert (
        "OPA does not answer"
        in only(doctor(own, *POLICY, fails=1, offline=False), "policy in worker-1", "problem")["what"]
    )
    assert status.revision


def test_of_workers_that_are_gone_nothing_is_said(own):
    folder = own.parent / "state" / STATUS_FOLDER
    write_status(folder, PolicyStatus("worker-0", "embedded", "b" * 64, "q", 0, trouble="x"))
    file = folder / "worker-0.json"
    file.write_text(file.read_text().replace(f'"pid":{os.getpid()}', '"pid":999999999'))
    assert set(doctor(own, *POLICY, offline=False)) <= {"policy", "opa", "uninspectable"}


OPA = GOOD.replace("policy: {", "policy: {engine: opa, opa: {address: '127.0.0.1:PORT', timeout: 0.5}, ")


@contextlib.contextmanager
def answering(*answers: bytes):
    """Serve these bodies, one for each request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            for answer in answers:
                peer, _ = server.accept()
                with peer:
                    peer.recv(65_536)
                    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(answer)
                    peer.sendall(head + answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("answers", "level", "words"),
    [
        ((b"{}", b'{"result":{"action":"deny"},"provenance":{"bundles":{"b":{"revision":"r1"}}}}'), "ok", "decides a sample call; revision"),
        ((b"{}", b'{"provenance":{"bundles":{"b":{"revision":"r1"}}}}'), "warning", "is undefined for a sample call"),
        ((b"{}", b"canary-no-json"), "problem", "OPA's answer is not JSON"),
        ((), "problem", "is not healthy, or cannot be reached"),
    ],
)  # fmt: skip
def test_opa_is_asked_for_its_health_and_for_a_decision(tmp_path, answers, level, words):
    with answering(*answers) as port:
        file = installed(tmp_path, OPA.replace("PORT", str(port)))
        found = doctor(file, *POLICY, offline=False, fails=int(level == "problem"))
    assert words in only(found, "policy", level)["what"]
    assert "canary" not in str(found)


def test_a_policy_that_decides_responses_is_a_problem_with_ext_authz(own):
    """Every call would be refused with masking-unavailable, and nothing would say so before the first one."""
    (own.parent / "p" / "d.rego").write_text('package extproc\n\ndirections := {"request", "response"}\n')
    own.write_text(OWN + "envoy: {guard_filter: ext_authz}\n")
    said = [one["what"] for one in doctor(own, *POLICY, fails=1)["policy"]]
    assert "every call will be refused: the policy decides responses, and ext_authz sees none" in said
    printed = CliRunner().invoke(app, ["config", "check", str(own)], catch_exceptions=False).stdout
    assert "problem: policy: every call will be refused" in printed


def test_such_a_policy_is_none_with_ext_proc(own):
    (own.parent / "p" / "d.rego").write_text('package extproc\n\ndirections := {"request", "response"}\n')
    assert not [one for one in doctor(own, *POLICY)["policy"] if "every call" in one["what"]]
