"""Webhooks: a receiver with the library of Standard Webhooks accepts them, and nothing else leaves the guard."""

import base64
import json
import logging

import pytest

from extproc.approvals.approval import State
from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import make_group
from extproc.notifications.http_client import Poster
from extproc.notifications.senders.sender import Message
from extproc.notifications.senders.webhook_sender import WebhookSender
from extproc.settings.notifications import WebhookSettings
from tests.support.receivers import Answer, HttpReceiver, WebhookReceiver
from tests.unit.notifications.told import notice, vote

SECRET = "whsec_" + base64.b64encode(b"canary-of-a-webhook-secret-1234").decode()


def now_ns():
    import time

    return time.time_ns()


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file


async def send(url, secret, content=None, timeout_s=5.0):
    async with Poster(timeout_s) as poster:
        sender = WebhookSender(WebhookSettings(url=url, secret_file=secret), poster)
        await sender.send(Message("msg_1", content or notice(), now_ns()))


async def test_a_receiver_verifies_it_and_gets_everything(secret):
    with WebhookReceiver(SECRET) as receiver:
        await send(receiver.url, secret, notice(NotificationEvent.DECIDED, state=State.DENIED, votes=[vote()]))
    ((message_id, document),) = receiver.accepted
    assert message_id == "msg_1"
    assert document["type"] == "approval.decided"
    data = document["data"]
    assert data["function"] == "crm.delete_customer"
    assert data["preview"] == '{"ssn": "[US_SSN]"}'
    assert data["findings"] == ["US_SSN at $.ssn (redact)"]
    assert data["expires"].endswith("+00:00")
    assert data["votes"][0]["note"] == "ticket 42"
    assert data["link"].startswith("https://console.test/approvals/")


async def test_a_group_is_signed_too(secret):
    with WebhookReceiver(SECRET) as receiver:
        rows = [(f"id{n}", NotificationEvent.CREATED, "crm.f") for n in range(3_000)]
        await send(receiver.url, secret, make_group(rows, "https://console.test"))
    ((_, document),) = receiver.accepted
    assert document["type"] == "approval.group"
    assert document["data"]["count"] == 3_000
    assert len(document["data"]["approval_ids"]) == 1_000


async def test_with_another_secret_it_is_refused(tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
    with WebhookReceiver(SECRET) as receiver, pytest.raises(DeliveryFailed, match="status 401"):
        await send(receiver.url, wrong)
    assert receiver.accepted == []


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (404, False), (429, False), (410, True)])
async def test_a_status_that_is_no_success_is_a_failure(secret, status, permanent):
    with (
        HttpReceiver(lambda *_: Answer(status, headers={"retry-after": "7"})) as receiver,
        pytest.raises(DeliveryFailed, match=f"status {status}") as caught,
    ):
        await send(receiver.url, secret)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, 7)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(secret, status):
    with HttpReceiver() as elsewhere:
        with (
            HttpReceiver(lambda *_: Answer(status, headers={"location": elsewhere.url})) as receiver,
            pytest.raises(DeliveryFailed, match="redirects are not followed"),
        ):
            await send(receiver.url, secret)
        assert elsewhere.requests == []


async def test_a_receiver_that_hangs_costs_the_time_limit(secret):
    with (
        HttpReceiver(lambda *_: Answer(wait_s=5)) as receiver,
        pytest.raises(DeliveryFailed, match="no answer in time"),
    ):
        await send(receiver.url, secret, timeout_s=0.2)


async def test_a_huge_answer_is_not_read(secret):
    with HttpReceiver(lambda *_: Answer(body=b"x" * 5_000_000)) as receiver:
        await send(receiver.url, secret)


async def test_a_receiver_that_is_not_there_is_a_failure(secret):
    with pytest.raises(DeliveryFailed, match="not reached: ConnectError"):
        await send("http://127.0.0.1:9", secret)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("secret-canary", "does not begin with whsec_"),
        ("whsec_canary!!", "is not whsec_ and Base64"),
        ("whsec_" + base64.b64encode(b"canary").decode(), "has a key of 6 bytes"),
        (f"{SECRET}\n{SECRET}", "has more than one line"),
        (None, "cannot be read: No such file"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_named_and_not_shown(tmp_path, text, why):
    file = tmp_path / "secret"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DeliveryFailed) as caught:
        await send("http://127.0.0.1:9", file)
    assert why in str(caught.value)
    assert "canary" not in str(caught.value)


async def test_the_secret_is_in_no_message_and_no_log(secret, caplog):
    caplog.set_level(logging.DEBUG)
    with WebhookReceiver(SECRET) as receiver:
        await send(receiver.url, secret)
    _, headers, body = receiver.requests[0]
    everything = json.dumps(headers) + body.decode() + caplog.text
    assert "canary-of-a" not in everything
    assert SECRET not in everything
