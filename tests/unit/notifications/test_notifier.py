"""The whole way: a held call, the outbox, a receiver. Also when the process is killed in the middle."""

import asyncio
import base64
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from extproc.approvals.sqlite import SqliteApprovals
from extproc.assembly.make_notifications import open_notifier
from extproc.assembly.send_samples import send_samples
from extproc.concurrency.background import background
from extproc.config.load import load_settings
from extproc.notifications import notifier
from extproc.notifications.outbox import Outbox
from extproc.server.notification_metrics import NotificationMetrics
from extproc.server.notifying import notifying
from extproc.settings.notifications import NotificationSettings
from tests.support.receivers import Answer, HttpReceiver, JsonReceiver, WebhookReceiver
from tests.unit.approvals.samples import new_id, request
from tests.unit.notifications.told import S, until, vote
from tests.unit.settings.one_mcp_connection import FILE

SECRET = "whsec_" + base64.b64encode(b"canary-of-a-webhook-secret-1234").decode()


def hold(store, **changes):
    now = time.time_ns()
    made = request(approval_id=new_id(now), created_ns=now, expires_ns=now + 900 * S, **{"minimum": 1, **changes})
    store.open(made)
    return made


def settings_of(folder, **targets):
    (folder / "secret").write_text(SECRET)
    return NotificationSettings.model_validate({"targets": targets, "timeout": 2.0})


def webhook(folder, url):
    return {"webhook": {"url": url, "secret_file": folder / "secret"}}


async def test_a_held_call_and_its_decision_reach_a_receiver(tmp_path):
    store = SqliteApprovals(tmp_path / "approvals.db")
    with WebhookReceiver(SECRET) as receiver:
        settings = settings_of(tmp_path, hook=webhook(tmp_path, receiver.url))
        metrics = NotificationMetrics(("hook",))
        async with (
            open_notifier(
                settings, tmp_path / "n.db", store, public_url="https://console.test/", observer=metrics
            ) as opened,
            background(opened.notifier.run()),
        ):
            made = hold(store)
            await until(lambda: receiver.accepted)
            store.vote(made.approval_id, vote(at_ns=time.time_ns()), ("sre",))
            await until(lambda: len(receiver.accepted) == 2)
            assert opened.notifier.trouble == ""
    events = [document["type"] for _, document in receiver.accepted]
    assert events == ["approval.created", "approval.decided"]
    assert receiver.accepted[0][1]["data"]["link"] == f"https://console.test/approvals/{made.approval_id}"


async def test_a_target_that_hangs_holds_up_neither_calls_nor_others(tmp_path):
    store = SqliteApprovals(tmp_path / "approvals.db")
    with HttpReceiver(lambda *_: Answer(wait_s=3)) as slow, WebhookReceiver(SECRET) as quick:
        settings = settings_of(tmp_path, slow=webhook(tmp_path, slow.url), quick=webhook(tmp_path, quick.url))
        metrics = NotificationMetrics(("slow", "quick"))
        async with (
            open_notifier(settings, tmp_path / "n.db", store, public_url="", observer=metrics) as opened,
            background(opened.notifier.run()),
        ):
            for _ in range(5):
                hold(store)
            await until(lambda: len(quick.accepted) == 5, within_s=5)


class Listening:
    """A store that tells of changes, and whose listener can fail."""

    def __init__(self, store):
        self.store, self.waits, self.closed, self.fails = store, 0, False, True

    def __getattr__(self, name):
        return getattr(self.store, name)

    def listen(self):
        return self

    def wait(self, timeout_s):
        self.waits += 1
        if self.fails:
            self.fails = False
            raise RuntimeError("the connection is gone")
        time.sleep(0.05)
        return True

    def close(self):
        self.closed = True


async def test_a_store_that_tells_of_changes_is_listened_to(tmp_path, monkeypatch):
    monkeypatch.setattr(notifier, "LISTEN_S", 0.1)
    store = SqliteApprovals(tmp_path / "approvals.db")
    listening = Listening(store)
    with WebhookReceiver(SECRET) as receiver:
        settings = settings_of(tmp_path, hook=webhook(tmp_path, receiver.url))
        async with (
            open_notifier(
                settings, tmp_path / "n.db", listening, public_url="", observer=NotificationMetrics(("hook",))
            ) as opened,
            background(opened.notifier.run()),
        ):
            await until(lambda: listening.waits > 2)
            hold(store)
            await until(lambda: receiver.accepted)
    assert listening.closed


