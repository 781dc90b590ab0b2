"""Settings of notifications: a misspelled name is an error with its place, and no secret stands in the file."""

from pathlib import Path

import pytest

from extproc.config.load import load_settings
from extproc.config.summary import notes, summary
from extproc.model.errors import ConfigError
from tests.unit.settings.one_mcp_connection import FILE

MAIL = "mail: {apprise: {file: mail.url}}"
HOOK = "hook: {webhook: {url: https://h.test/x, secret_file: hook.secret}}"
SLACK = """chat:
      slack:
        channel: C0123456789
        team: T0123456789
        token_file: slack.token
        signing_secret_file: slack.signing
        users: {U0123456789: {provider: corp, subject: alice, groups: [sre]}}"""


def load(folder: Path, *targets: str, more: str = "", before: str = FILE):
    listed = "\n    ".join(targets)
    (folder / "extproc.yaml").write_text(f"{before}notifications:\n  targets:\n    {listed}\n{more}")
    return load_settings(folder / "extproc.yaml")


def test_each_kind_of_target_is_read(tmp_path):
    settings = load(tmp_path, MAIL, HOOK, SLACK)
    targets = settings.notifications.targets
    assert targets["mail"].apprise.file == tmp_path / "mail.url"
    assert targets["hook"].most_per_minute == 600
    assert targets["chat"].most_per_minute == 20
    assert targets["chat"].slack.users["U0123456789"].subject == "alice"
    lines = [line for line in summary(settings) if line.startswith("notification")]
    assert lines == [
        "notification mail: apprise; created, expiring, decided, expired and break-glass",
        "notification hook: webhook https://h.test/x; created, expiring, decided, expired and break-glass",
        (
            "notification chat: Slack channel C0123456789, where 1 people may decide;"
            " created, expiring, decided, expired and break-glass"
        ),
    ]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("mail: {apprise: {file: a, env: B}}", "give exactly one of file and env"),
        ("mail: {apprise: {url: 'mailto://u:canary@h'}}", "unknown key 'url'"),
        ("mail: {}", "give exactly one of apprise, webhook and slack"),
        (
            "mail: {apprise: {env: A}, webhook: {url: https://h.test, secret_file: s}}",
            "give exactly one of apprise",
        ),
        ("hook: {webhook: {url: http://h.test, secret_file: s}}", "must begin with https://"),
        ("hook: {webhook: {url: 'https://u:canary@h.test', secret_file: s}}", "contains a password"),
        ("hook: {webhook: {url: ftp://h.test, secret_file: s}}", "not of the expected form"),
        ("hook: {webhook: {url: https://h.test}}", "'secret_file' is missing"),
        ("mail: {apprise: {env: A}, events: [create]}", "did you mean 'created'"),
        ("mail: {apprise: {env: A}, events: [break-glass]}", "input should be"),
        ("mail: {apprise: {env: A}, events: []}", "at least 1 item"),
        ("mail: {apprise: {env: A}, events: [created, created]}", "listed twice"),
        ("mail: {apprise: {env: A}, functions: [docs.searchh]}", "has no function 'searchh'"),
        ("mail: {apprise: {env: A}, functions: [dosc.search]}", "did you mean 'docs'"),
        ("mail: {apprise: {env: A}, functions: [search]}", "connection.function, such as"),
        ("mail: {apprise: {env: A}, functions: ['docs.se*']}", "connection.function, such as"),
        ("mail: {apprise: {env: A}, per_minute: 0}", "greater than or equal to 1"),
        ("mail: {apprise: {env: A}, expiring_before: 2m}", "must be a number"),
        (SLACK.replace("provider: corp", "provider: crop"), "there is no provider 'crop'"),
        (SLACK.replace("U0123456789", "alice"), "the id of a member"),
        (SLACK.replace("C0123456789", "'#approvals'"), "the id of a channel"),
        (SLACK.replace("team: T0123456789", "team: corp"), "the id of a workspace"),
        (SLACK.replace("groups: [sre]", "groupss: [sre]"), "unknown key 'groupss'"),
        (SLACK.replace(", groups: [sre]", ""), "'groups' is missing"),
    ],
)
def test_a_mistake_is_named(tmp_path, target, expected):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, target)
    assert expected in str(caught.value)
    assert "extproc.yaml" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_webhook_on_this_machine_needs_no_tls(tmp_path):
    assert load(tmp_path, "hook: {webhook: {url: 'http://127.0.0.1:9/x', secret_file: s}}")


def test_where_accounts_are_joined_a_slack_user_needs_the_person(tmp_path):
    joined = FILE.replace("jwks_url:", "claims: {person: email}, jwks_url:")
    with pytest.raises(ConfigError, match="joins accounts"):
        load(tmp_path, SLACK, before=joined)
    assert load(tmp_path, SLACK.replace("groups: [sre]", "groups: [sre], person: a@corp.test"), before=joined)


def test_a_slack_user_comes_from_a_provider_of_approvers(tmp_path):
    other = "{other: {issuer: https://o.test, audiences: [a], jwks_url: https://o.test/k}, corp:"
    more = "control: {approver_providers: [other]}\n"
    with pytest.raises(ConfigError, match="approvers may not come from the provider 'corp'"):
        load(tmp_path, SLACK, before=FILE.replace("{corp:", other), more=more)


def test_what_is_surprising_is_noted(tmp_path):
    settings = load(tmp_path, "mail: {apprise: {env: NOT_SET_HERE}, groups: [srre]}", HOOK, SLACK)
    found = "\n".join(f"{'.'.join(map(str, note.path))}: {note.what}" for note in notes(settings))
    for expected in (
        "notifications.targets.mail.groups.0: no connection names the group 'srre'",
        "control.public_url: messages have no links",
        "control.listen: nobody can decide from Slack",
        "notifications.targets.mail.apprise.env: the variable is not set here",
        "notifications.targets.hook.webhook.secret_file",
        "notifications.targets.chat.slack.token_file",
        "notifications.targets.chat.slack.signing_secret_file",
        "notifications.targets.chat.slack.users.U0123456789.groups.0: no connection names the group 'sre'",
    ):
        assert expected in found, expected
