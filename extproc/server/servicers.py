"""The ext_proc and ext_authz gRPC services. They carry bytes and decide nothing; any error aborts the RPC.

A handler that *returned* before the exchange is over would tell Envoy to continue without the guard.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import NoReturn

import grpc

from extproc.flow.check import check
from extproc.flow.exchange import exchange
from extproc.flow.services import Services
from extproc.model.errors import ProtocolViolation, ResponseBrokenOff
from extproc.server.grpc_context import EOF, CallContext, StreamContext
from extproc.wire import encode
from extproc.wire.decode import decode
from extproc.wire.events import Event
from extproc.wire.ext_authz import decode_check


class StreamPeer:
    """Envoy at the other end of one gRPC stream."""

    def __init__(self, context: StreamContext, alive: Callable[[], None]) -> None:
        self._context = context
        self._alive = alive
        self.ended = False
        """Envoy closed its side: the caller left, or the backend broke off."""

    async def receive(self) -> Event | None:
        """The next event; None when Envoy closed its side."""
        message = await self._context.read()
        self._alive()
        self.ended = message is EOF
        return None if self.ended else decode(message, self._context.invocation_metadata)

    async def send(self, message: bytes) -> None:
        """Send one encoded message."""
        await self._context.write(message)

    async def keep_waiting(self, seconds: float) -> None:
        """Have Envoy wait this long for the answer (``override_message_timeout``)."""
        await self.send(encode.hold(seconds))


class GuardServicer:
    """``ExternalProcessor.Process`` and ``Authorization.Check``."""

    def __init__(self, services: Services, alive: Callable[[], None] = lambda: None) -> None:
        """Serve calls with these services.

        Args:
            services: everything that calls share.
            alive: called at each message that this process receives, so that a watchdog knows it is not stuck.
        """
        self._services = services
        self._alive = alive
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def ended(self, within_s: float) -> None:
        """Wait until every call has been recorded: a stopped server cancels its calls, and does not wait for them.

        Args:
            within_s: seconds after which calls that are still running are given up.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        """Count one call from its first message until it has been recorded."""
        self._running += 1
        self._idle.clear()
        self._services.observer.call_began()
        try:
            yield
        finally:
            self._services.observer.call_over()
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def process(self, _requests: object, context: StreamContext) -> None:
        """Guard one call over ext_proc: one stream for each HTTP request."""
        with self._call():
            peer = StreamPeer(context, self._alive)
            try:
                await exchange(peer, self._services)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - a clean end would let the call through
                await self._abort(context, error, foreseen=peer.ended or isinstance(error, ResponseBrokenOff))

    async def check(self, request: bytes, context: CallContext) -> bytes:
        """Decide one call over ext_authz, without its response."""
        with self._call():
            self._alive()
            try:
                return await check(decode_check(request), self._services)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - an empty response would allow the call
                await self._abort(context, error)

    async def _abort(self, context: CallContext, error: BaseException, *, foreseen: bool = False) -> NoReturn:
        """End the call with a gRPC error. An error that callers or backends can cause raises no alarm."""
        if not foreseen:
            self._services.observer.guard_broke(error)
        code = (
            grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, ProtocolViolation) else grpc.StatusCode.INTERNAL
        )
        await context.abort(code, "the guard refused this exchange")
        raise error  # ``abort`` raises; if it ever returned, a clean end would let the call through

    def handlers(self) -> tuple["grpc.GenericRpcHandler[bytes, bytes]", ...]:
        """For ``server.add_generic_rpc_handlers``; messages pass as bytes, parsed by ``extproc.wire``."""
        return (
            grpc.method_handlers_generic_handler(
                "envoy.service.ext_proc.v3.ExternalProcessor",
                {"Process": grpc.stream_stream_rpc_method_handler(self.process)},
            ),
            grpc.method_handlers_generic_handler(
                "envoy.service.auth.v3.Authorization",
                {"Check": grpc.unary_unary_rpc_method_handler(self.check)},
            ),
        )
