"""The access log gRPC service: records requests that Envoy ended and the guard did not record itself."""

from collections.abc import Callable

import grpc
import structlog

from extproc.evidence.recorder import Recorder
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError, ProtocolViolation
from extproc.server.grpc_context import EOF, StreamContext
from extproc.wire.access_log import AccessLogEntry, decode_access_log


class AccessLogServicer:
    """``AccessLogService.StreamAccessLogs``: one stream for each Envoy worker thread."""

    def __init__(self, recorder: Recorder, make_entry: Callable[[AccessLogEntry], Entry | None]) -> None:
        """Record what Envoy logs.

        Args:
            recorder: stores entries.
            make_entry: makes the entry of a logged request; None where the guard has recorded it itself.
        """
        self._recorder = recorder
        self._make_entry = make_entry
        self._log = structlog.get_logger()

    async def stream(self, _requests: object, context: StreamContext) -> None:
        """Record until Envoy closes its side."""
        while (message := await context.read()) is not EOF:
            try:
                for logged in decode_access_log(message):
                    await self._record(self._make_entry(logged))
            except ProtocolViolation:
                self._log.warning("an unreadable access log message was refused")

    async def _record(self, entry: Entry | None) -> None:
        if entry is None:
            return
        try:
            await self._recorder.record(entry)
        except EvidenceError as error:
            self._log.error("evidence lost", request_id=entry.request_id, error=str(error))

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """For ``server.add_generic_rpc_handlers``."""
        return grpc.method_handlers_generic_handler(
            "envoy.service.accesslog.v3.AccessLogService",
            {"StreamAccessLogs": grpc.stream_stream_rpc_method_handler(self.stream)},
        )
