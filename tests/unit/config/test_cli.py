"""``extproc config``."""

import json

from typer.testing import CliRunner

from extproc.cli.config import app
from extproc.model.errors import ConfigError

FILE = """
version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  files: {protocol: mcp, hosts: [f.test], upstream: {address: "127.0.0.1:1"}, tools: [a]}
"""


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_schema_is_a_json_schema():
    assert json.loads(run("schema").stdout)["title"] == "Settings"


def test_check_prints_the_connections(tmp_path):
    file = tmp_path / "e.yaml"
    (tmp_path / "data.yaml").write_text('guard: {roles: {everyone: {functions: ["files.*"]}}}')
    file.write_text(FILE + "policy: {data: [data.yaml]}\n")
    result = run("check", file)
    assert result.exit_code == 0, result.exception
    assert result.stdout.startswith(f"OK: {file}\n")


def test_check_refuses_a_masking_plan_that_cannot_mask(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE.replace("tools: [a]", "tools: [a], masking: {response: [{entity: NO_SUCH}]}"))
    result = run("check", file)
    assert result.exit_code != 0
    assert "connections.files.masking.response" in str(result.exception)


def test_check_fails_for_a_wrong_file(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE + "x: 1\n")
    result = run("check", file)
    assert result.exit_code != 0
    assert isinstance(result.exception, ConfigError)


def test_show_is_complete_and_absolute(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE)
    shown = json.loads(run("show", file).stdout)
    assert shown["state"] == str(tmp_path / ".extproc")
    assert shown["limits"]["json_depth"] == 64


def test_check_and_show_read_the_file_of_the_option_and_of_the_variable(tmp_path):
    file = tmp_path / "elsewhere.yaml"
    file.write_text(FILE + "x: 1\n")
    for command in ("check", "show"):
        by_option = CliRunner().invoke(app, [command, "--config", str(file)])
        by_variable = CliRunner().invoke(app, [command], env={"EXTPROC_CONFIG": str(file)})
        assert str(file) in str(by_option.exception)
        assert str(file) in str(by_variable.exception)


def test_a_file_that_is_named_as_an_argument_comes_before_the_variable(tmp_path):
    named, other = tmp_path / "named.yaml", tmp_path / "other.yaml"
    named.write_text(FILE + "x: 1\n")
    result = CliRunner().invoke(app, ["check", str(named)], env={"EXTPROC_CONFIG": str(other)})
    assert str(named) in str(result.exception)
    assert str(other) not in str(result.exception)
