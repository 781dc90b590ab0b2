"""Decide from Slack: what counts is signed, fresh, of the right workspace, and of a listed person."""

import json
import time
from dataclasses import replace
from itertools import count
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from extproc.approvals.approval import State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.console.slack_interactions import SlackApp, SlackDesk, slack_app, with_slack
from extproc.model.errors import ApprovalError
from extproc.model.identity import Identity
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.http_client import Poster
from extproc.notifications.notice import make_notice
from extproc.notifications.outbox import Outbox
from extproc.notifications.senders.sender import Message
from extproc.notifications.senders.slack_sender import SlackSender
from extproc.notifications.slack.slack_api import SlackApi
from extproc.settings.control import RoleSettings
from extproc.settings.notifications import SlackSettings
from tests.support.receivers import SlackStandIn
from tests.unit.approvals.samples import new_id, request
from tests.unit.console.desks import Acts, make_desk

TOKEN, SECRET = "xoxb-canary-of-a-token", "canary-of-a-signing-secret"
TEAM, CHANNEL, BOB, ALICE, EVE = "T0123456789", "C0123456789", "U0000000BOB", "U000000ALICE", "U0000000EVE"
S = 1_000_000_000
NUMBERS = count()
"""Slack gives each interaction a trigger of its own."""


class Slack:
    """A workspace with a channel, the endpoint of its clicks, and the approvals that are decided there."""

    def __init__(self, folder, stand_in):
        (folder / "token").write_text(TOKEN)
        (folder / "signing").write_text(SECRET)
        self.stand_in, self.now_ns, self.folder = stand_in, time.time_ns(), folder
        self.settings = SlackSettings.model_validate(
            {
                "channel": CHANNEL,
                "team": TEAM,
                "token_file": folder / "token",
                "signing_secret_file": folder / "signing",
                "users": {
                    BOB: {"provider": "corp", "subject": "bob", "groups": ["sre"]},
                    ALICE: {"provider": "corp", "subject": "alice", "groups": ["sre"]},
                },
                "api_url": f"{stand_in.url}/api/",
            }
        )
        self.store = SqliteApprovals(folder / "approvals.db")
        self.acts = Acts()
        self.desk = make_desk(self.store, self.acts)
        self.outbox = Outbox(folder / "notifications.db")
        self.roles = RoleSettings()
        self.poster = Poster(5.0)
        self.app = self.start()

    def start(self):
        return slack_app(
            SlackDesk(
                apps=lambda: [SlackApp(self.settings, SlackApi(self.settings, self.poster))],
                desk=lambda: self.desk,
                identify=lambda user: Identity("https://idp", user.subject, tuple(user.groups)),
                roles=lambda: self.roles,
                first_time=self.outbox.first_time,
                public_url=lambda: "https://console.test",
                clock=lambda: self.now_ns,
            )
        )

    def hold(self, **changes):
        now = time.time_ns()
        made = request(
            approval_id=new_id(now), created_ns=now, expires_ns=now + 900 * S, **{"minimum": 1, **changes}
        )
        self.store.open(made)
        return made

    async def announce(self, made):
        sender = SlackSender("chat", SlackApi(self.settings, self.poster), self.outbox)
        notice = make_notice(self.store.get(made.approval_id), NotificationEvent.CREATED, "https://console.test")
        await sender.send(Message("msg_1", notice, self.now_ns))
        return self.stand_in.of("chat.postMessage")[-1]

    async def post(self, payload, *, secret=SECRET, age_s=0, body=None, headers=None):
        body = urlencode({"payload": json.dumps(payload)}) if body is None else body
        at = str(int(self.now_ns / S) - age_s)
        signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
        sent = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": at,
            "x-slack-signature": signature,
            **(headers or {}),
        }
        self.last = (body, sent)
        return await self.send(body, sent)

    async def send(self, body, headers):
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
            return await client.post("/slack/interactions", content=body, headers=headers)

    def click(self, message, action="approve", *, user=BOB, team=TEAM, channel=CHANNEL, value=None):
        (button,) = [
            each
            for block in message["blocks"]
            if block["type"] == "actions"
            for each in block["elements"]
            if each["action_id"] == action
        ]
        return {
            "type": "block_actions",
            "team": {"id": team, "domain": "corp"},
            "user": {"id": user, "username": "x", "team_id": team},
            "trigger_id": f"1337.{next(NUMBERS)}.abcd",
            "container": {"type": "message", "channel_id": channel, "message_ts": "1700000000.000001"},
            "channel": {"id": channel, "name": "approvals"},
            "actions": [
                {"type": "button", "action_id": action, "value": button["value"] if value is None else value}
            ],
        }

    def submit(self, view, note="ticket 42, checked", *, user=BOB, team=TEAM):
        return {
            "type": "view_submission",
            "trigger_id": f"1337.{next(NUMBERS)}.abcd",
            "team": {"id": team},
            "user": {"id": user, "team_id": team},
            "view": {
                "callback_id": view["callback_id"],
                "private_metadata": view["private_metadata"],
                "state": {"values": {"note": {"note": {"type": "plain_text_input", "value": note}}}},
            },
        }

    async def decide(self, made, action="approve", *, user=BOB, **more):
        """Announce, click, give the reason, and confirm; the answer of the last step."""
        message = await self.announce(made)
        await self.post(self.click(message, action, user=user))
        view = self.stand_in.of("views.open")[-1]["view"]
        self.now_ns += 1
        return await self.post(self.submit(view, user=user, **more))

    @property
    def whispers(self):
        return [each["text"] for each in self.stand_in.of("chat.postEphemeral")]


