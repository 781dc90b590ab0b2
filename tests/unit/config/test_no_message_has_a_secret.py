"""A secret that was written into a file by mistake is in no message about that file."""

import json

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.model.errors import ExtprocError

pytestmark = pytest.mark.slow

SECRET = "hunter2-Sup3r.s3cret/+"
PARTS = ("hunter2", "Sup3r", "s3cret")
GOOD = """version: 1
state: state
identity:
  providers:
    corp: {issuer: https://i.test, audiences: [a], jwks_url: "https://i.test/k"}
connections:
  crm:
    protocol: http-json
    hosts: [crm.test]
    upstream: {address: "127.0.0.1:9000"}
    credential: {file: credential}
    functions: {get: {method: GET, path: /}}
policy: {data: [data.yaml]}
"""
CREDENTIAL = "credential: {file: credential}"
MISTAKES = [
    (CREDENTIAL, f"credential: {{value: {SECRET}}}"),
    (CREDENTIAL, f"credential: {SECRET}"),
    (CREDENTIAL, f"credential: [{SECRET}]"),
    (CREDENTIAL, f"credential: {{{SECRET}}}"),
    (CREDENTIAL, f"credential: {{{SECRET}: 1, {SECRET}: 2}}"),
    (CREDENTIAL, f"credential: {{file: credential, prefix: '{SECRET}é'}}"),
    (CREDENTIAL, f"credential: {{file: credential, header: '{SECRET}'}}"),
    (CREDENTIAL, f"credential: {{env: {SECRET}}}"),
    (CREDENTIAL, f"credential: {{file: [{SECRET}]}}"),
    (CREDENTIAL, f"credential: {{file: {{{SECRET}: 1}}}}"),
    (CREDENTIAL, f'credential: {{file: "{SECRET}'),
    (CREDENTIAL, f"credential: {SECRET}: x"),
    (CREDENTIAL, f"credential: !{SECRET} x"),
    (CREDENTIAL, f"credential: !<{SECRET}> x"),
    (CREDENTIAL, f"credential: &{SECRET}x y"),
    (CREDENTIAL, f"credential: &{PARTS[0]} y\n    prefix: &{PARTS[0]} z"),
    (CREDENTIAL, f"credential: *{PARTS[0]}"),
    (CREDENTIAL, f"credential: @{SECRET}"),
    (CREDENTIAL, f"credential: `{SECRET}"),
    (CREDENTIAL, f'credential: "\\{SECRET}"'),
    (CREDENTIAL, f"credential:\n\t{SECRET}"),
    (CREDENTIAL, f"? [{SECRET}]\n    : 1"),
    ('"127.0.0.1:9000"', f'"u:{SECRET}@h:80"'),
    ('"https://i.test/k"', f'"https://u:{SECRET}@i.test/k"'),
    ('"https://i.test/k"', f'"ftp://{SECRET}"'),
    ("version: 1", f"version: {SECRET}"),
    ("[crm.test]", f"['{SECRET}']"),
    ("method: GET", f"method: {SECRET}"),
    ("policy: {", f"log_level: {SECRET}\npolicy: {{"),
    ("policy: {", f"limits: {{hold: {SECRET}}}\npolicy: {{"),
    ("policy: {", f"workers: {SECRET}\npolicy: {{"),
    ("policy: {", f"evidence: {{clickhouse: '{SECRET}'}}\npolicy: {{"),
    ("policy: {", f"evidence: {{clickhouse: 'https://u:{SECRET}@h:1'}}\npolicy: {{"),
    ("policy: {", f"masking: {{pseudonym_key_id: {SECRET}}}\npolicy: {{"),
    ("policy: {", f"masking: {{detectors: {{A_B: {{pattern: '({SECRET}'}}}}}}\npolicy: {{"),
    ("policy: {", f"control: {{approver_providers: {SECRET}}}\npolicy: {{"),
    ("policy: {", f"{SECRET}\npolicy: {{"),
    ("policy: {", f"%{SECRET}\npolicy: {{"),
    ("policy: {", f"policy: {{opa: {{address: '{SECRET}'}}, "),
    (GOOD, SECRET),
    (GOOD, json.dumps([SECRET])),
    (GOOD, f'{{"{SECRET}": 1}}'),
    (GOOD, f"{SECRET}: [\n"),
]
COMMANDS = (
    ("config", "check"),
    ("config", "show"),
    ("envoy", "check"),
    ("doctor", "--offline", "-c"),
    ("approvals", "list", "-c"),
)


def said(*words, **how):
    done = CliRunner().invoke(app, [str(word) for word in words], **how)
    assert isinstance(done.exception, ExtprocError | SystemExit | None), done.exception
    return f"{done.output}\n{done.exception or ''}", done.exit_code


@pytest.mark.parametrize(("old", "new"), MISTAKES, ids=range(len(MISTAKES)))
def test_no_message_about_a_configuration_repeats_its_secret(tmp_path, old, new):
    assert old in GOOD
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD.replace(old, new, 1))
    (tmp_path / "credential").write_text("long-enough-credential")
    (tmp_path / "data.yaml").write_text("guard: {}")
    for words in COMMANDS:
        text, status = said(*words, file)
        if new.startswith("masking: {detectors") and words == ("config", "show"):
            continue  # a pattern is no secret, and is shown where all is
        assert status == 1 or words == ("envoy", "check"), (words, text)
        assert not [part for part in PARTS if part in text], (words, text)


DATA = [
    f"guard: {{roles: {SECRET}}}",
    f"guard: {{{SECRET}: 1, {SECRET}: 2}}",
    f"guard: !{SECRET} x",
    f'guard: "{SECRET}',
    f"[{SECRET}]",
    SECRET,
    f"guard: *{PARTS[0]}",
    f"? [{SECRET}]\n: 1",
]


@pytest.mark.parametrize("content", DATA)
def test_no_message_about_policy_data_repeats_a_secret_in_it(tmp_path, content):
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD)
    (tmp_path / "credential").write_text("long-enough-credential")
    (tmp_path / "data.yaml").write_text(content)
    for words in (("config", "check"), ("doctor", "--offline", "--only", "policy", "-c")):
        text, status = said(*words, file)
        assert status == 1, text
        assert not [part for part in PARTS if part in text], (words, text)


@pytest.mark.parametrize(
    "document",
    [
        f'{{"a":"{SECRET}"',
        f'{{"{SECRET}":1,"{SECRET}":2}}',
        f"{SECRET}",
        f'["{SECRET}"]',
        f'{{"a":"{SECRET}\ud800"}}',
    ],
)
def test_no_error_about_an_input_of_policy_repeats_it(tmp_path, document):
    file = tmp_path / "i.json"
    file.write_bytes(document.encode("utf-8", "surrogatepass"))
    text, _ = said("policy", "eval", "-i", file)
    assert not [part for part in PARTS if part in text], text


def test_no_error_about_a_token_repeats_it(tmp_path):
    config = tmp_path / "extproc.yaml"
    config.write_text(GOOD)
    for content in (f"{SECRET} {SECRET}", f"{SECRET}\x01", f"{SECRET}é", SECRET * 2_000):
        (tmp_path / "token").write_text(content)
        text, status = said(
            "approvals", "approve", "x" * 8, "-m", "why", "--token-file", tmp_path / "token", "-c", config
        )
        assert status == 1
        assert not [part for part in PARTS if part in text], text
