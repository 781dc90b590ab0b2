"""Recorded calls decided again: explained one by one, and compared under two policies, out of the real engine."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from extproc.cli import policy, policy_comparison, policy_history, policy_unused
from extproc.console.response_models import exact
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.evidence.shipping.shipper import Shipper
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.model.entries import DID_NOT_END, Entry, EntryKind
from extproc.model.errors import ConfigError, QueryError
from extproc.model.masking import Finding

pytest.importorskip("chdb")

NOW = 1_790_000_000_000_000_000
IDS = [f"0199{index:04}-0000-7000-8000-000000000000" for index in range(9)]
OLD = """package t

decision := {"action": "allow", "rule": "all"}
"""
NEW = """package t

decision := {"action": "deny", "rule": "big", "reason": "forbidden-argument"} if {
	input.call.arguments.amount > 100
} else := {"action": "allow", "rule": "all", "mask": {"response": [{"entity": "US_SSN"}]}} if {
	input.call.name == "get"
} else := {"action": "allow", "rule": "all"}
"""
CONFIG = """
version: 1
state: state
identity: {providers: {i: {issuer: "https://i", audiences: [a], jwks_url: "https://i/k"}}}
connections:
  crm: {protocol: http-json, hosts: [crm], upstream: {address: "127.0.0.1:1"}, functions: {f: {method: GET, path: /}}}
policy: {paths: [new], query: data.t.decision}
"""


def entry(index, kind=EntryKind.DECIDED, **changes):
    values = {
        "time_ns": NOW + index,
        "connection": "crm",
        "function": "crm.pay",
        "protocol": "http-json",
        "method": "POST",
        "subject": "ann",
        "groups": ("clerks",),
        "action": "allow",
        "reason": "policy-allowed",
        "rule": "all",
        "policy_revision": "ab",
        "arguments": '{"amount":10}',
    }
    return Entry(kind, IDS[index], **(values | changes))


FAILED = {"action": "", "reason": "policy-error", "rule": "policy"}
ENTRIES = [
    entry(0),
    entry(0, EntryKind.COMPLETED),
    entry(1, arguments='{"amount":500}'),
    entry(2, arguments='{"amount":501}'),
    entry(3, function="crm.get", arguments='{"note":"[US_SSN]"}', findings=(Finding("US_SSN", "$.note"),)),
    entry(4, EntryKind.DENIED, action="", reason="unauthenticated", rule="", policy_revision="", arguments=""),
    entry(5, EntryKind.HELD, action="hold", reason="high-risk", rule="risk-70", arguments='{"amount":1'),
    entry(6),
    entry(
        6, EntryKind.FAILED, action="deny", reason="sensitive-data", rule="few", detail="the response was withheld"
    ),
    entry(7, EntryKind.DENIED, **FAILED, detail="evaluation failed at t.rego:9", arguments="{}"),
    entry(8, EntryKind.DENIED, **FAILED, detail=DID_NOT_END, arguments=""),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Evidence with the entries above."""
    folder = tmp_path_factory.mktemp("evidence")
    target = Target("chdb://", "history", folder / "engine")

    async def record():
        spool = Spool(folder / "spool", "w0", SpoolLimits(maintain_every_s=0.01, retention_s=1e9))
        await asyncio.gather(*(spool.record(one) for one in ENTRIES))
        spool.close()

    asyncio.run(record())
    client = connect(target)
    create_schema(client, target.database)
    shipper = Shipper(folder / "spool", lambda: connect(target), target.database)
    shipper.ship()
    shipper.close()
    reader = EvidenceReader(lambda settings: connect(target, settings), target.database)
    yield reader
    reader.close()
    client.close()


