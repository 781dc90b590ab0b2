"""The two gRPC doors. They carry bytes and decide nothing; whatever goes wrong aborts the stream.

A handler that merely *returned* before the exchange is over would tell Envoy to go on without us.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from extproc.flow.check import check
from extproc.flow.exchange import exchange
from extproc.flow.services import Services
from extproc.model.errors import MaskingError, ProtocolViolation
from extproc.wire.decode import decode
from extproc.wire.events import Event
from extproc.wire.ext_authz import decode_check

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # grpc-stubs does not know it
"""What ``read`` returns when Envoy has closed its side."""


class StreamPeer:
    """Envoy at the other end of one gRPC stream."""

    def __init__(self, context: Any, alive: Callable[[], None]) -> None:
        self._context = context
        self._alive = alive
        self.ended = False
        """Envoy closed its side: the caller left, or the backend broke off."""

    async def receive(self) -> Event | None:
        """The next event; None when Envoy closed its side."""
        message = await self._context.read()
        self._alive()
        self.ended = message is EOF
        return None if self.ended else decode(message)

    async def send(self, message: bytes) -> None:
        """Send one encoded message."""
        await self._context.write(message)


class GuardServicer:
    """``ExternalProcessor.Process`` and ``Authorization.Check``."""

    def __init__(self, guard: Services, alive: Callable[[], None] = lambda: None) -> None:
        """Open both.

        Args:
            guard: the guard's parts.
            alive: is told of each message that this process comes to.
        """
        self._guard = guard
        self._alive = alive
        self._under_way: set[asyncio.Task[Any]] = set()

    async def ended(self, within_s: float) -> None:
        """Wait until every call has been recorded: a stopped server cancels its calls, and does not wait for them.

        Args:
            within_s: seconds after which those that are left are given up.
        """
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within_s)

    def _began(self) -> None:
        """A call began in this task."""
        self._guard.observer.call_began()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - gRPC runs each call in a task of its own
        self._under_way.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._guard.observer.call_over()

    async def process(self, _requests: Any, context: Any) -> None:
        """The full guard: one stream per call."""
        self._began()
        peer = StreamPeer(context, self._alive)
        try:
            await exchange(peer, self._guard)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a clean end would let the call through
            await self._abort(context, error, foreseen=peer.ended or isinstance(error, MaskingError))

    async def check(self, request: bytes, context: Any) -> bytes:
        """The decide-only door."""
        self._began()
        self._alive()
        try:
            return await check(decode_check(request), self._guard)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # an empty answer would allow
            await self._abort(context, error)
            raise

    async def _abort(self, context: Any, error: BaseException, *, foreseen: bool = False) -> None:
        """End the call with a gRPC error. What callers and backends can bring about is no alarm."""
        if not foreseen:
            self._guard.observer.guard_broke(error)
        code = (
            grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, ProtocolViolation) else grpc.StatusCode.INTERNAL
        )
        await context.abort(code, "the guard refused this exchange")

    def handlers(self) -> tuple[Any, ...]:
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
