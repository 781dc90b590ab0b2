"""A small OpenID provider with switches, on loopback. It speaks what the console needs, and can lie."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse

from tests.unit.console.served import RSA, _Server

CLIENT, SECRET = "console", "canary-client-secret"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _part(document: dict[str, Any]) -> str:
    return _text(json.dumps(document).encode())


@contextlib.contextmanager
def on_loopback(app) -> Iterator[int]:
    """Serve an application on a port of 127.0.0.1 until the block ends."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@dataclass
class FakeProvider:
    """What the provider says. Tests change it between requests."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    """Replace claims of ID tokens; None removes one."""
    header: dict[str, Any] = field(default_factory=dict)
    key: Any = RSA
    algorithm: str = "RS256"
    lasts_s: float = 300
    """Seconds of an ID token."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Replace members of the discovery document."""
    answer: dict[str, str] = field(default_factory=dict)
    """Replace parameters of the answer to the browser; "" removes one."""
    tokens: dict[str, Any] = field(default_factory=dict)
    """Replace members of token responses; None removes one."""
    refuse: str = ""
    """Answer token requests with this error."""
    status: int = 400
    """And with this status."""
    down: bool = False
    subject: str = "maya"
    groups: tuple[str, ...] = ("sre",)
    asked: list[dict[str, str]] = field(default_factory=list)
    """Token requests."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    rotates: bool = True

    def token(self, **more: Any) -> str:
        """A token that the provider signs."""
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": int(time.time()),
            "exp": time.time() + self.lasts_s,
            "groups": list(self.groups),
            "sid": "sid-1",
            "preferred_username": f"{self.subject}@example.com",
            **more,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        fields = {"kid": "rsa", **self.header}
        if self.algorithm == "none":
            return jwt.encode(claims, None, "none", headers=fields)
        if isinstance(self.key, bytes):  # PyJWT would not sign with a public key
            signed = f"{_part({'alg': self.algorithm, **fields})}.{_part(claims)}"
            return f"{signed}.{_text(hmac.digest(self.key, signed.encode(), 'sha256'))}"
        return jwt.encode(claims, self.key, self.algorithm, headers=fields)

    def logout_token(self, **more: Any) -> str:
        """A logout token for the session that sign-ins get."""
        events = {"http://schemas.openid.net/event/backchannel-logout": {}}
        quiet = {"groups": None, "preferred_username": None}
        return self.token(**{**quiet, "events": events, "jti": secrets.token_hex(8), **more})

    def application(self) -> FastAPI:
        """The provider's endpoints."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def discovery():
            if self.down:
                return JSONResponse({}, 503)
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "end_session_endpoint": f"{self.issuer}/logout",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }

        @app.get("/authorize")
        def authorize(request: Request):
            asked = dict(request.query_params)
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"], "iss": self.issuer, **self.answer}
            answer = {name: value for name, value in answer.items() if value}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

        @app.post("/token")
        async def token(request: Request):
            form = dict(await request.form())
            self.asked.append({**form, "authorization": request.headers.get("authorization", "")})
            return self._redeem(form)

        return app

    def _redeem(self, form: dict[str, str]) -> Any:
        if self.down:
            return JSONResponse({"error": "server_error"}, 503)
        if self.refuse:
            return JSONResponse({"error": self.refuse}, self.status)
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return JSONResponse({"error": "invalid_grant"}, 400)
            if self.rotates:
                self.refresh_tokens.remove(form["refresh_token"])
            return self._granted({})
        began = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if began is None or began["code_challenge"] != _text(digest) or began["code_challenge_method"] != "S256":
            return JSONResponse({"error": "invalid_grant"}, 400)
        return self._granted({"nonce": began["nonce"]})

    def _granted(self, more: dict[str, Any]) -> dict[str, Any]:
        refresh = secrets.token_urlsafe(12)
        self.refresh_tokens.add(refresh)
        answer = {
            "access_token": "canary-access-token",
            "token_type": "Bearer",
            "expires_in": self.lasts_s,
            "refresh_token": refresh,
            "id_token": self.token(**{**more, **self.claims}),
            **self.tokens,
        }
        return {name: value for name, value in answer.items() if value is not None}
