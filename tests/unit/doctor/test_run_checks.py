"""Checks that hang or fail, the printed report, and its exit status."""

import json
import re
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.doctor import all_checks, check_envoy, run_checks
from extproc.doctor.check_result import CheckResult, Level
from extproc.model.errors import ConfigError
from tests.unit.doctor.installations import GOOD, doctor, installed, look, only

pytestmark = pytest.mark.slow

CANARY = "canary-9f3b-value"
HANGS_S = 30.0


def hangs(_installation):
    yield CheckResult("first", Level.OK, "seen")
    time.sleep(HANGS_S)


def breaks(_installation):
    raise RuntimeError(CANARY)
    yield


def well(_installation):
    yield CheckResult("well", Level.OK, "it is")


def test_a_check_that_hangs_becomes_a_line_and_holds_nobody_up():
    began = time.monotonic()
    told = []
    found = run_checks.run_checks(None, [("slow", hangs), ("well", well)], within_s=1, progress=told.append)
    assert time.monotonic() - began < HANGS_S / 2
    assert [(one.subject, one.level.value) for one in found] == [
        ("first", "ok"),
        ("slow", "problem"),
        ("well", "ok"),
    ]
    assert found[1].what == "no answer within 1 s"
    assert told[-1] == ["slow"]


def test_a_check_that_fails_tells_its_kind_and_nothing_else():
    [found] = run_checks.run_checks(None, [("broken", breaks)], within_s=5)
    assert found.what == "could not be checked: RuntimeError"
    assert CANARY not in repr(found)


def refused(_installation):
    yield CheckResult("seen", Level.OK, "it is")
    with open("/nowhere/x"):  # noqa: PTH123
        pass


def test_a_check_that_may_not_look_says_at_what(monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "/var/lib/x")

    monkeypatch.setattr("builtins.open", denied)
    found = run_checks.run_checks(None, [("closed", refused)], within_s=5)
    assert [one.what for one in found] == ["it is", "/var/lib/x: permission denied"]
    assert "as the user that runs extproc" in found[1].hint


def test_what_parts_log_is_not_printed(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "credential").chmod(0o644)
    argv = [
        sys.executable,
        "-m",
        "extproc",
        "doctor",
        "--offline",
        "--json",
        "--only",
        "configuration",
        "-c",
        str(file),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["counts"]["warning"] == 1


def say(*words, fails=0):
    done = CliRunner().invoke(app, ["doctor", *map(str, words)])
    assert done.exit_code == fails, done.output
    return done.output


def test_the_report_is_a_line_for_each_thing_with_where_and_a_hint(tmp_path):
    file = installed(tmp_path, GOOD.replace("policy: {", "policy: {dry_run: true, "))
    output = say("-c", file, "--offline", "--only", "configuration")
    lines = [line.strip() for line in output.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("warning  policy"))
    assert lines[at + 1] == f"{file}:13:10 policy.dry_run"
    assert lines[at + 2] == "→ remove the key before going live"
    assert any(line.startswith("ok       masking") for line in lines)
    assert lines[-1].endswith("4 ok, 1 warning")


def test_quiet_leaves_out_what_is_well_and_strict_counts_warnings(tmp_path):
    file = installed(tmp_path, GOOD.replace("policy: {", "policy: {dry_run: true, "))
    output = say("-c", file, "--offline", "--quiet", "--strict", "--only", "configuration", fails=1)
    assert "warning" in output
    assert not any(line.startswith("ok ") for line in output.splitlines())


def test_only_what_was_asked_for_is_looked_at(tmp_path):
    assert set(doctor(installed(tmp_path), "--only", "state")) == {
        "state folder", "disk of the spools", "sync of the spools", "spools", "approvals", "definitions", "notifications"
    }  # fmt: skip
    assert say("--only", "nothing", fails=2)


def test_every_area_has_a_name_on_the_command_line():
    from extproc.cli.doctor import Area

    assert [area.value for area in Area] == list(all_checks.CHECKS)


def test_where_nothing_was_started_nothing_is_broken(tmp_path):
    found = doctor(installed(tmp_path), "--only", "parts", offline=False)
    assert only(found, "running parts", "skipped")["what"] == "nothing was started yet"


# Envoy


@pytest.mark.parametrize(
    ("script", "level", "words"),
    [
        ("echo version: 0/1.40.3/Clean", "ok", "1.40.3"),
        ("echo version: 0/1.39.0/Clean", "warning", "is 1.39.0"),
        ("exit 7", "problem", "CalledProcessError"),
        ("exec sleep 5", "problem", "TimeoutExpired"),
        (None, "warning", "cannot start"),
    ],
)
def test_another_envoy_is_named(tmp_path, monkeypatch, script, level, words):
    binary = tmp_path / "envoy"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o700)

    def find():
        if script is None:
            raise ConfigError("none", hint="install it")
        return str(binary)

    monkeypatch.setattr(check_envoy, "envoy_binary", find)
    monkeypatch.setattr(check_envoy, "ASK_S", 0.5)
    found = look(installed(tmp_path), check_envoy.binary)
    assert words in only(found, "Envoy's binary", level)["what"]


def test_ways_around_the_guard_in_a_given_configuration_are_found(tmp_path):
    file = installed(tmp_path)
    given = tmp_path / "envoy.yaml"
    rendered = CliRunner().invoke(app, ["envoy", "render", "-c", str(file)]).stdout
    given.write_text(rendered)
    assert only(doctor(file, "--only", "envoy", "--envoy", str(given)), "Envoy's configuration", "ok")
    changed = rendered.replace("normalize_path: true", "normalize_path: false")
    changed = re.sub(r"max_message_timeout: \S+", "max_message_timeout: 60s", changed)
    lines = [line for line in changed.splitlines() if "per_connection_buffer_limit_bytes" not in line]
    at = next(number for number, line in enumerate(lines) if line.strip() == "- name: guarded")
    lines.insert(at + 1, "    per_connection_buffer_limit_bytes: 1024")
    given.write_text("\n".join(lines) + "\n")
    found = doctor(file, "--only", "envoy", "--envoy", str(given), fails=1)["Envoy's configuration"]
    problem = next(one for one in found if one["level"] == "problem")
    assert problem["what"].startswith("normalize-path")
    assert problem["where"].startswith(f"{given}:")
    told = " ".join(one["what"] for one in found)
    assert "buffers 1024 bytes" in told
    assert "limits.hold is 900 s" in told
