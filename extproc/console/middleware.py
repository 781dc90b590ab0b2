"""Middleware of the whole API: limits bodies in size and time, forbids caching, and hides the text of failures."""

import asyncio

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from extproc.console.problem_documents import problem

MAX_BODY = 128 * 1_024
"""Bytes of a request's body."""
BODY_S = 10.0
"""Seconds to wait for a request's body."""


class _TooLarge(Exception):
    pass


class Bounds:
    """ASGI middleware. Reads the whole body, within limits, before the application sees the request."""

    def __init__(self, app: ASGIApp, *, max_body: int = MAX_BODY, body_s: float = BODY_S) -> None:
        self._app = app
        self._max_body = max_body
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            async with asyncio.timeout(self._body_s):
                body = await self._body(receive)
        except TimeoutError:
            await problem(408, "The request took too long to arrive", "request-timeout")(scope, receive, answer)
            return
        except _TooLarge:
            await problem(413, "The request is too large", "too-large")(scope, receive, answer)
            return
        try:
            await self._app(scope, _replay(body, receive), answer)
        except Exception as error:  # noqa: BLE001 - its text may contain a value, so the server must not log it
            structlog.get_logger().error("the API failed", error=type(error).__name__, method=scope["method"])
            if not started:
                await problem(500, "The request could not be served", "guard-error")(scope, receive, answer)

    async def _body(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._max_body:
                raise _TooLarge
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return the body once, then the messages of the server (such as: the client has disconnected)."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