@pytest.fixture
async def slack(tmp_path):
    with SlackStandIn(TOKEN) as stand_in:
        yield Slack(tmp_path, stand_in)


@pytest.mark.parametrize(("action", "state"), [("approve", State.APPROVED), ("deny", State.DENIED)])
async def test_a_listed_person_decides_and_gives_the_reason(slack, action, state):
    made = slack.hold()
    answer = await slack.decide(made, action)
    assert answer.json() == {"response_action": "clear"}
    after = slack.store.get(made.approval_id)
    assert after.state is state
    (vote,) = after.votes
    assert (vote.voter, vote.note, vote.source) == ("https://idp|bob", "ticket 42, checked", f"slack {BOB}")
    assert vote.preview_digest == made.preview_digest
    (updated,) = slack.stand_in.of("chat.update")
    assert f"Approval {state.value}" in json.dumps(updated["blocks"])
    assert "ticket 42, checked" in json.dumps(updated["blocks"])
    assert '"approve"' not in json.dumps(updated["blocks"])


async def test_a_first_of_two_votes_keeps_the_buttons(slack):
    made = slack.hold(minimum=2)
    await slack.decide(made)
    assert slack.store.get(made.approval_id).state is State.PENDING
    (updated,) = slack.stand_in.of("chat.update")
    assert "bob (idp) approved" in json.dumps(updated["blocks"])
    assert '"approve"' in json.dumps(updated["blocks"])


async def test_the_look_is_recorded(slack):
    made = slack.hold()
    message = await slack.announce(made)
    await slack.post(slack.click(message))
    assert ("looked", "bob", "") in [(kind, subject, "") for kind, subject, _ in slack.acts.told]


@pytest.mark.parametrize("user", [EVE, "U'; DROP TABLE", ""])
async def test_a_person_who_is_not_listed_is_told_so_and_decides_nothing(slack, user):
    made = slack.hold()
    message = await slack.announce(made)
    answer = await slack.post(slack.click(message, user=user))
    assert answer.status_code == 200
    assert slack.stand_in.of("views.open") == []
    assert slack.store.get(made.approval_id).votes == ()
    if user:
        assert "not linked to an identity" in slack.whispers[0]


async def test_nobody_approves_their_own_call(slack):
    answer = await slack.decide(made := slack.hold(), user=ALICE)
    assert answer.json() == {
        "response_action": "errors",
        "errors": {"note": "You may not decide on your own call."},
    }
    assert slack.store.get(made.approval_id).votes == ()


async def test_a_person_of_another_group_does_not_even_see_it(slack):
    made = slack.hold(groups=("dba",))
    await slack.post(slack.click(await slack.announce(made)))
    assert slack.whispers == ["There is no such approval or definition."]
    assert slack.stand_in.of("views.open") == []


async def test_a_role_for_approvers_counts_here_too(slack):
    slack.roles = RoleSettings(approver=["dba"])
    await slack.post(slack.click(await slack.announce(slack.hold())))
    assert "not linked" in slack.whispers[0]


async def test_what_was_decided_meanwhile_is_not_asked_again(slack):
    made = slack.hold()
    message = await slack.announce(made)
    slack.store.cancel_own(made.approval_id, time.time_ns())
    await slack.post(slack.click(message))
    assert slack.whispers == ["It was decided, expired or cancelled before."]


async def test_a_second_vote_is_refused(slack):
    made = slack.hold(minimum=2)
    await slack.decide(made)
    answer = await slack.decide(made)
    assert answer.json()["errors"] == {"note": "You have already voted on it."}


