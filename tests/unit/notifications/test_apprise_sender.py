"""Services through apprise: stand-ins for mail, and for services that take JSON."""

import email
import email.policy
import logging

import pytest

from extproc.approvals.approval import State
from extproc.concurrency.one_thread import OneThread, StillBusy
from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import make_group
from extproc.notifications.senders.apprise_sender import AppriseSender
from extproc.notifications.senders.sender import Message
from extproc.settings.notifications import AppriseSettings
from tests.support.receivers import Answer, HttpReceiver, JsonReceiver, MailReceiver
from tests.unit.notifications.test_safe_text import HOSTILE
from tests.unit.notifications.told import NOW, notice, vote

CANARY = "canary-of-an-apprise-url"


async def send(tmp_path, url, content=None, timeout_s=5.0):
    file = tmp_path / "url"
    file.write_text(f"{url}\n")
    sender = AppriseSender("mail", AppriseSettings(file=file), timeout_s)
    await sender.send(Message("msg_1", content or notice(), NOW))


def mail_url(receiver):
    return f"mailto://127.0.0.1:{receiver.port}?from=guard@corp.test&to=sre@corp.test&mode=insecure&name={CANARY}"


def json_url(receiver, more=""):
    return f"{receiver.url.replace('http', 'json')}/{CANARY}{more}"


def read(mail):
    return email.message_from_bytes(mail, policy=email.policy.default)


async def test_a_mail_arrives_with_what_approvers_need(tmp_path):
    with MailReceiver() as receiver:
        await send(tmp_path, mail_url(receiver))
    (mail,) = receiver.mails
    message = read(mail)
    assert message["subject"] == "Approval needed: crm.delete_customer (risk 80)"
    body = message.get_body(("plain", "html")).get_content()
    assert "alice (idp)" in body
    assert "https://console.test/approvals/" in body


@pytest.mark.parametrize("text", [" ".join(HOSTILE), "a\r\nBcc: all@corp.test", "<script>alert(1)</script>"])
async def test_a_callers_text_adds_no_header_and_no_markup_to_a_mail(tmp_path, text):
    with MailReceiver() as receiver:
        await send(tmp_path, mail_url(receiver), notice(function=f"crm.{text}", preview=text, reason=text))
    message = read(receiver.mails[0])
    assert message["bcc"] is None
    assert message["to"] == "sre@corp.test"
    assert "\n" not in message["subject"]
    html = message.get_body(("html", "plain")).get_content()
    assert "<script" not in html
    assert 'href="https://evil' not in html


async def test_a_service_that_takes_json_gets_title_and_text(tmp_path):
    with JsonReceiver() as receiver:
        await send(
            tmp_path,
            json_url(receiver),
            notice(NotificationEvent.DECIDED, state=State.DENIED, votes=[vote(approve=False)]),
        )
    (document,) = receiver.documents
    assert document["title"] == "Approval denied: crm.delete_customer"
    assert "Vote: bob (idp) denied: ticket 42" in document["message"]


async def test_a_group_is_one_message(tmp_path):
    with JsonReceiver() as receiver:
        rows = [(f"id{n}", NotificationEvent.CREATED, "crm.f") for n in range(50)]
        await send(tmp_path, json_url(receiver), make_group(rows, "https://console.test"))
    (document,) = receiver.documents
    assert document["title"] == "50 events of approvals"


async def test_a_service_that_refuses_is_a_failure(tmp_path):
    with (
        HttpReceiver(lambda *_: Answer(500)) as receiver,
        pytest.raises(DeliveryFailed, match="the service did not take it"),
    ):
        await send(tmp_path, json_url(receiver))


@pytest.mark.parametrize("more", ["", "?redirect=yes"])
async def test_a_redirect_is_not_followed_whatever_the_url_says(tmp_path, more):
    with HttpReceiver() as elsewhere:
        with (
            HttpReceiver(lambda *_: Answer(307, headers={"location": elsewhere.url})) as receiver,
            pytest.raises(DeliveryFailed),
        ):
            await send(tmp_path, json_url(receiver, more))
        assert elsewhere.requests == []


async def test_a_service_that_hangs_costs_the_time_limit(tmp_path):
    with (
        HttpReceiver(lambda *_: Answer(wait_s=3)) as receiver,
        pytest.raises(DeliveryFailed, match=r"no answer in time|did not take it"),
    ):
        await send(tmp_path, json_url(receiver), timeout_s=0.3)


@pytest.mark.parametrize("url", [f"nonsense://{CANARY}", CANARY, f"mailto://{CANARY}:x"])
async def test_a_url_that_apprise_does_not_know_is_refused_and_not_shown(tmp_path, url, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DeliveryFailed) as caught:
        await send(tmp_path, url)
    out, err = capfd.readouterr()
    assert CANARY not in str(caught.value) + caplog.text + out + err


async def test_the_url_is_in_no_log_whatever_happens(tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with HttpReceiver(lambda *_: Answer(500)) as receiver, pytest.raises(DeliveryFailed) as caught:
        await send(tmp_path, json_url(receiver))
    out, err = capfd.readouterr()
    assert CANARY not in str(caught.value) + caplog.text + out + err


async def test_work_that_hangs_keeps_its_thread_and_starts_no_other():
    import threading

    release, thread = threading.Event(), OneThread("test")
    with pytest.raises(TimeoutError):
        await thread.run(release.wait, 0.05)
    with pytest.raises(StillBusy):
        await thread.run(lambda: 1, 0.05)
    release.set()
    for _ in range(100):
        try:
            assert await thread.run(lambda: 1, 1) == 1
            break
        except StillBusy:
            import asyncio

            await asyncio.sleep(0.01)
    else:
        raise AssertionError("the thread stayed busy")


async def test_an_error_of_the_work_is_the_callers():
    def fails():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await OneThread("test").run(fails, 1)
