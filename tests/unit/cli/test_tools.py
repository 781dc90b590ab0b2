"""``extproc tools``, against a real server, as people type it."""

import json
import time

import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner

from extproc.cli import tools as tools_cli
from extproc.config.load import load_settings
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.model.errors import ConfigError, ControlError
from extproc.pinning.pins import Acceptance, SeenDefinition
from extproc.pinning.sqlite_pins import SqlitePins
from tests.unit.console.served import AUDIENCE, ISSUER, RSA, FakeReader, Switch, jwk, key_set, served, token

pytestmark = pytest.mark.slow

app = typer.Typer()
app.add_typer(tools_cli.app, name="tools")

CONFIG = f"""
version: 1
state: state
identity:
  providers:
    idp: {{issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_file: jwks.json}}
connections:
  docs:
    protocol: mcp
    hosts: [docs]
    upstream: {{address: "127.0.0.1:1"}}
    tools: ["*"]
    approvals: {{groups: [sre], minimum: 2}}
"""
ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")
GOOD = {"name": "search", "description": "Searches."}
HIDDEN = "Searches.\U000e0049\U000e0067\u202e\x1b[2J"
"""Letters that no terminal shows, a change of direction, and a command to the terminal."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    (folder / "extproc.yaml").write_text(CONFIG)
    (folder / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    settings = load_settings(folder / "extproc.yaml")
    settings.control.socket.parent.mkdir(mode=0o700, exist_ok=True)
    switch = Switch()
    with served(switch, settings.control.socket):
        yield switch, settings, folder


@pytest.fixture
def pins(server, tmp_path):
    switch, settings, _ = server
    made = SqlitePins(tmp_path / "definitions.db")
    switch.app = make_api(
        desk=None,
        pins=made,
        reader=FakeReader(),
        authenticator=make_authenticator(settings, time.time_ns),
        clock=time.time_ns,
        settings=settings,
        local=True,
    )
    with capture_logs():
        yield made
    made.close()


@pytest.fixture
def run(server, pins):
    def command(*words, said=None):
        result = CliRunner().invoke(
            app,
            ["tools", *words, "--config", str(server[2] / "extproc.yaml")],
            env={"EXTPROC_TOKEN": said, "COLUMNS": "200"},
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def saw(pins, digest, definition, *, name="search", at=1):
    text = json.dumps(definition, indent=2, sort_keys=True, ensure_ascii=False) if definition else ""
    pins.saw("docs", (SeenDefinition(name, digest, text),), at, first_sight=True)


def test_the_list_says_what_waits(run, pins):
    assert run("list") == "No tool was listed yet.\n"
    saw(pins, ONE, GOOD)
    assert run("list", "--changed") == "No tool has a changed definition.\n"
    saw(pins, TWO, GOOD, at=2)
    lines = [line.split()[:4] for line in run("list").splitlines()[1:]]
    assert lines == [
        ["docs.search", "changed", "0/2", TWO[:19]],
        ["docs.search", "accepted", "first-sight", ONE[:19]],
    ]
    assert [each["digest"] for each in json.loads(run("list", "--changed", "--json"))] == [TWO]


def test_the_difference_is_shown_with_every_hidden_character(run, pins):
    saw(pins, ONE, GOOD)
    saw(pins, TWO, GOOD | {"description": HIDDEN}, at=2)
    shown = run("diff", "docs.search")
    lines = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert ["-", '"description": "Searches.",'] in lines
    assert ["+", r'"description": "Searches.\U000e0049\U000e0067\u202e\u001b[2J",'] in lines
    assert not any(char in shown for char in HIDDEN[len("Searches.") :][:4])


def test_without_a_change_the_definition_is_shown(run, pins):
    saw(pins, ONE, GOOD)
    shown = run("diff", "docs.search")
    assert shown.startswith(f"docs.search {ONE[:19]} accepted\n")
    assert '"description": "Searches."' in shown


def test_a_difference_that_does_not_show_is_told(run, pins):
    saw(pins, ONE, GOOD)
    saw(pins, TWO, GOOD, at=2)
    assert "differ only in masked values" in run("diff", "docs.search")
    saw(pins, THREE, None, at=3)
    assert "it could not be masked" in run("diff", "docs.search", "--digest", THREE[:10])


def test_a_tool_of_which_nothing_is_accepted_is_shown_whole(run, pins):
    saw(pins, ONE, GOOD)
    pins.reject("docs", "search", ONE)
    saw(pins, ONE, GOOD, at=2)
    assert "No definition of this tool is accepted" in run("diff", "docs.search")


def test_enough_people_accept(run, pins):
    saw(pins, ONE, GOOD)
    saw(pins, TWO, GOOD | {"title": "x"}, at=2)
    counted = run("accept", "docs.search", "-m", "read it", said=token("bob"))
    assert counted == "Counted: 1/2 acceptances of docs.search; its calls still wait.\n"
    assert "bob accepted it at 2" in run("diff", "docs.search")
    accepted = run("accept", "docs.search", "-m", "read it", "--json", said=token("ann"))
    assert json.loads(accepted)["state"] == "accepted"
    assert "ann, bob" in run("list") or "bob, ann" in run("list")
    with pytest.raises(ConfigError, match="no changed definition"):
        run("accept", "docs.search", "-m", "read it", said=token("eve"))


def test_one_of_several_changes_is_named_by_its_digest(run, pins):
    saw(pins, ONE, GOOD)
    saw(pins, TWO, GOOD | {"title": "x"}, at=2)
    saw(pins, THREE, GOOD | {"title": "y"}, at=3)
    with pytest.raises(ConfigError, match=f"several definitions.*\n.*{THREE[:19]}, {TWO[:19]}"):
        run("reject", "docs.search", "-m", "poisoned", said=token("bob"))
    with pytest.raises(ConfigError, match="no definition"):
        run("reject", "docs.search", "-m", "poisoned", "--digest", "sha256:4", said=token("bob"))
    rejected = run("reject", "docs.search", "-m", "poisoned", "--digest", TWO[:12], said=token("bob"))
    assert rejected == f"Rejected: docs.search {TWO[:19]}\n"


def test_a_decision_needs_a_reason_a_token_and_a_tool(run, pins):
    saw(pins, ONE, GOOD)
    saw(pins, TWO, GOOD, at=2)
    unexplained = CliRunner().invoke(app, ["tools", "accept", "docs.search"])
    assert (unexplained.exit_code, "a decision needs a reason" in unexplained.stderr) == (2, True)
    with pytest.raises(ControlError, match="your token"):
        run("accept", "docs.search", "-m", "read it")
    with pytest.raises(ControlError, match="no such approval or definition"):
        run("accept", "docs.other", "-m", "read it", said=token("bob"))
    with pytest.raises(ControlError, match="None of your groups"):
        run("accept", "docs.search", "-m", "read it", said=token("bob", ("support",)))


def test_a_name_cannot_steer_the_terminal(run, pins):
    saw(pins, ONE, GOOD, name="\x1b[2Jx")
    pins.accept("docs", "\x1b[2Jx", ONE, Acceptance("idp|\x1b[2J", "\x1b[2J", 1), 3)
    for words in (("list",), ("list", "--json"), ("diff", "docs.\x1b[2Jx")):
        assert "\x1b" not in run(*words)
