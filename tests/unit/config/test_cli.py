"""``extproc config``."""

import json

import pytest
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


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("paths: [p.rego], query: data.p.allow", "requests that cannot be read are refused (uninspectable)"),
        ("engine: opa, query: data.p.allow", "requests that cannot be read are refused (uninspectable)"),
        (
            "engine: opa, query: data.p.allow",
            "responses without input.response.body or input.response.findings are",
        ),
        ("uninspectable: ask, paths: [p.rego], query: data.p.allow", "policy is asked about what cannot be read"),
    ],
)
def test_check_says_what_happens_to_what_cannot_be_read(tmp_path, policy, words):
    file = tmp_path / "e.yaml"
    (tmp_path / "p.rego").write_text("package p\n\nallow if not input.parsed_body.admin\n")
    file.write_text(FILE + f"policy: {{{policy}}}\n")
    assert words in run("check", file).stdout


@pytest.mark.parametrize("policy", ["engine: opa", "engine: opa, query: data.extproc.other"])
def test_check_says_nothing_of_it_where_policy_knows(tmp_path, policy):
    file = tmp_path / "e.yaml"
    file.write_text(FILE + f"policy: {{{policy}}}\n")
    assert "cannot be read" not in run("check", file).stdout


@pytest.mark.parametrize("key", ["skip-request-body-parse", "skip_request_body_parse"])
def test_an_option_of_opa_envoy_plugin_is_refused_with_what_to_use(tmp_path, key):
    file = tmp_path / "e.yaml"
    file.write_text(FILE + f"policy:\n  {key}: true\n")
    told = str(run("check", file).exception)
    assert "e.yaml:6:1: policy: skip-request-body-parse is an option of opa-envoy-plugin" in told
    assert "uninspectable: ask" in told


def test_check_refuses_a_masking_plan_that_cannot_mask(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE.replace("tools: [a]", "tools: [a], masking: {response: [{entity: NO_SUCH}]}"))
    result = run("check", file)
    assert result.exit_code != 0
    assert "connections.files.masking.response" in str(result.exception)


def test_check_names_every_misspelled_name_in_policy_data(tmp_path):
    file, data = tmp_path / "e.yaml", tmp_path / "data.yaml"
    file.write_text(FILE + "policy: {data: [data.yaml]}\n")
    data.write_text(
        "guard:\n  roles:\n    all: {functions: [files.b, 'flies.*']}\n  risk: {findings: {CREDITCARD: 9}}\n"
    )
    error = str(run("check", file).exception)
    assert error.splitlines() == [
        "3 things are wrong:",
        f'{data}:3:23: roles.all.functions: no function "files.b"; did you mean "files.a"?',
        f'{data}:3:32: roles.all.functions: no connection "flies"; did you mean "files"?',
        f'{data}:4:21: risk.findings: no detector finds "CREDITCARD"; did you mean "CREDIT_CARD"?',
    ]


def test_check_finds_an_operation_that_was_renamed(tmp_path):
    file, document = tmp_path / "e.yaml", tmp_path / "shop.yaml"
    file.write_text(
        FILE.replace('"127.0.0.1:1"}, tools: [a]}', '"127.0.0.1:1"}, openapi: shop.yaml}').replace(
            "mcp", "http-json"
        )
        + "policy: {data: [data.yaml]}\n"
    )
    (tmp_path / "data.yaml").write_text("guard: {roles: {all: {functions: [files.refundOrder]}}}")
    document.write_text("openapi: 3.0.0\npaths: {/r: {post: {operationId: refundOrder}}}\n")
    assert run("check", file).exit_code == 0
    document.write_text("openapi: 3.0.0\npaths: {/r: {post: {operationId: refundAnOrder}}}\n")
    assert 'no function "files.refundOrder"; did you mean "files.refundAnOrder"?' in str(
        run("check", file).exception
    )


def test_check_without_policy_data_names_the_key(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE + "policy: {usage: true}\n")
    error = str(run("check", file).exception)
    assert error.startswith(f"{file}:6:1: the policy reads data, but no data is given\n")


def test_names_of_another_installation_are_declared(tmp_path):
    file = tmp_path / "e.yaml"
    (tmp_path / "data.yaml").write_text('guard: {roles: {all: {functions: ["crm.*"]}}}')
    file.write_text(FILE + "policy: {data: [data.yaml], other_connections: [crm]}\n")
    assert run("check", file).exit_code == 0
    file.write_text(FILE + "policy: {data: [data.yaml], other_connections: [files]}\n")
    error = str(run("check", file).exception)
    assert error.startswith(f"{file}:6:49: policy.other_connections: files is registered here")


def test_check_names_every_mistake_in_masking_with_its_place(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(
        FILE.replace(
            "tools: [a]}",
            """tools: [a], masking: {
    request: [{path: "$.a["}],
    response: [{entity: US_SSN}, {entity: CREDITCARD}],
    declared: {response: [$.a, "$.b["]}}}""",
        )
    )
    error = str(run("check", file).exception)
    assert [line.split(": ", 2)[:2] for line in error.splitlines()[1:]] == [
        [f"{file}:6:15", "connections.files.masking.request"],
        [f"{file}:7:34", "connections.files.masking.response"],
        [f"{file}:8:32", "connections.files.masking.declared.response"],
    ]
    assert 'no detector finds CREDITCARD; did you mean "CREDIT_CARD"?' in error


def test_check_names_the_place_of_an_unknown_provider(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(FILE + "control: {approver_providers: [corp, crop]}\n")
    error = str(run("check", file).exception)
    assert error.startswith(f"{file}:6:38: control.approver_providers names no provider of identity: crop\n")
    assert "did you mean 'corp'?" in error


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
