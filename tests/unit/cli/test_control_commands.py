"""``extproc approvals``, ``sessions`` and ``query``, against a real server, as people type them."""

import csv
import io
import json
import subprocess
import sys
import time

import orjson
import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner

from extproc.approvals.approval import State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.cli import approval_acts
from extproc.cli import approvals as approvals_cli
from extproc.cli import evidence as evidence_cli
from extproc.cli.evidence_tables import print_csv
from extproc.config.load import load_settings
from extproc.console import client as client_module
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.evidence.query.reader import QueryResult
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import ConfigError, ControlError, QueryError
from tests.unit.approvals.samples import request, vote
from tests.unit.console.desks import make_desk
from tests.unit.console.served import AUDIENCE, ISSUER, RSA, FakeReader, Switch, jwk, key_set, served, token

pytestmark = pytest.mark.slow

app = typer.Typer()
app.add_typer(approvals_cli.app, name="approvals")
app.add_typer(evidence_cli.sessions, name="sessions")
app.command()(evidence_cli.query)

CONFIG = f"""
version: 1
state: state
identity:
  providers:
    idp:
      issuer: {ISSUER}
      audiences: [{AUDIENCE}]
      jwks_file: jwks.json
connections:
  crm:
    protocol: http-json
    hosts: [crm]
    upstream: {{address: "127.0.0.1:1"}}
    functions: {{get: {{method: GET, path: /}}}}
"""
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u2066[bold red]approved[/]\r\nstate approved\u200b"
STEERING = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\r")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The configuration of one control process."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "extproc.yaml").write_text(CONFIG)
    (folder / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    settings = load_settings(folder / "extproc.yaml")
    settings.control.socket.parent.mkdir(mode=0o700, exist_ok=True)
    switch = Switch()
    with served(switch, settings.control.socket):
        yield switch, settings, folder


@pytest.fixture
def reader():
    return FakeReader()


@pytest.fixture
def store(server, reader, tmp_path):
    switch, settings, _ = server
    made = SqliteApprovals(tmp_path / "approvals.db")
    switch.app = make_api(
        desk=make_desk(made),
        pins=None,
        reader=reader,
        authenticator=make_authenticator(settings, time.time_ns),
        clock=time.time_ns,
        settings=settings,
        local=True,
    )
    with capture_logs():
        yield made
    made.close()


@pytest.fixture
def run(server, store):
    """Run a command in the folder of the configuration, and return its output."""

    def command(*words, said=None, env=None):
        result = CliRunner().invoke(
            app,
            [*words, "--config", str(server[2] / "extproc.yaml")],
            env={"EXTPROC_TOKEN": said, "COLUMNS": "200", **(env or {})},
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def opened(store, **changes):
    now = time.time_ns()
    given = {"created_ns": now, "expires_ns": now + 600 * 10**9, "minimum": 1}
    made = request(**{**given, "requester": f"{ISSUER}|alice", "actor": f"{ISSUER}|agent-7", **changes})
    store.open(made)
    return made


def test_list_shows_what_waits(run, store):
    """The list has id, function, caller, risk, votes and time left; decided approvals need --all."""
    one, done = opened(store), opened(store)
    store.vote(done.approval_id, vote(at_ns=time.time_ns()), ("sre",))
    shown = run("approvals", "list")
    assert done.approval_id not in shown
    for part in (one.approval_id, "crm.delete_customer", "alice", "80", "high-risk", "0/1", "9 min 5"):
        assert part in shown
    assert done.approval_id in run("approvals", "list", "--all")
    assert [each["approval_id"] for each in json.loads(run("approvals", "list", "--json"))] == [one.approval_id]


def test_list_says_when_nothing_waits(run):
    """A sentence replaces an empty table."""
    assert run("approvals", "list") == "No call waits for approval.\n"
    assert json.loads(run("approvals", "list", "--json")) == []


def test_watch_looks_again_until_interrupted(run, store, monkeypatch):
    """Each update shows the current state."""
    one = opened(store)
    looks = []

    def sleep(_seconds):
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(approval_acts.time, "sleep", sleep)
    assert one.approval_id in run("approvals", "list", "--watch")
    assert len(looks) == 2


def test_show_tells_in_seconds_what_matters(run, store):
    """Caller, function, reason, findings, time left and digest are shown; a prefix of the id is enough."""
    one = opened(store, preview='{"id":7,"customer":{"ssn":"[US_SSN]"}}', minimum=2)
    store.vote(one.approval_id, vote(at_ns=time.time_ns()), ("sre",))
    shown = run("approvals", "show", one.approval_id[:30])
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for line in (
        "function crm.delete_customer",
        "who alice",
        "acting agent agent-7",
        f"issuer {ISSUER}",
        "from 10.0.0.1:4711",
        "risk 80",
        "held because high-risk (rule deletes_need_two)",
        "state pending",
        "approvers 2 of sre, dpo",
        "found US_SSN at $.ssn (redact)",
        f"digest {one.digest}",
        '"ssn": "[US_SSN]"',
    ):
        assert line in lines, shown
    assert any(line.startswith("time left 9 min") for line in lines)
    assert any(line.startswith("voted bob approved at 2") and line.endswith(": ticket 42") for line in lines)
    assert json.loads(run("approvals", "show", one.approval_id, "--json"))["digest"] == one.digest


@pytest.mark.parametrize(
    ("preview", "warning"), [('{"a": "cut o', "The arguments are cut off"), ("", "No arguments are shown")]
)
def test_show_warns_when_the_arguments_are_not_all_there(run, store, preview, warning):
    """An approver must know that arguments are missing."""
    assert warning in run("approvals", "show", opened(store, preview=preview).approval_id)


@pytest.mark.parametrize(
    "field", ["function", "requester", "actor", "rule", "reason", "source", "preview", "groups"]
)
def test_values_of_a_call_cannot_steer_the_terminal(run, store, field):
    """Escape sequences, titles, reading direction, markup and line breaks are shown, and have no effect."""
    evil = json.dumps({EVIL: EVIL}, ensure_ascii=False) if field == "preview" else EVIL
    one = opened(store, **{field: ("sre", evil) if field == "groups" else evil})
    for words in (("show", one.approval_id), ("show", one.approval_id, "--json"), ("list",), ("list", "--json")):
        shown = run("approvals", *words)
        assert not any(char in shown for char in STEERING), words
        assert not any(line.startswith("state approved") for line in shown.splitlines())
    assert "[bold red]approved[/]" in run("approvals", "show", one.approval_id)


def test_a_value_that_wraps_cannot_pass_for_a_line_of_ours(run, store):
    """Continuation lines are indented, however the value is padded."""
    padded = ("x" * 79 + " ") + "state        approved" + "y" * 200
    one = opened(store, preview=json.dumps({"a": padded}), function=f"crm.{padded}")
    shown = run("approvals", "show", one.approval_id, env={"COLUMNS": "80"})
    ours = [line.split() for line in shown.splitlines() if line.startswith("state")]
    assert ours == [["state", "pending"]]


def test_values_of_the_evidence_cannot_steer_the_terminal(run, reader, monkeypatch):
    """This holds for cells, column names, nested values and errors."""
    monkeypatch.setattr(
        reader, "query", lambda *_: QueryResult((EVIL,), ("String",), (({"a": EVIL},), (EVIL,)), False)
    )
    monkeypatch.setattr(reader, "sessions", lambda *_: [{"session_id": EVIL, "functions": [EVIL]}])
    monkeypatch.setattr(reader, "session", lambda *_: [{"kind": EVIL, "function": EVIL}])
    for words in (
        ("query", "SELECT 1"),
        ("query", "SELECT 1", "--format", "json"),
        ("sessions", "list"),
        ("sessions", "list", "--json"),
        ("sessions", "show", "x", "--entries"),
    ):
        shown = run(*words)
        assert not any(char in shown for char in STEERING), words
    reader.failure = QueryError(EVIL)
    monkeypatch.undo()
    with pytest.raises(ControlError) as caught:
        run("query", "SELECT 1")
    assert not any(char in str(caught.value) for char in STEERING)


@pytest.mark.parametrize("terminal", [True, False])
def test_csv_steers_no_terminal_and_is_exact_in_a_pipe(monkeypatch, terminal):
    """The output depends on whether it goes to a terminal."""
    out = io.StringIO(newline="")
    out.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdout", out)
    print_csv([["a"], [EVIL]])
    (_, (value,)) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert (value == EVIL) is not terminal
    assert any(char in value for char in STEERING) is not terminal


@pytest.mark.parametrize(("word", "state"), [("approve", State.APPROVED), ("deny", State.DENIED)])
def test_a_vote_by_prefix_with_a_token_from_the_environment(run, store, word, state):
    """The command reports the new state."""
    one = opened(store)
    shown = run("approvals", word, one.approval_id[:30], "-m", "ticket 4711", said=token("bob"))
    assert shown == f"{state.value.capitalize()}: crm.delete_customer\n"
    kept = store.get(one.approval_id)
    assert (kept.state, kept.votes[0].note) == (state, "ticket 4711")


@pytest.mark.parametrize(
    ("who", "note", "message"),
    [
        ("alice", "checked", "You may not decide on your own call"),
        ("bob", "x", "A note of 3 to 1,000 characters is required"),
    ],
)
def test_the_state_is_told_only_where_it_explains_the_refusal(run, store, who, note, message):
    one = opened(store)
    with pytest.raises(ControlError) as caught:
        run("approvals", "approve", one.approval_id, "-m", note, said=token(who))
    assert caught.value.message == message


def test_a_vote_with_a_token_file_that_is_not_the_last(run, store, tmp_path):
    """The first of two votes leaves the call waiting."""
    one = opened(store, minimum=2)
    file = tmp_path / "token"
    file.write_text(token("bob") + "\n")
    shown = run("approvals", "approve", one.approval_id, "--note", "checked", "--token-file", str(file))
    assert shown == "Counted: 1/2 approvals for crm.delete_customer; it still waits.\n"
    after = run("approvals", "approve", one.approval_id, "-m", "checked", "--json", said=token("carol"))
    assert json.loads(after)["state"] == "approved"


def test_a_vote_is_on_the_call_that_was_shown(run, store, server, monkeypatch):
    """If the id meant another call by the time of the vote, the vote is refused."""
    one, other = opened(store), opened(store, digest="e" * 64)
    plain_connect = client_module.connect

    def lying(config, token=None):
        client = plain_connect(config, token)
        ask = client.get
        swapped = {"approval_id": other.approval_id, "digest": one.digest}
        monkeypatch.setattr(client, "get", lambda *path, **_: ask("approvals", one.approval_id) | swapped)
        return client

    monkeypatch.setattr(client_module, "connect", lying)
    with pytest.raises(ControlError, match="digest is not this call's"):
        run("approvals", "approve", one.approval_id, "-m", "checked", said=token("bob"))
    assert store.get(other.approval_id).votes == ()


@pytest.mark.parametrize(
    ("said", "words", "message"),
    [
        (None, ["-m", "fine"], "this command needs your token"),
        ("", ["-m", "fine"], "this command needs your token"),
        ("two words", ["-m", "fine"], "is not a token"),
        ("x" * 20_000, ["-m", "fine"], "is not a token"),
        ("é", ["-m", "fine"], "is not a token"),
        (token(), ["-m", "fine", "--token-file", "/nonexistent"], "cannot read a token"),
    ],
)
def test_a_vote_that_cannot_count_is_refused_before_it_is_sent(run, store, said, words, message):
    """The error has a hint, and never repeats the token."""
    one = opened(store)
    with pytest.raises(ControlError, match=message) as caught:
        run("approvals", "approve", one.approval_id, *words, said=said)
    assert not said or said not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (token("alice"), "You may not decide on your own call"),
        (token("bob", groups=["hr"]), "None of your groups"),
        (token("bob", act={"sub": "x"}), "An agent cannot decide"),
        (token("bob", exp=1), "Give a valid token"),
        ("nonsense", "Give a valid token"),
        (token("bob", aud="x"), "control.approver_providers"),
    ],
)
def test_a_refused_vote_says_why(run, store, said, message):
    """The error is readable, with a hint where there is one."""
    one = opened(store)
    with pytest.raises(ControlError, match=message) as caught:
        run("approvals", "approve", one.approval_id, "-m", "ticket 42", said=said)
    assert said not in str(caught.value)
    assert store.get(one.approval_id).votes == ()