async def test_an_outbox_that_cannot_be_used_does_not_stop_the_control_process(tmp_path):
    (tmp_path / "extproc.yaml").write_text(
        f"{FILE}notifications: {{targets: {{hook: {{webhook: {{url: 'https://h.test', secret_file: s}}}}}}}}\n"
    )
    settings = load_settings(tmp_path / "extproc.yaml")
    settings.state.mkdir()
    (settings.state / "notifications.db").write_bytes(b"this is no database" * 100)
    async with notifying(lambda: settings, SqliteApprovals(tmp_path / "approvals.db")) as notify:
        assert "the outbox of notifications failed" in notify.facts()["notifications"]


async def test_a_reload_changes_the_targets(tmp_path):
    """A target that is added is told of what is held from then on."""
    store, file = SqliteApprovals(tmp_path / "approvals.db"), tmp_path / "extproc.yaml"
    with JsonReceiver() as first, JsonReceiver() as second:
        for number, receiver in enumerate((first, second)):
            (tmp_path / f"url{number}").write_text(receiver.url.replace("http", "json"))
        file.write_text(f"{FILE}notifications: {{targets: {{one: {{apprise: {{file: url0}}}}}}}}\n")
        in_force = [load_settings(file)]
        async with notifying(lambda: in_force[0], store) as notify:
            hold(store)
            await until(lambda: first.requests)
            file.write_text(f"{FILE}notifications: {{targets: {{two: {{apprise: {{file: url1}}}}}}}}\n")
            in_force[0] = load_settings(file)
            await asyncio.sleep(1.5)
            hold(store)
            await until(lambda: second.requests)
            assert len(first.requests) == 1
            file.write_text(FILE)
            in_force[0] = load_settings(file)
            await until(lambda: notify.facts() == {})


async def test_without_targets_nothing_runs(tmp_path):
    (tmp_path / "extproc.yaml").write_text(FILE)
    settings = load_settings(tmp_path / "extproc.yaml")
    async with notifying(lambda: settings, SqliteApprovals(tmp_path / "approvals.db")) as notify:
        assert notify.facts() == {}
    assert not (settings.state / "notifications.db").exists()


async def test_samples_say_which_target_took_them(tmp_path, monkeypatch):
    with JsonReceiver() as good, HttpReceiver(lambda *_: Answer(500)) as bad:
        monkeypatch.setenv("GOOD_URL", good.url.replace("http", "json"))
        monkeypatch.setenv("BAD_URL", f"{bad.url.replace('http', 'json')}/canary")
        (tmp_path / "extproc.yaml").write_text(
            f"{FILE}notifications: {{targets: {{good: {{apprise: {{env: GOOD_URL}}}}, bad: {{apprise: {{env: BAD_URL}}}}}}}}\n"
        )
        settings = load_settings(tmp_path / "extproc.yaml")
        errors = await send_samples(settings, settings.notifications.targets)
    assert errors == {"good": "", "bad": "the service did not take it"}
    assert "sample" in good.documents[0]["message"]


PROGRAM = """
import asyncio, sys
from pathlib import Path
from extproc.approvals.sqlite import SqliteApprovals
from extproc.assembly.make_notifications import open_notifier
from extproc.notifications.delivery import DeliveryObserver
from extproc.settings.notifications import NotificationSettings

async def main():
    folder, url = Path(sys.argv[1]), sys.argv[2]
    settings = NotificationSettings.model_validate(
        {"targets": {"hook": {"webhook": {"url": url, "secret_file": folder / "secret"}}}, "timeout": 30.0}
    )
    store = SqliteApprovals(folder / "approvals.db")
    async with open_notifier(settings, folder / "n.db", store, public_url="", observer=DeliveryObserver()) as opened:
        await opened.notifier.run()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_kill_in_an_attempt_repeats_the_message_with_its_id(tmp_path):
    """The receiver has the message and has not answered: nobody knows, so it is sent again, marked as the same."""
    store = SqliteApprovals(tmp_path / "approvals.db")
    (tmp_path / "secret").write_text(SECRET)
    waits = [60.0]

    def answer(*_):
        return Answer(204, b"", wait_s=waits.pop() if waits else 0)

    with HttpReceiver(answer) as receiver:
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), receiver.url]
        place = {"cwd": Path(__file__).parents[3], "env": os.environ}
        hold(store)
        first = subprocess.Popen(command, **place)
        await until(lambda: receiver.requests, within_s=30)
        first.kill()
        first.wait()
        hold(store)
        second = subprocess.Popen(command, **place)
        try:
            await until(lambda: len(receiver.requests) >= 3, within_s=30)
            await asyncio.sleep(1.0)
        finally:
            second.kill()
            second.wait()
    ids = [headers["webhook-id"] for _, headers, _ in receiver.requests]
    assert len(ids) == 3
    assert ids[0] in ids[1:]
    assert len(set(ids)) == 2
    assert {each.state for each in Outbox(tmp_path / "n.db").listed()} == {"sent"}
    everything = b"".join(file.read_bytes() for file in tmp_path.glob("*.db*"))
    assert b"canary" not in everything
