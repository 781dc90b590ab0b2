"""A guard that answers every message and does nothing else: what any ext_proc guard in Python costs.

Same library, same loop, same four messages, same markers as the real one; no parsing beyond the phase.
"""

from __future__ import annotations

import sys

import grpc
import uvloop
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from extproc.config.schema import LimitSettings
from extproc.server.worker import server_options

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


def answer(phase: str, end: bool) -> bytes:
    """The emptiest answer that Envoy's second lines of defence accept."""
    response = pb.ProcessingResponse()
    getattr(response, phase).SetInParent()
    side = "req" if phase.startswith("request") else "resp"
    if end:
        response.dynamic_metadata.fields["guard"].struct_value.fields[side].string_value = "done"
    return response.SerializeToString()


ANSWERS = {
    (phase, end): answer(phase, end)
    for phase in ("request_headers", "request_body", "response_headers", "response_body")
    for end in (False, True)
}


async def process(_requests: object, context: grpc.aio.ServicerContext) -> None:
    """Answer until the response is through."""
    while (message := await context.read()) is not grpc.aio.EOF:
        request = pb.ProcessingRequest.FromString(message)
        phase = request.WhichOneof("request")
        end = getattr(request, phase).end_of_stream
        await context.write(ANSWERS[phase, end])
        if end and phase.startswith("response"):
            return


async def serve(listen: str) -> None:
    """Serve until ended."""
    server = grpc.aio.server(options=server_options(LimitSettings()))
    handler = grpc.stream_stream_rpc_method_handler(process)
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
    uvloop.run(serve(sys.argv[1]))
