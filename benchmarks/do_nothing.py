"""A guard that answers every message and does nothing else: what any ext_proc guard in Python costs.

Same library, same loop, and the same four messages as the real one's, edits and replaced body included, made once;
no parsing beyond the phase.

Given a folder, it does the two things that are not this project's to make cheaper: one evaluation of the starter
policies over a ready-made input, and two ready-made entries, of which one is waited for. What a guard costs that
identifies, searches, masks and records what really came lies above that.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import grpc
import uvloop
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from benchmarks.upstream import answer
from extproc.assembly.sample_inputs import sample_inputs
from extproc.evidence.spool.spool import Spool
from extproc.flow.request.rewrite import CALL_ID, NEVER_FORWARDED
from extproc.flow.response.respond import STALE_AFTER_REWRITE
from extproc.model.entries import Entry, EntryKind
from extproc.model.permit import Forwarding, HeaderEdits, Permit
from extproc.model.reasons import Reason
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.server.worker import server_options
from extproc.settings.limits import LimitSettings
from extproc.wire import encode

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


CALL = "01234567-0000-7000-8000-000000000000"
EDITS = HeaderEdits(((CALL_ID, CALL.encode()),), NEVER_FORWARDED)


def forward(*, has_body: bool) -> bytes:
    """Forward whatever came."""
    return encode.forward(Permit(CALL, Forwarding(EDITS, has_body, None), Reason.POLICY_ALLOWED, 1), now_ns=0)


BODY = encode.release_body(HeaderEdits(EDITS.set, STALE_AFTER_REWRITE), answer(1024).partition(b"\r\n\r\n")[2])
ANSWERS = {
    ("request_headers", True): forward(has_body=False),
    ("request_headers", False): encode.AWAIT_REQUEST_BODY,
    ("request_body", True): forward(has_body=True),
    ("response_headers", True): encode.release_headers(EDITS),
    ("response_headers", False): encode.AWAIT_RESPONSE_BODY,
    ("response_body", True): BODY,
}


class DoNothing:
    """Answers until the response is through."""

    async def begin(self) -> None:
        """Before the request is let go."""

    def end(self) -> None:
        """Before the response is let go."""

    async def process(self, _requests: object, context: grpc.aio.ServicerContext) -> None:
        """One call."""
        while (message := await context.read()) is not grpc.aio.EOF:
            request = pb.ProcessingRequest.FromString(message)
            phase = request.WhichOneof("request")
            end = getattr(request, phase).end_of_stream
            if end:
                await self.begin() if phase.startswith("request") else self.end()
            await context.write(ANSWERS[phase, end])
            if end and phase.startswith("response"):
                return


class Least(DoNothing):
    """Decides and records, always the same."""

    def __init__(self, folder: Path) -> None:
        data = {"guard": {"roles": {"sample": {"functions": ["sample.*"]}}}}
        self._engine = EmbeddedEngine.from_sources(
            replace(read_sources([], [], "data.extproc.decision"), data=data)
        )
        self._input = next(each for each in sample_inputs().requests if self._allowed(each))
        self._spool = Spool(folder, "least")
        self._decided = Entry(EntryKind.DECIDED, CALL, time.time_ns(), arguments="n" * 900)
        self._completed = Entry(EntryKind.COMPLETED, CALL, time.time_ns(), response="n" * 1_000)

    def _allowed(self, document: bytes) -> bool:
        answer = self._engine.evaluate_now(document)
        return isinstance(answer, dict) and answer["action"] == "allow"

    async def begin(self) -> None:
        await self._engine.evaluate(self._input)
        await self._spool.record(self._decided)

    def end(self) -> None:
        self._spool.record_end(self._completed, lambda: None)


async def serve(guard: DoNothing, listen: str) -> None:
    """Serve until ended."""
    server = grpc.aio.server(options=server_options(LimitSettings()))
    handler = grpc.stream_stream_rpc_method_handler(guard.process)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
    health(server)
    server.add_insecure_port(listen)
    await server.start()
    await server.wait_for_termination()


def health(server: grpc.aio.Server) -> None:
    """Envoy's health check asks this guard too."""
    from grpc_health.v1 import health_pb2_grpc
    from grpc_health.v1._async import HealthServicer

    health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(), server)


if __name__ == "__main__":
    uvloop.run(serve(Least(Path(sys.argv[2])) if sys.argv[2:] else DoNothing(), sys.argv[1]))
