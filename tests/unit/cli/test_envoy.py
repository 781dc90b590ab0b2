"""``extproc envoy``."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from extproc.cli.envoy import app

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[3] / "envoy" / "full-guard.yaml"
CONFIG = """
version: 1
state: state
identity: {providers: {corp: {issuer: i, audiences: [a], jwks_file: jwks.json}}}
connections:
  crm:
    protocol: http-json
    hosts: [crm.local]
    upstream: {address: "127.0.0.1:9000"}
    functions: {get: {method: GET, path: "/a"}}
"""


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "jwks.json").write_text('{"keys":[]}')
    file = tmp_path / "extproc.yaml"
    file.write_text(CONFIG)
    return file


def test_render_prints_a_bootstrap_with_this_machines_workers(run, config):
    ended = run("render", "--config", config)
    assert ended.exit_code == 0, ended.output
    guard = yaml.safe_load(ended.stdout)["static_resources"]["clusters"][0]
    endpoints = guard["load_assignment"]["endpoints"][0]["lb_endpoints"]
    paths = [each["endpoint"]["address"]["pipe"]["path"] for each in endpoints]
    assert paths == [str(config.parent / "state" / f"worker-{index}.sock") for index in range(2)]


def test_what_is_rendered_into_a_file_checks_clean(run, config, tmp_path):
    written = tmp_path / "envoy.yaml"
    assert run("render", "-c", config, "--door", "ext_authz", "-o", written).exit_code == 0
    ended = run("check", written)
    assert (ended.exit_code, "none of the" in ended.stdout) == (0, True)


def test_an_error_ends_with_1_and_says_where_and_how(run, tmp_path):
    file = tmp_path / "envoy.yaml"
    file.write_text(REFERENCE.read_text().replace("failure_mode_allow: false", "failure_mode_allow: true"))
    ended = run("check", file)
    assert ended.exit_code == 1
    assert f"{file}:" in ended.stdout
    assert "failure_mode_allow: false" in ended.stdout
    (found,) = json.loads(run("check", "--json", file).stdout)
    assert (found["severity"], found["danger"]) == ("error", "failure-mode-allow")
    assert "failure_mode_allow: true" in file.read_text().splitlines()[found["line"] - 1]


def test_a_warning_alone_ends_with_0(run, tmp_path):
    file = tmp_path / "envoy.yaml"
    file.write_text(REFERENCE.read_text().replace("stream_idle_timeout: 3605s", "stream_idle_timeout: 10s"))
    ended = run("check", file)
    assert (ended.exit_code, "idle-timeout" in ended.stdout) == (0, True)