def test_a_late_vote_is_told_how_it_stands(run, store):
    """Another person has voted before."""
    one = opened(store)
    run("approvals", "deny", one.approval_id, "-m", "not today", said=token("bob"))
    with pytest.raises(ControlError, match=r"^It is already denied: nobody can change that any more"):
        run("approvals", "approve", one.approval_id, "-m", "ticket 42", said=token("carol"))


def test_an_ambiguous_id_lists_the_candidates(run, store):
    """The command chooses none of them."""
    ids = [opened(store, approval_id=f"01890000-0000-7000-8000-00000000000{n}").approval_id for n in range(2)]
    for words in (["show", "01890000"], ["approve", "01890000", "-m", "ticket 42"]):
        with pytest.raises(ControlError) as caught:
            run("approvals", *words, said=token("bob"))
        assert all(each in str(caught.value) for each in ids)


def test_an_unknown_id_says_where_to_look(run):
    """This holds for approvals and sessions."""
    with pytest.raises(ControlError, match="extproc approvals list"):
        run("approvals", "show", "0189ffff")
    with pytest.raises(ControlError, match="extproc sessions list"):
        run("sessions", "show", "nope")
    with pytest.raises(ControlError):
        run("approvals", "show", "../../healthz")


def test_without_a_control_process_it_says_how_to_start_one(tmp_path, server):
    """The socket is missing, or nothing listens on it."""
    (tmp_path / "extproc.yaml").write_text(CONFIG)
    (tmp_path / "jwks.json").write_text(key_set())
    for prepare in (
        lambda: None,
        lambda: ((tmp_path / "state").mkdir(), (tmp_path / "state/control.sock").touch()),
    ):
        prepare()
        result = CliRunner().invoke(app, ["approvals", "list", "--config", str(tmp_path / "extproc.yaml")])
        assert isinstance(result.exception, ControlError)
        assert "extproc up" in str(result.exception)


