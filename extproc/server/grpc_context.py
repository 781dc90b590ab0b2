"""The part of gRPC's servicer context that the services use. gRPC's own classes carry no types."""

from collections.abc import Iterable
from typing import Any, Protocol

import grpc

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # grpc-stubs does not know it
"""The value that ``read`` returns when Envoy has closed its side."""


class CallContext(Protocol):
    """One RPC, as ``grpc.aio.ServicerContext`` shows it."""

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        """End the RPC with an error status. Raises, so that the handler ends too."""
        ...


class StreamContext(CallContext, Protocol):
    """One streaming RPC whose messages pass as bytes."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]]:
        """The metadata with which the other side opened the stream."""
        ...

    async def read(self) -> bytes:
        """The next message, or ``EOF``."""
        ...

    async def write(self, message: bytes) -> None:
        """Send one message."""
        ...
