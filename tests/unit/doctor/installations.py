"""Configurations, and the doctor's results for them."""

import json
import os
import time
from pathlib import Path

from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.codecs.located_yaml import load_located
from extproc.config.load import load_settings
from extproc.doctor.check_result import Check, Installation
from extproc.doctor.run_checks import run_checks

KEYS = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
"""The public key of RFC 8037, appendix A.2."""
GOOD = """version: 1
state: state
identity:
  providers:
    corp: {issuer: https://i.test, audiences: [a], jwks_file: jwks.json}
connections:
  crm:
    protocol: http-json
    hosts: [crm.test]
    upstream: {address: "127.0.0.1:9000"}
    credential: {file: credential}
    functions: {get: {method: GET, path: /}}
policy: {data: [data.yaml]}
"""


def installed(folder: Path, text: str = GOOD, **changes: str) -> Path:
    """Write a configuration and its files. ``changes`` replace words of it; underscores stand for spaces."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "extproc.yaml"
    file.write_text(text)
    (folder / "jwks.json").write_text(KEYS)
    (folder / "data.yaml").write_text('guard: {roles: {everyone: {functions: ["crm.*"]}}}')
    credential = folder / "credential"
    credential.write_text("long-enough-credential\n")
    credential.chmod(0o600)
    return file


def doctor(file: Path, *words: str, fails: int = 0, offline: bool = True) -> dict[str, list[dict[str, str]]]:
    """Run the doctor, and return its results by subject."""
    argv = ["doctor", "--json", "--config", str(file), *(["--offline"] if offline else []), *words]
    done = CliRunner().invoke(app, argv, catch_exceptions=False)
    assert done.exit_code == fails, done.output
    return by_subject(json.loads(done.stdout)["findings"])


def look(file: Path, check: Check, *, offline: bool = True) -> dict[str, list[dict[str, str]]]:
    """Run one check, and return its results by subject."""
    installation = Installation(
        load_settings(file), load_located(file), time.time_ns(), offline=offline, environ=os.environ.__contains__
    )
    return by_subject([one.as_dict() for one in run_checks(installation, [("check", check)], within_s=30)])


def by_subject(findings: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for one in findings:
        found.setdefault(one["subject"], []).append(one)
    return found


def only(found: dict[str, list[dict[str, str]]], subject: str, level: str) -> dict[str, str]:
    """Return the one result with this subject and level."""
    [one] = [one for one in found.get(subject, []) if one["level"] == level]
    return one


def minutes_ago(minutes: float) -> int:
    return time.time_ns() - int(minutes * 60e9)
