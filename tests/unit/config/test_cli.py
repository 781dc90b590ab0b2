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
        + "policy: {engine: opa}\n"
    )
    error = str(run("check", file).exception)
    assert [line.split(": ", 2)[:2] for line in error.splitlines()[1:]] == [
        [f"{file}:6:16", "connections.files.masking.request"],
        [f"{file}:7:35", "connections.files.masking.response"],
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


ALL_WRONG = """\
version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
masking:
  words:
    phonee: [tresor]
    password:
      - tresor
      - Tresor
  detectors:
    BADGE: {pattern: "[0-9]*"}
    US_SSN: {pattern: "a"}
    GATE:
      context: [gate]
      pattern: "a("
  phone_regions:
    - DE
    - XX
  pseudonym_key_file: nokey
  old_pseudonym_keys: {k0: none}
connections:
  files:
    protocol: mcp
    hosts: [f.test]
    upstream: {address: "127.0.0.1:1"}
    tools: [read]
    masking:
      request:
        - how: redact
          path: "$.x["
        - entity: BADGE
        - entity: GATE
      response:
        - {entity: US_SNN}
      exempt:
        - {entity: IP_ADRESS, reason: abc, path: "$.x[", functions: [read, raed]}
        - {entity: BADGE, reason: abc, value: "7"}
"""


def told(file):
    """Each mistake as its line, and the words behind its column."""
    lines = [line for line in str(run("check", file).exception).splitlines() if line.startswith(f"{file}:")]
    return {(int(line.split(":")[1]), line.split(": ", 1)[1]) for line in lines}


def test_check_names_all_mistakes_of_the_second_stage_with_their_lines(tmp_path):
    """Names of a detector that cannot be made are no mistakes of the rules that use them."""
    file = tmp_path / "e.yaml"
    file.write_text(ALL_WRONG)
    lines = sorted(line for line, _ in told(file))
    assert lines == [1, 5, 8, 10, 11, 14, 17, 18, 19, 29, 33, 35, 35, 35]
    error = str(run("check", file).exception)
    for words in (
        'is not a kind of words\n  did you mean "phone"?',
        "'Tresor' is not a word",
        "the pattern matches empty text",
        "a built-in detector has this name",
        "the pattern cannot be compiled: Missing close",
        "'XX' is not a region",
        'no detector finds US_SNN; did you mean "US_SSN"?',
        'no detector finds IP_ADRESS; did you mean "IP_ADDRESS"?',
        'no function raed; did you mean "read"?',
        "cannot read the key",
    ):
        assert words in error, words
    assert "ALLOWEMPTY" not in error
    assert run("check", file).stdout == ""


def test_check_names_mistakes_of_files_and_of_masking_at_once(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(ALL_WRONG.replace("tools: [read]", "tools: [read, read]") + "policy: {data: [none.yaml]}\n")
    lines = {line for line, _ in told(file)}
    assert {5, 25, 37} <= lines
    assert not {29, 33} & lines  # the connection's own mistakes come first


@pytest.mark.parametrize(
    ("key", "content"),
    [("pseudonym_key_file", None), ("pseudonym_key_file", b"short"), ("old_pseudonym_keys", None)],
)
def test_a_key_that_cannot_be_used_is_one_error_with_its_line(tmp_path, key, content):
    file = tmp_path / "e.yaml"
    if content:
        (tmp_path / "a.key").write_bytes(content)
    value = "a.key" if key == "pseudonym_key_file" else "{k0: a.key}"
    file.write_text(f"{FILE}policy: {{engine: opa}}\nmasking:\n  {key}: {value}\n")
    result = run("check", file)
    assert result.stdout == ""
    assert str(result.exception).startswith(f"{file}:8:")
    assert "head -c 32 /dev/urandom" in str(result.exception)
    assert len(str(result.exception).splitlines()) == 2


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("masking: {detectors: {A: {pattern: x}}}", "the name is too short"),
        ("masking: {detectors: {badge: {pattern: x}}}", "entities are written in capitals"),
        ("MASKING: {response: [{path: header.X-Foo}]}", "rules for entities mask header fields, too"),
        ("MASKING: {response: [{path: a.b}]}", "write $. before the first key"),
        ("MASKING: {exempt: [{entity: JWT, reason: abc, path: header.X-Foo}]}", "in lower case here"),
        ('MASKING: {response: "$.id"}', "must be a list\n  write it so: [{path: …}]"),
        ('MASKING: {declared: {response: "$.id"}}', 'must be a list\n  write it so: ["…", "…"]'),
        ("MASKING: {response: [{entity: JWT, how: hide}]}", "should be 'partial', 'pseudonym', 'redact' or"),
        ("MASKING: {response: [{entity: JWT, how: redacted}]}", "did you mean 'redact'?"),
        ("MASKING: {undecodable: pass}", "should be 'deny' or 'pass-unmasked'\n  did you mean 'pass-unmasked'?"),
        ("log_level: warn", "did you mean 'warning'?"),
    ],
)
def test_a_hint_says_what_to_write(tmp_path, section, words):
    file = tmp_path / "e.yaml"
    if section.startswith("MASKING"):
        file.write_text(FILE.replace("tools: [a]", f"tools: [a], {section.replace('MASKING', 'masking')}"))
    else:
        file.write_text(f"{FILE}{section}\n")
    error = str(run("check", file).exception)
    assert words in error
    assert "X-Foo" not in error
    assert "hide" not in error


