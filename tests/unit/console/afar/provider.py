"""An identity provider and a console in one small server, which say whatever a test wants."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Reply:
    """An answer. ``slow_s``: seconds between its bytes."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    slow_s: float = 0.0

    @property
    def body(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.document).encode()


@dataclass
class Asked:
    method: str
    path: str
    form: dict[str, str]
    headers: dict[str, str]
    body: str


class FakeProvider:
    """Answers by path. A path's answer is a reply, or a function of the request."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, Reply | Callable[[Asked], Reply]] = {}
        self.asked: list[Asked] = []

    def works(self, **changes: Any) -> None:
        """Answer as a good provider does whose person has signed in."""
        self.answers |= {
            "/.well-known/extproc": Reply(
                {"issuer": self.url, "client_id": "cli", "scopes": ["email"], "server": self.url}
            ),
            "/.well-known/openid-configuration": Reply(self.discovery(**changes)),
            "/device": Reply(self.device()),
            "/token": Reply(tokens("first")),
            "/revoke": Reply(raw=b""),
            "/api/approvals": Reply({"approvals": []}),
        }

    def discovery(self, **changes: Any) -> dict[str, Any]:
        found = {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
            "authorization_endpoint": f"{self.url}/authorize",
            "revocation_endpoint": f"{self.url}/revoke",
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in {**found, **changes}.items() if value is not None}

    def device(self, **changes: Any) -> dict[str, Any]:
        return {
            "device_code": "device-code-canary",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/go",
            "verification_uri_complete": f"{self.url}/go?user_code=WDJB-MJHT",
            "expires_in": 600,
            "interval": 1,
            **changes,
        }

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]


def tokens(name: str, **changes: Any) -> dict[str, Any]:
    """A token response. Its tokens are canaries: no output may have them."""
    return {
        "access_token": f"access-canary-{name}",
        "refresh_token": f"refresh-canary-{name}",
        "token_type": "Bearer",
        "expires_in": 300,
        **changes,
    }


@contextlib.contextmanager
def provider() -> Iterator[FakeProvider]:
    """Serve on loopback until the block ends."""
    fake = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self.answer("GET", "")

        def do_POST(self) -> None:
            self.answer("POST", self.rfile.read(int(self.headers.get("content-length", 0))).decode())

        def answer(self, method: str, body: str) -> None:
            path = urlsplit(self.path).path
            names = [name for name, _ in parse_qsl(body)]
            assert len(names) == len(set(names)), "no parameter may come twice: RFC 6749 section 3.2"
            asked = Asked(
                method, path, dict(parse_qsl(body)), {k.lower(): v for k, v in self.headers.items()}, body
            )
            fake.asked.append(asked)
            found = fake.answers.get(path, Reply({"error": "none"}, 404))
            reply = found(asked) if callable(found) else found
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not reply.slow_s:
                    self.wfile.write(reply.body)
                    return
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.slow_s)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
