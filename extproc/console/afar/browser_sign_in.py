"""Sign-in in a browser on this machine: authorization code, PKCE, and a redirect to loopback (RFC 8252)."""

import hmac
import secrets
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from extproc.console.afar.oauth_client import VERIFIER_BYTES, Tokens, oauth_client, tokens_from
from extproc.console.afar.published_endpoints import SignInPlace
from extproc.console.afar.safe_address import ASK_OPERATOR
from extproc.model.errors import ControlError

WAIT_S = 300.0
"""Seconds for the person to sign in."""
REQUEST_S = 5.0
"""Seconds for one request to the loopback address."""
PATH = "/callback"
LONGEST_QUERY = 8_192
DONE = b"You are signed in. Close this page, and go back to the terminal.\n"
NOT_THIS = b"This is no answer to the sign-in that the terminal waits for.\n"


class _Callback(BaseHTTPRequestHandler):
    """Takes the provider's answer. Repeats nothing of a request, and logs none: it holds the code."""

    server: "_Loopback"
    timeout = REQUEST_S
    server_version, sys_version = "extproc", ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        given = parse_qsl(parts.query, keep_blank_values=True) if len(parts.query) <= LONGEST_QUERY else []
        expected = parts.path == PATH and self.headers.get("host") == self.server.authority
        names = [name for name, _ in given]
        answer = dict(given) if len(set(names)) == len(names) else {}  # none may come twice: RFC 6749 section 3.1
        if not expected or not hmac.compare_digest(answer.get("state", "").encode(), self.server.state.encode()):
            self._say(HTTPStatus.BAD_REQUEST, NOT_THIS)
            return
        self.server.answer = answer
        self._say(HTTPStatus.OK, DONE)

    def _say(self, status: HTTPStatus, text: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(text))),
            ("Content-Security-Policy", "default-src 'none'"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Loopback(HTTPServer):
    """Listens on a free port of this machine until the answer has come."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Callback)
        self.state = state
        self.answer: dict[str, str] | None = None
        self.authority = f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Ignore a peer that breaks the protocol: the browser may still come."""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        accepted, address = super().get_request()
        accepted.settimeout(REQUEST_S)
        return accepted, address


def sign_in(place: SignInPlace, show: Callable[[str], None], *, within_s: float = WAIT_S) -> Tokens:
    """Send the person to the provider, wait for the answer, and redeem its code.

    Args:
        place: where to sign in.
        show: opens the address in a browser, or prints it.
        within_s: seconds for the person.

    Raises:
        ControlError: the provider has no browser sign-in, the person refused, or nobody came back in time.
    """
    if not place.authorization_endpoint:
        raise ControlError(
            "the identity provider has no sign-in in a browser", "Run the command without --browser."
        )
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(VERIFIER_BYTES)
    with _Loopback(state) as server:
        redirect_uri = f"http://{server.authority}{PATH}"
        client = oauth_client(place.client_id, place.scope, redirect_uri)
        url, _ = client.create_authorization_url(place.authorization_endpoint, state=state, code_verifier=verifier)
        show(str(url))
        answer = _answer(server, time.monotonic() + within_s)
    # RFC 9207 section 2.4: another provider's answer must not be redeemed here.
    issuer = answer.get("iss")
    if (issuer is None and place.names_issuer) or (issuer is not None and issuer != place.issuer):
        raise ControlError("the answer in the browser came from another identity provider", ASK_OPERATOR)
    if "error" in answer or not answer.get("code"):
        raise ControlError("the sign-in was refused in the browser", "", "sign-in-needed")
    return tokens_from(
        lambda: client.fetch_token(
            place.token_endpoint,
            grant_type="authorization_code",
            code=answer["code"],
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )
    )


def _answer(server: _Loopback, ends: float) -> dict[str, str]:
    while server.answer is None:
        left = ends - time.monotonic()
        if left <= 0:
            raise ControlError("nobody signed in within five minutes", "Run the command again.", "sign-in-needed")
        server.timeout = left
        server.handle_request()
    return server.answer
