"""The page on notifications: the receiver of its snippet accepts real webhooks once, and no forged one."""

import base64
import re
import time
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError

from extproc.notifications.secret_files import webhook_key
from extproc.notifications.senders.webhook_sender import signed_headers, webhook_body
from tests.unit.notifications.told import notice

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "notify-approvers.md").read_text()
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def test_the_receiver_of_the_page_verifies_and_leaves_out_repetitions(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(code, names)
    (tmp_path / "secret").write_text(SECRET)
    body = webhook_body(notice())
    headers = signed_headers("msg_1", time.time_ns(), body, webhook_key(tmp_path / "secret"))
    seen = set()
    assert names["receive"](body.encode(), headers, SECRET, seen)["type"] == "approval.created"
    assert names["receive"](body.encode(), headers, SECRET, seen) is None
    with pytest.raises(WebhookVerificationError):
        names["receive"](body.replace("created", "decided").encode(), headers, SECRET, set())
    old = signed_headers("msg_1", time.time_ns() - 600 * 10**9, body, webhook_key(tmp_path / "secret"))
    with pytest.raises(WebhookVerificationError):
        names["receive"](body.encode(), old, SECRET, set())


def test_the_page_names_every_event():
    for event in ("created", "expiring", "decided", "expired", "break-glass"):
        assert f"| `{event}` |" in PAGE
        assert f"`approval.{event}`" in PAGE