@pytest.mark.parametrize("note", ["", "  ", "ab", None])
async def test_a_vote_without_a_reason_is_refused(slack, note):
    answer = await slack.decide(made := slack.hold(), note=note)
    assert "3 to 1,000 characters" in answer.json()["errors"]["note"]
    assert slack.store.get(made.approval_id).state is State.PENDING


@pytest.mark.parametrize(("field", "why"), [(2, "digest"), (3, "preview")])
async def test_a_vote_for_another_call_or_preview_is_refused(slack, field, why):
    made = slack.hold()
    message = await slack.announce(made)
    value = json.loads(slack.click(message)["actions"][0]["value"])
    value[field] = "0" * 64
    await slack.post(slack.click(message, value=json.dumps(value)))
    assert slack.stand_in.of("views.open") == []
    assert len(slack.whispers) == 1
    view = {"callback_id": "approval_note", "private_metadata": json.dumps([*value[:5], CHANNEL, "1.1"])}
    slack.now_ns += S
    answer = await slack.post(slack.submit(view))
    assert answer.json()["response_action"] == "errors"
    assert slack.store.get(made.approval_id).votes == ()
    assert why


async def test_a_forged_signature_is_refused(slack):
    message = await slack.announce(slack.hold())
    assert (await slack.post(slack.click(message), secret="other")).status_code == 401
    assert slack.stand_in.of("views.open") == []


@pytest.mark.parametrize("age_s", [301, 86_400, -301])
async def test_an_old_or_future_request_is_refused(slack, age_s):
    message = await slack.announce(slack.hold())
    assert (await slack.post(slack.click(message), age_s=age_s)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-slack-signature": ""},
        {"x-slack-signature": "v0="},
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "nan"},
        {"x-slack-request-timestamp": "1e9"},
        {"x-slack-request-timestamp": "9" * 400},
    ],
)
async def test_a_header_field_of_another_form_is_refused(slack, headers):
    message = await slack.announce(slack.hold())
    assert (await slack.post(slack.click(message), headers=headers)).status_code == 401


async def test_header_fields_that_come_twice_are_refused(slack):
    message = await slack.announce(slack.hold())
    await slack.post(slack.click(message), secret="other")
    body, headers = slack.last
    good = SignatureVerifier(SECRET).generate_signature(timestamp=headers["x-slack-request-timestamp"], body=body)
    twice = [*headers.items(), ("x-slack-signature", good)]
    assert (await slack.send(body, twice)).status_code == 401


async def test_a_changed_body_is_refused(slack):
    message = await slack.announce(slack.hold())
    await slack.post(slack.click(message))
    body, headers = slack.last
    assert (await slack.send(body.replace("approve", "deny"), headers)).status_code == 401
    assert (await slack.send(b"\xff\xfe", headers)).status_code == 401


async def test_a_replayed_vote_is_refused_also_after_a_restart(slack):
    made = slack.hold(minimum=2)
    await slack.decide(made)
    body, headers = slack.last
    slack.store.withdraw_vote(made.approval_id, "https://idp|bob", time.time_ns())
    assert (await slack.send(body, headers)).status_code == 409
    slack.outbox.close()
    slack.outbox = Outbox(slack.folder / "notifications.db")
    slack.app = slack.start()
    assert (await slack.send(body, headers)).status_code == 409
    assert slack.store.get(made.approval_id).counted == ()


@pytest.mark.parametrize("changes", [{"team": "T9999999999"}, {"channel": "C9999999999"}])
async def test_another_workspace_or_channel_is_refused(slack, changes):
    message = await slack.announce(slack.hold())
    assert (await slack.post(slack.click(message, **changes))).status_code == 403
    assert slack.stand_in.of("views.open") == []


async def test_a_person_of_another_workspace_in_a_shared_channel_is_refused(slack):
    click = slack.click(await slack.announce(slack.hold()))
    click["user"]["team_id"] = "T9999999999"
    await slack.post(click)
    assert slack.stand_in.of("views.open") == []
    assert slack.whispers == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload",
        b"payload=",
        b"payload={}",
        b"payload=[]",
        b"payload=null",
        b"payload=" + b"[" * 50_000,
        b"payload={}&payload={}",
        b"other={}",
        urlencode({"payload": json.dumps({"type": "block_actions"})}).encode(),
        urlencode({"payload": json.dumps({"type": "block_actions", "actions": [], "team": 1})}).encode(),
        urlencode({"payload": json.dumps({"type": "view_submission", "view": None})}).encode(),
        urlencode({"payload": json.dumps({"type": "shortcut"})}).encode(),
    ],
)
async def test_a_signed_body_of_another_form_does_nothing(slack, body):
    answer = await slack.post(None, body=body.decode())
    assert answer.status_code == 200
    assert slack.stand_in.calls == []