MASKED = (
    FILE
    + """policy: {engine: opa}
masking: {words: {%s}}
"""
)


def noted(tmp_path, masking, words=""):
    file = tmp_path / "e.yaml"
    file.write_text((MASKED % words).replace("tools: [a]", f"tools: [a], masking: {{{masking}}}"))
    result = run("check", file)
    assert result.exit_code == 0, result.exception
    return [line for line in result.stdout.splitlines() if line.startswith("  note: ")]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ('{entity: "*"}, {entity: EMAIL_ADDRESS, how: partial}', "EMAIL_ADDRESS partial never applies"),
        ('{entity: EMAIL_ADDRESS, how: partial}, {entity: "*"}', "the strictest wins, which is * redact"),
        ("{entity: JWT}, {entity: JWT}", "the rule for JWT is there twice"),
        ('{path: "$.a", how: remove}, {path: "$[\'a\']", how: partial}', "$['a'] partial never applies"),
        ('{path: "$.a"}, {path: "$.a"}', "the rule for $.a is there twice"),
        ('{path: "$.c[0]", how: partial}, {path: "$.c[*]"}', "$.c[0] partial never applies"),
        ('{path: "$.a", how: remove}, {path: "$.a.b.c", how: partial}', "$.a masks everything below it"),
        ('{path: "$.a[*].b"}, {path: "$.a[1].b.c"}', "$.a[*].b masks everything below it"),
        ('{path: "$"}, {path: "$.a"}', "$ masks everything below it"),
        ('{path: "$..a"}, {path: "$..a.b"}', "$..a masks everything below it"),
    ],
)
def test_a_rule_that_does_nothing_is_noted(tmp_path, rules, words):
    for side in ("request", "response"):
        notes = [each for each in noted(tmp_path, f"{side}: [{rules}]") if "masking." in each]
        assert len(notes) == 1
        assert words in notes[0]
        assert f"masking.{side}: " in notes[0]


@pytest.mark.parametrize(
    "rules",
    [
        '{entity: "*", how: partial}, {entity: EMAIL_ADDRESS}',
        '{entity: "*"}, {entity: EMAIL_ADDRESS}',
        '{entity: "*"}, {path: "$.a", how: partial}',
        '{path: "$.a"}, {path: "$.b.a"}, {path: "$.b[0]"}, {path: "$.b[1].c"}',
        '{path: "$.c[*]", how: partial}, {path: "$.c[0]"}',
        '{path: "$..a"}, {path: "$.b.c"}',
        '{path: "$.b.c"}, {path: "$..c", how: partial}',
    ],
)
def test_rules_that_all_do_something_are_not_noted(tmp_path, rules):
    assert not [each for each in noted(tmp_path, f"response: [{rules}]") if "masking." in each]


@pytest.mark.parametrize(
    ("words", "noted_words"),
    [
        ("password: [id, tresor, name]", ["'id'", "'name'"]),
        ("secret: [value, api_code]", ["'value'"]),
        ("person: ['*a', '*name']", ["'*a'", "'*name'"]),
        ("phone: [msisdn, name]", []),
        ("phone: ['*t']", ["'*t'"]),
        ("password: [合言葉, door_code, kundenwort]", []),
    ],
)
def test_words_that_most_documents_have_are_noted(tmp_path, words, noted_words):
    notes = [each for each in noted(tmp_path, "response: [{entity: JWT}]", words) if "masking.words" in each]
    assert len(notes) == len(noted_words)
    for each, word in zip(notes, noted_words, strict=True):
        assert word in each
