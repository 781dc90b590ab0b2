"""The ext_proc and ext_authz gRPC services. They carry bytes and decide nothing; any error aborts the RPC.

A handler that *returned* before the exchange is over would tell Envoy to continue without the guard.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NoReturn, Protocol

import grpc

from extproc.flow.check import check
from extproc.flow.exchange import exchange
from extproc.flow.services import Services
from extproc.model.call import RequestHead
from extproc.model.errors import ProtocolViolation, ResponseBrokenOff
from extproc.server.grpc_context import EOF, CallContext, StreamContext
from extproc.wire import encode
from extproc.wire.decode import decode
from extproc.wire.events import Event, RequestHeadersReceived
from extproc.wire.ext_authz import decode_check
from extproc.wire.local_replies import BROKEN_OFF


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


class OpenedPeer:
    """A peer whose first event has been received already."""

    def __init__(self, peer: StreamPeer, opened: Event | None) -> None:
        self._peer = peer
        self._opened: list[Event | None] = [opened]
        self.send, self.keep_waiting = peer.send, peer.keep_waiting

    async def receive(self) -> Event | None:
        """The next event; None when Envoy closed its side."""
        return self._opened.pop() if self._opened else await self._peer.receive()


class ServicesOfCalls(Protocol):
    """Chooses the services of each call."""

    @property
    def services(self) -> Services:
        """The services of the configuration in force."""
        ...

    def call(self, head: RequestHead | None = None) -> AbstractContextManager[Services]:
        """Yield the services of one call, from its first message to its last."""
        ...


class GuardServicer:
    """``ExternalProcessor.Process`` and ``Authorization.Check``."""

    def __init__(self, configurations: ServicesOfCalls, alive: Callable[[], None] = lambda: None) -> None:
        """Serve calls.

        Args:
            configurations: chooses the services of each call.
            alive: called at each message that this process receives, so that a watchdog knows it is not stuck.
        """
        self._configurations = configurations
        self._observer = configurations.services.observer
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

    @property
    def running(self) -> int:
        """Number of calls that run now, held ones included."""
        return self._running

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        """Count one call from its first message until it has been recorded."""
        self._running += 1
        self._idle.clear()
        self._observer.call_began()
        try:
            yield
        finally:
            self._observer.call_over()
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def process(self, _requests: object, context: StreamContext) -> None:
        """Guard one call over ext_proc: one stream for each HTTP request."""
        with self._call():
            peer = StreamPeer(context, self._alive)
            try:
                opened = await peer.receive()
                head = opened.head if isinstance(opened, RequestHeadersReceived) else None
                with self._configurations.call(head) as services:
                    await exchange(OpenedPeer(peer, opened), services)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - a clean end would let the call through
                await self._abort(context, error, foreseen=peer.ended or isinstance(error, ResponseBrokenOff))

    async def check(self, request: bytes, context: CallContext) -> bytes:
        """Decide one call over ext_authz, without its response."""
        with self._call():
            self._alive()
            try:
                with self._configurations.call() as services:
                    return await check(decode_check(request), services)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - an empty response would allow the call
                await self._abort(context, error)

    async def _abort(self, context: CallContext, error: BaseException, *, foreseen: bool = False) -> NoReturn:
        """End the call with a gRPC error. An error that callers or backends can cause raises no alarm."""
        if not foreseen:
            self._observer.guard_broke(error)
        code = (
            grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, ProtocolViolation) else grpc.StatusCode.INTERNAL
        )
        broke_off = isinstance(error, ResponseBrokenOff)
        await context.abort(code, BROKEN_OFF if broke_off else "the guard refused this exchange")
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