def test_help_does_not_load_what_only_commands_need():
    """``--help`` must be quick."""
    modules = "import extproc.cli.approvals, extproc.cli.evidence, sys; print('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", modules], capture_output=True, check=True).stdout == b"False\n"


def test_a_missing_configuration_is_said(tmp_path):
    """The limit is checked before any request."""
    result = CliRunner().invoke(app, ["approvals", "list", "--config", str(tmp_path / "none.yaml")])
    assert isinstance(result.exception, ConfigError)


def test_sessions_are_listed_and_shown(run, reader):
    """Filters reach the reader, and the JSON has every field of an entry."""
    shown = run("sessions", "list", "--subject", "alice", "--function", "crm.get", "--limit", "3")
    assert all(part in shown for part in ("s-1", "alice", "agent-7", "crm.get", "80"))
    assert ("sessions", 3, "alice", "crm.get") in reader.asked
    entries = run("sessions", "show", "s-1", "--entries")
    assert all(part in entries for part in ("call.denied", "no_deletes", "403", "c-1"))
    assert json.loads(run("sessions", "show", "a/b", "--json"))[0]["arguments"] == "{}"
    assert ("session", "a/b") in reader.asked
    reader.sessions = lambda *_: []
    assert run("sessions", "list") == "There are no sessions.\n"


