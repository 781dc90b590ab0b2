"""Envoy's access log service: what ended without the guard's last word is recorded all the same."""

from collections.abc import Callable
from typing import Any

import grpc
import structlog

from extproc.evidence.recorder import Recorder
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError, ProtocolViolation
from extproc.server.servicers import EOF
from extproc.wire.access_log import AccessLogEntry, decode_access_log


class AccessLogDoor:
    """``AccessLogService.StreamAccessLogs``: one stream per Envoy worker thread."""

    def __init__(self, recorder: Recorder, report: Callable[[AccessLogEntry], Entry | None]) -> None:
        self._recorder = recorder
        self._report = report
        self._log = structlog.get_logger()

    async def stream(self, _requests: Any, context: Any) -> None:
        """Record until Envoy closes its side."""
        while (message := await context.read()) is not EOF:
            try:
                for ended in decode_access_log(message):
                    await self._record(self._report(ended))
            except ProtocolViolation:
                self._log.warning("an unreadable access log message was refused")

    async def _record(self, entry: Entry | None) -> None:
        if entry is None:
            return
        try:
            await self._recorder.record(entry)
        except EvidenceError as error:
            self._log.error("evidence lost", request_id=entry.request_id, error=str(error))

    def handler(self) -> Any:
        """For ``server.add_generic_rpc_handlers``."""
        return grpc.method_handlers_generic_handler(
            "envoy.service.accesslog.v3.AccessLogService",
            {"StreamAccessLogs": grpc.stream_stream_rpc_method_handler(self.stream)},
        )
