"""A real control process: it posts a held call to Slack, takes the click and the reason, and shows the outcome."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from extproc.approvals.sqlite import SqliteApprovals
from tests.support.receivers import SlackStandIn
from tests.unit.approvals.samples import new_id, request
from tests.unit.notifications.told import S, until
from tests.unit.settings.one_mcp_connection import FILE

TOKEN, SECRET, TEAM, CHANNEL, BOB = (
    "xoxb-1234567890",
    "a-signing-secret",
    "T0123456789",
    "C0123456789",
    "U0000000BOB",
)


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_configuration(folder, api_url, port):
    (folder / "token").write_text(TOKEN)
    (folder / "signing").write_text(SECRET)
    (folder / "extproc.yaml").write_text(
        f"""{FILE}control: {{listen: "127.0.0.1:{port}", public_url: "https://console.test"}}
notifications:
  targets:
    chat:
      slack:
        channel: {CHANNEL}
        team: {TEAM}
        token_file: token
        signing_secret_file: signing
        api_url: {api_url}/api/
        users: {{{BOB}: {{provider: corp, subject: bob, groups: [sre]}}}}
"""
    )


async def post(port, payload):
    body, at = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=at, body=body)
    headers = {"x-slack-request-timestamp": at, "x-slack-signature": signature}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"http://127.0.0.1:{port}/slack/interactions", content=body, headers=headers)


@pytest.mark.slow
async def test_a_held_call_is_decided_in_slack(tmp_path):
    port = free_port()
    with SlackStandIn(TOKEN) as slack:
        write_configuration(tmp_path, slack.url, port)
        (tmp_path / ".extproc").mkdir(mode=0o700)
        store = SqliteApprovals(tmp_path / ".extproc" / "approvals.db")
        now = time.time_ns()
        made = request(approval_id=new_id(now), created_ns=now, expires_ns=now + 900 * S, minimum=1)
        store.open(made)
        command = [
            sys.executable,
            "-m",
            "extproc",
            "control",
            "--config",
            str(tmp_path / "extproc.yaml"),
            "--health",
        ]
        with (tmp_path / "log").open("wb") as log:
            control = subprocess.Popen(
                [*command, "none"], cwd=Path(__file__).parents[3], env=os.environ, stdout=log, stderr=log
            )
        try:
            await until(lambda: slack.of("chat.postMessage") or control.poll() is not None, within_s=60)
            assert control.poll() is None, (tmp_path / "log").read_text()
            (message,) = slack.of("chat.postMessage")
            button = next(block for block in message["blocks"] if block["type"] == "actions")["elements"][0]
            who = {"team": {"id": TEAM}, "user": {"id": BOB, "team_id": TEAM}}
            container = {"channel_id": CHANNEL, "message_ts": "1700000000.000001"}
            actions = [{"action_id": "approve", "value": button["value"]}]
            click = {
                "type": "block_actions",
                "trigger_id": "1.2",
                "container": container,
                "actions": actions,
                **who,
            }
            assert (await post(port, click)).status_code == 200
            await until(lambda: slack.of("views.open"))
            view = slack.of("views.open")[0]["view"]
            state = {"values": {"note": {"note": {"value": "ticket 42"}}}}
            view = {key: view[key] for key in ("callback_id", "private_metadata")} | {"state": state}
            answer = await post(port, {"type": "view_submission", "view": view, **who})
            assert answer.json() == {"response_action": "clear"}, (tmp_path / "log").read_text()
            await until(lambda: slack.of("chat.update"))
        finally:
            control.terminate()
            control.wait(30)
    (vote,) = store.get(made.approval_id).votes
    assert (vote.voter, vote.source, vote.note) == ("https://i.test|bob", f"slack {BOB}", "ticket 42")
    logged = (tmp_path / "log").read_text()
    assert TOKEN not in logged
    assert SECRET not in logged
