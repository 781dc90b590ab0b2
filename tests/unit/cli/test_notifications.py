"""``extproc notifications``: what waits and failed is visible, and no secret is."""

import json

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.model.errors import ConfigError, ControlError
from extproc.notifications.outbox import Outbox
from tests.support.receivers import Answer, HttpReceiver, JsonReceiver
from tests.unit.notifications.told import NOW, notice
from tests.unit.settings.one_mcp_connection import FILE

runner = CliRunner()


@pytest.fixture
def config(tmp_path):
    (tmp_path / "url").write_text("json://user:canary@127.0.0.1:9/canary")
    (tmp_path / "extproc.yaml").write_text(
        f"{FILE}notifications: {{targets: {{mail: {{apprise: {{file: url}}}}}}}}\n"
    )
    return tmp_path / "extproc.yaml"


@pytest.fixture
def outbox(config):
    state = config.parent / ".extproc"
    state.mkdir()
    made = Outbox(state / "notifications.db")
    made.record([(notice(), ["mail"]), (notice(), ["mail"])], (), NOW)
    one, _ = made.due("mail", NOW, 10)
    made.failed([one], NOW, "status 410")
    yield made
    made.close()


def run(*arguments, config):
    return runner.invoke(app, ["notifications", *arguments, "--config", str(config)], catch_exceptions=True)


def test_what_waits_and_failed_is_listed(config, outbox):
    result = run("list", config=config)
    assert result.exit_code == 0
    assert "status 410" in result.output
    assert "queued" in result.output
    assert "crm.delete_customer" in result.output


def test_programs_get_json(config, outbox):
    rows = json.loads(run("list", "--json", config=config).output)
    assert sorted(row["state"] for row in rows) == ["failed", "queued"]


def test_failed_ones_are_tried_again(config, outbox):
    assert run("retry", config=config).output == "1 queued again.\n"
    assert run("retry", "--target", "mail", config=config).output == "0 queued again.\n"
    assert len(outbox.due("mail", NOW * 2, 10)) == 2


@pytest.mark.parametrize(
    "arguments", [("list", "--target", "maill"), ("retry", "--target", "maill"), ("test", "maill")]
)
def test_a_misspelled_target_is_an_error(config, outbox, arguments):
    result = run(*arguments, config=config)
    assert isinstance(result.exception, ConfigError)
    assert "there is no target 'maill'" in str(result.exception)


def test_without_an_outbox_it_says_who_makes_it(config):
    result = run("list", config=config)
    assert isinstance(result.exception, ControlError)
    assert not (config.parent / ".extproc").exists()


def test_a_sample_is_sent(config):
    with JsonReceiver() as receiver:
        (config.parent / "url").write_text(receiver.url.replace("http", "json"))
        result = run("test", config=config)
    assert (result.exit_code, result.output) == (0, "mail: sent\n")
    assert "nothing has to be done" in receiver.documents[0]["message"]


def test_a_target_that_refuses_is_named_and_its_url_is_not(config):
    with HttpReceiver(lambda *_: Answer(500, b"canary")) as receiver:
        (config.parent / "url").write_text(f"{receiver.url.replace('http', 'json')}/canary")
        result = run("test", "mail", config=config)
    assert result.exit_code == 1
    assert result.output == "mail: the service did not take it\n"
