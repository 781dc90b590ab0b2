"""Stand-ins for receivers of notifications, on this machine. Each speaks the published contract of one.

- ``WebhookReceiver`` verifies with the library of Standard Webhooks.
- ``SlackStandIn`` checks token, form and limits as Slack's reference of the Web API and Block Kit publishes them.
- ``JsonReceiver`` keeps what apprise posts to services such as Teams or PagerDuty.
- ``MailReceiver`` is the part of SMTP (RFC 5321) that a client needs to hand a mail over.
"""

import json
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class Answer:
    """What a receiver answers next."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    wait_s: float = 0.0


class HttpReceiver:
    """Serves POST requests on 127.0.0.1, and keeps them."""

    def __init__(self, answer: Callable | None = None):
        self.requests: list[tuple[str, dict, bytes]] = []
        self.answer = answer or (lambda path, headers, body: Answer())
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((self.path, headers, body))
                answer = receiver.answer(self.path, headers, body)
                time.sleep(answer.wait_s)
                self.send_response(answer.status)
                for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def do_GET(self):
                self.do_POST()

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass  # the client has gone

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class WebhookReceiver(HttpReceiver):
    """Accepts what is signed with its secret."""

    def __init__(self, secret: str):
        self.secret = secret
        self.accepted: list[tuple[str, dict]] = []
        super().__init__(self.verify)

    def verify(self, path, headers, body):
        try:
            document = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return Answer(401)
        self.accepted.append((headers["webhook-id"], document))
        return Answer(204, b"")


class SlackStandIn(HttpReceiver):
    """Slack's Web API: chat.postMessage, chat.update, chat.postEphemeral and views.open."""

    TEXT_MAX, BLOCKS_MAX, METADATA_MAX, VALUE_MAX = 40_000, 50, 3_000, 2_000

    def __init__(self, token: str, channel: str = "C0123456789"):
        self.token, self.channel = token, channel
        self.calls: list[tuple[str, dict]] = []
        self.next_answer: Answer | None = None
        super().__init__(self.call)

    def of(self, method):
        return [arguments for name, arguments in self.calls if name == method]

    def call(self, path, headers, body):
        if self.next_answer is not None:
            answer, self.next_answer = self.next_answer, None
            return answer
        method = path.removeprefix("/api/")
        if headers.get("authorization") != f"Bearer {self.token}":
            return refused("invalid_auth")
        if not headers.get("content-type", "").startswith("application/json"):
            return refused("invalid_form_data")
        arguments = json.loads(body)
        error = self.error(method, arguments)
        if error:
            return refused(error)
        self.calls.append((method, arguments))
        ts = f"1700000000.{len(self.calls):06}"
        return Answer(body=json.dumps({"ok": True, "channel": self.channel, "ts": ts}).encode())

    def error(self, method, arguments):
        if method == "views.open":
            return "" if view_is_valid(arguments["view"]) and arguments["trigger_id"] else "invalid_arguments"
        if arguments.get("channel") != self.channel:
            return "channel_not_found"
        if method == "chat.postEphemeral":
            return "" if arguments["user"] and arguments["text"] else "invalid_arguments"
        if method not in ("chat.postMessage", "chat.update"):
            return "unknown_method"
        if not arguments["text"] or len(arguments["text"]) > self.TEXT_MAX:
            return "msg_too_long"
        return "" if blocks_are_valid(arguments["blocks"]) else "invalid_blocks"


def blocks_are_valid(blocks):
    """Hold the blocks against the limits that Slack's own library knows, and those of its reference."""
    assert 1 <= len(blocks) <= SlackStandIn.BLOCKS_MAX
    for each in blocks:
        parsed = Block.parse(each)
        assert parsed is not None, each
        parsed.validate_json()
        assert parsed.type == each["type"]
    for text in texts_of(blocks):
        assert 1 <= len(text["text"]) <= 3_000
    for element in [one for each in blocks if each["type"] == "actions" for one in each["elements"]]:
        assert len(element.get("value", "")) <= SlackStandIn.VALUE_MAX
        assert len(element["text"]["text"]) <= 75
    for each in blocks:
        if each["type"] == "section":
            assert len(each.get("fields", [])) <= 10
            assert all(len(one["text"]) <= 2_000 for one in each.get("fields", []))
        if each["type"] == "header":
            assert len(each["text"]["text"]) <= 150
    return True


def view_is_valid(view):
    parsed = View(**{name: value for name, value in view.items() if name != "type"}, type=view["type"])
    parsed.validate_json()
    assert len(view["private_metadata"]) <= SlackStandIn.METADATA_MAX
    assert all(len(view[name]["text"]) <= 24 for name in ("title", "submit", "close"))
    return blocks_are_valid(view["blocks"])


def texts_of(value):
    """Every text object in a document."""
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield value
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)


def refused(code):
    return Answer(body=json.dumps({"ok": False, "error": code}).encode())


class JsonReceiver(HttpReceiver):
    """A service that takes JSON, as apprise's json:// plug-in posts it."""

    @property
    def documents(self):
        return [json.loads(body) for _, _, body in self.requests]


class MailReceiver:
    """The part of an SMTP server that takes one mail after another."""

    def __init__(self):
        self.mails: list[bytes] = []
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                self.say("220 mail.test ESMTP")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self.say("354 go on")
                        lines = []
                        while (data := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(data)
                        receiver.mails.append(b"".join(lines))
                        self.say("250 taken")
                    elif verb == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