def test_a_query_prints_in_each_format(run, reader):
    """A notice about further rows goes to standard error, not into the data."""
    assert "9223372036854775808" in run("query", "SELECT 1", "--limit", "2")
    assert json.loads(run("query", "SELECT 1", "--format", "json"))[0] == {"n": 1, "big": "9223372036854775808"}
    rows = list(csv.reader(io.StringIO(run("query", "SELECT 1", "-f", "csv"))))
    assert rows == [["n", "big"], ["1", "9223372036854775808"], ["", '["1152921504606846976"]']]
    assert ("query", "SELECT 1", 2, 30.0) in reader.asked


def test_a_wrong_query_says_what_the_engine_says(run, reader):
    """The analyst needs the message to correct the query."""
    reader.failure = QueryError("unknown column nme")
    with pytest.raises(ControlError, match="unknown column nme"):
        run("query", "SELECT nme")


def test_a_session_is_a_timeline(run, reader, monkeypatch):
    """Each call has a line: its decision, its end, and its approvers."""
    entry = Entry(EntryKind.COMPLETED, "c-1", 1_800_000_000_000_000_000, function="crm.get", subject="alice")
    entry.status, entry.reason, entry.approvers, entry.held_ms = 200, "approved", ("iss|noor",), 1_500.0
    monkeypatch.setattr(reader, "session", lambda *_: [orjson.loads(orjson.dumps(entry))])
    shown = run("sessions", "show", "s-1")
    assert all(part in shown for part in ("crm.get", "allow", "approved", "200", "noor", "alice"))