@pytest.fixture
def say(reader, tmp_path, monkeypatch):
    """Runs a command as people type it; the control process's answers come from the reader itself."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.rego").write_text(text)
    (tmp_path / "extproc.yaml").write_text(CONFIG)

    class Client:
        def post(self, _path, *, body):
            answer = reader.query(body["sql"], body["limit"])
            return {"columns": list(answer.columns), "rows": exact(answer.rows), "truncated": answer.truncated}

    monkeypatch.setattr("extproc.console.client.connect", lambda _config: Client())
    monkeypatch.setattr(policy_history.time, "time_ns", lambda: NOW + 1_000)
    app = policy.typer.Typer()
    app.command()(policy_history.explain)
    app.command()(policy_history.diff)
    app.command()(policy_unused.unused)

    def run(*words, fails=0):
        result = CliRunner().invoke(app, list(words))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == fails, result.output
        return result.stdout

    return run


def test_what_would_change_is_counted_by_function_caller_and_change(say):
    found = json.loads(say("diff", "old", "new", "--json"))
    assert (found["calls"], found["inexact"]) == (6, 2)
    changed = {(one["function"], one["old"], one["new"]): one["calls"] for one in found["changed"]}
    assert changed == {
        ("crm.pay", "allow all", "deny big (forbidden-argument)"): 2,
        ("crm.get", "allow all", "allow all mask response US_SSN redact"): 1,
    }
    assert "3 of 6 calls would be decided otherwise" in say("diff", "old", "new", "--fail", fails=1)


def test_the_same_policy_changes_nothing(say):
    assert "0 of 6" in say("diff", "old", "old", "--fail")


def test_a_page_ends_nothing(say, monkeypatch):
    monkeypatch.setattr(policy_comparison, "PAGE", 2)
    assert "3 of 6" in say("diff", "old", "new")


GUARD = """guard:
  roles:
    clerks: {functions: [crm.pay, "crm.g*", crm.delete]}
    clreks: {functions: ["*"]}
  risk: {findings: {US_SSN: 9, CREDIT_CARD: 9}}
  hold: [{at: 70, groups: [clerks]}, {at: 90}]
  masks: [{functions: ["crm.*"], response: [{entity: IP_ADDRESS}, {path: $.a}]}]
"""


def test_names_that_no_call_had_are_listed(say, tmp_path):
    (tmp_path / "guard.yaml").write_text(GUARD)
    (tmp_path / "extproc.yaml").write_text(
        CONFIG.replace("paths: [new], query: data.t.decision", "data: [guard.yaml]")
    )
    found = json.loads(say("unused", "--json"))
    assert found["calls"] == 9
    assert [(one["kind"], one["name"]) for one in found["never"]] == [
        ("entity", "CREDIT_CARD"),
        ("entity", "IP_ADDRESS"),
        ("function", "crm.delete"),
        ("group", "clreks"),
        ("rule", "risk-90"),
    ]
    assert "5 of 11 names did not occur in 9 calls of the last 30d" in say("unused")


def test_rules_of_rego_that_never_matched_are_listed_with_their_place(say):
    found = json.loads(say("unused", "--json"))["never"]
    assert [(one["kind"], one["name"]) for one in found] == [("rule", "big")]
    assert found[0]["place"].endswith("new/t.rego:3:41")


def test_only_so_far_back(say, monkeypatch):
    monkeypatch.setattr(policy_history.time, "time_ns", lambda: NOW + 8 * 86_400 * 10**9)
    assert "0 of 0" in say("diff", "old", "new")
    assert "3 of 6" in say("diff", "old", "new", "--since", "9d")
    with pytest.raises(ConfigError, match="not a duration"):
        say("diff", "old", "new", "--since", "a week")


def test_a_decision_is_explained_rule_by_rule(say):
    output = say("explain", IDS[1], "--input")
    assert "recorded  call.decided allow policy-allowed all crm.pay ann" in output
    assert "the policy has changed since" in output
    assert "decision  deny  forbidden-argument" in output
    assert '"amount": 500' in output
    assert "may not be" not in output


def test_what_was_masked_or_cut_is_said_plainly(say):
    assert "this may not be what was decided: sensitive arguments were masked" in say("explain", IDS[3])
    assert "this may not be what was decided: the arguments were cut" in say("explain", IDS[5])


def test_what_policy_failed_on_is_decided_again_unless_it_never_ended(say):
    output = say("explain", IDS[7])
    assert "detail    evaluation failed at t.rego:9" in output
    assert "decision  allow" in output
    output = say("explain", IDS[8])
    assert "policy gave no usable answer: the detail above says why; it is not asked again" in output
    assert "decision  " not in output


def test_what_policy_did_not_decide_is_not_explained_by_it(say):
    output = say("explain", IDS[4])
    assert "unauthenticated" in output
    assert "policy did not decide this call" in output


def test_a_response_that_was_withheld_is_told_of_and_not_decided_again(say):
    output = say("explain", IDS[6])
    assert "recorded  call.failed deny sensitive-data few crm.pay ann" in output
    assert "detail    the response was withheld" in output
    assert "responses are not decided again" in output
    assert "decision  allow" in output


def test_only_call_ids_are_looked_for(say):
    with pytest.raises(ConfigError, match="not a call id"):
        say("explain", "x' OR 1=1 --")
    with pytest.raises(QueryError, match="no entry"):
        say("explain", "01990000-0000-7000-8000-00000000ffff")
