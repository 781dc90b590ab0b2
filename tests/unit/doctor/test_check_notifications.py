"""The doctor's lines about notifications."""

import pytest

from extproc.codecs.located_yaml import load_located
from extproc.config.load import load_settings
from extproc.doctor.check_notifications import notifications
from extproc.doctor.check_result import Installation, Level
from extproc.notifications.outbox import Outbox
from tests.unit.notifications.told import NOW, S, notice
from tests.unit.settings.one_mcp_connection import FILE

TARGETS = """notifications:
  targets:
    mail: {apprise: {env: MAIL_URL}}
    hook: {webhook: {url: https://h.test, secret_file: secret}}
"""


@pytest.fixture
def check(tmp_path):
    (tmp_path / "extproc.yaml").write_text(FILE + TARGETS)
    (tmp_path / "secret").write_text("whsec_" + "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=")
    (tmp_path / "secret").chmod(0o600)
    settings = load_settings(tmp_path / "extproc.yaml")

    def run(*, now_ns=NOW, variables=("MAIL_URL",)):
        document = load_located(tmp_path / "extproc.yaml")
        installation = Installation(settings, document, now_ns, environ=lambda name: name in variables)
        return list(notifications(installation))

    run.folder, run.state = tmp_path, settings.state
    return run


@pytest.fixture
def outbox(check):
    check.state.mkdir()
    made = Outbox(check.state / "notifications.db")
    yield made
    made.close()


def levels(results):
    return {each.level for each in results}


def test_all_is_well(check, outbox):
    assert levels(check()) == {Level.OK}


def test_without_targets_it_says_so(tmp_path):
    (tmp_path / "extproc.yaml").write_text(FILE)
    settings = load_settings(tmp_path / "extproc.yaml")
    (result,) = notifications(Installation(settings, load_located(tmp_path / "extproc.yaml"), NOW))
    assert "no targets" in result.what


def test_a_variable_of_another_process_is_not_checked(check):
    assert Level.SKIPPED in levels(check(variables=()))


@pytest.mark.parametrize(
    ("break_it", "level", "what"),
    [
        (lambda file: file.unlink(), Level.PROBLEM, "cannot be read"),
        (lambda file: file.write_text("canary"), Level.PROBLEM, "does not begin with whsec_"),
        (lambda file: file.chmod(0o644), Level.WARNING, "is open to others"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named(check, break_it, level, what):
    break_it(check.folder / "secret")
    (found,) = [each for each in check() if each.level is level]
    assert what in found.what
    assert found.key == "notifications.targets.hook.webhook.secret_file"
    assert "canary" not in found.what


def test_what_failed_or_waits_for_long_is_a_warning(check, outbox):
    outbox.record([(notice(), ["mail", "hook"])], (), NOW)
    assert levels(check(now_ns=NOW + 10 * S)) == {Level.OK}
    late = check(now_ns=NOW + 400 * S)
    assert [each.subject for each in late if each.level is Level.WARNING] == [
        "notification mail",
        "notification hook",
    ]
    outbox.failed(outbox.due("hook", NOW, 10), NOW, "status 410")
    (warned,) = [each for each in check() if each.level is Level.WARNING]
    assert "failed: 1" in warned.what
    assert "notifications retry" in warned.hint


def test_an_outbox_that_cannot_be_used_is_a_problem(check):
    check.state.mkdir()
    (check.state / "notifications.db").write_bytes(b"no database" * 100)
    assert "nobody is told" in next(each.what for each in check() if each.level is Level.PROBLEM)
