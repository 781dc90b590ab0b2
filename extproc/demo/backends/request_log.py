"""The requests that a backend has received, in memory, so that the story can look behind the guard."""

import base64
import re
from collections import deque
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUESTS = 500
"""The number of requests that are remembered."""
JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
"""A JSON Web Token in compact form, as the caller's token is. The backends' credentials have another form."""


@dataclass
class Arrived:
    """One request, as the backend received it."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytearray = field(default_factory=bytearray)

    @property
    def carries_a_token(self) -> bool:
        """True if a header or the body contains a caller's token."""
        return any(JWT.search(value) for _, value in self.headers) or bool(JWT.search(self.body))

    def as_json(self) -> dict[str, object]:
        """Return headers as pairs and the body as base64, so that bytes can be compared."""
        return {
            "method": self.method,
            "path": self.path,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers],
            "body": base64.b64encode(self.body).decode(),
            "carries_a_token": self.carries_a_token,
        }


class RequestLog:
    """ASGI middleware that remembers every request, except those to paths with ``/_`` in front."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.arrived: deque[Arrived] = deque(maxlen=MAX_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remember the request, and pass it on."""
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        path = scope["path"] + (f"?{query}" if query else "")
        arrived = Arrived(scope["method"], path, list(scope["headers"]))
        self.arrived.append(arrived)

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                arrived.body += message.get("body", b"")
            return message

        await self._app({**scope, "seen": self}, watched, send)


def needs_credential(app: ASGIApp, credential: str) -> ASGIApp:
    """Refuse requests without the backend's own credential, except those to paths with ``/_`` in front."""
    expected = f"Bearer {credential}".encode()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_"):
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if given != [expected]:
                await JSONResponse({"error": "wrong credential"}, status_code=401)(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded


def own_routes() -> list[Route]:
    """Serve ``/_health``. Like ``/_seen``, it is not a registered function: the guard refuses it."""

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return [Route("/_health", health)]


def with_memory(app: ASGIApp, credential: str) -> ASGIApp:
    """Put a credential check in front of a backend, and remember requests in front of the check."""
    seen = RequestLog(needs_credential(app, credential))

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/_seen":
            await JSONResponse([arrived.as_json() for arrived in seen.arrived])(scope, receive, send)
            return
        await seen(scope, receive, send)

    return outer