async def test_the_link_needs_nothing_from_us(slack):
    message = await slack.announce(slack.hold())
    click = slack.click(message, "deny")
    click["actions"] = [{"type": "button", "action_id": "open"}]
    assert (await slack.post(click)).status_code == 200
    assert slack.stand_in.of("views.open") == []


async def test_a_body_that_is_too_large_is_refused(slack):
    assert (await slack.post(None, body="payload=" + "x" * 200_000)).status_code == 413


async def test_a_store_that_is_down_counts_nothing_and_says_so(slack, monkeypatch):
    made = slack.hold()
    message = await slack.announce(made)
    await slack.post(slack.click(message))
    view = slack.stand_in.of("views.open")[-1]["view"]

    def down(*_args, **_more):
        raise ApprovalError("down")

    monkeypatch.setattr(slack.store, "vote", down)
    answer = await slack.post(slack.submit(view))
    assert "could not be counted now" in answer.json()["errors"]["note"]


async def test_a_window_that_cannot_be_opened_is_told(slack, monkeypatch):
    message = await slack.announce(slack.hold())
    monkeypatch.setattr(
        slack.stand_in, "error", lambda method, _: "expired_trigger_id" if method == "views.open" else ""
    )
    await slack.post(slack.click(message))
    assert "could not be opened" in slack.whispers[0]


async def test_the_callers_text_in_the_window_is_no_markup(slack):
    made = slack.hold(function="crm.<!channel>", preview='{"a": "<!channel> [x](https://evil.test)"}')
    await slack.post(slack.click(await slack.announce(made)))
    view = slack.stand_in.of("views.open")[-1]["view"]
    assert "mrkdwn" not in json.dumps(view)


async def test_secrets_are_nowhere_but_in_their_header(slack, capfd, caplog):
    await slack.decide(slack.hold())
    await slack.post({}, secret="other")
    (slack.folder / "signing").unlink()
    slack.now_ns += S
    assert (await slack.post({})).status_code == 401
    slack.outbox.close()
    out, err = capfd.readouterr()
    files = b"".join(file.read_bytes() for file in slack.folder.glob("*.db*"))
    bodies = b"".join(body for _, _, body in slack.stand_in.requests)
    everything = out + err + caplog.text + files.decode("latin-1") + bodies.decode()
    assert "canary" not in everything


async def test_everything_else_goes_to_the_console(slack):
    seen = []

    async def console(scope, receive, send):
        seen.append(scope["path"])

    app = with_slack(console, slack.app, lambda: True)
    for path in ("/", "/slack", "/slack/interactions/", "/api/approvals"):
        await app({"type": "http", "path": path}, None, None)
    await with_slack(console, slack.app, lambda: False)(
        {"type": "http", "path": "/slack/interactions"}, None, None
    )
    assert len(seen) == 5


async def test_only_posts_are_served(slack):
    transport = httpx.ASGITransport(app=slack.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        assert (await client.get("/slack/interactions")).status_code == 405


async def test_what_the_api_of_slack_refuses_is_named_without_its_text(slack, tmp_path):
    from extproc.model.errors import DeliveryFailed
    from tests.support.receivers import Answer

    api = SlackApi(slack.settings, slack.poster)
    for body, expected in (
        (b'{"ok": false, "error": "channel_not_found"}', "Slack: channel_not_found"),
        (b'{"ok": false, "error": "xoxb-canary <b>"}', "Slack: unknown error"),
        (b'{"ok": "yes"}', "Slack: unknown error"),
        (b"[]", "the answer is not Slack's"),
        (b"<html>canary", "the answer is not Slack's"),
    ):
        slack.stand_in.next_answer = Answer(body=body)
        with pytest.raises(DeliveryFailed) as caught:
            await api.whisper(CHANNEL, BOB, "x")
        assert str(caught.value) == expected
    slack.stand_in.next_answer = Answer(429, headers={"retry-after": "30"})
    with pytest.raises(DeliveryFailed) as caught:
        await api.whisper(CHANNEL, BOB, "x")
    assert caught.value.retry_after_s == 30


async def test_a_decision_elsewhere_replaces_the_message(slack):
    made = slack.hold()
    await slack.announce(made)
    sender = SlackSender("chat", SlackApi(slack.settings, slack.poster), slack.outbox)
    after = replace(slack.store.get(made.approval_id), state=State.DENIED)
    notice = make_notice(after, NotificationEvent.DECIDED, "https://console.test")
    await sender.send(Message("msg_2", notice, slack.now_ns))
    (updated,) = slack.stand_in.of("chat.update")
    assert updated["ts"].startswith("1700000000.")
    assert len(slack.stand_in.of("chat.postMessage")) == 1
