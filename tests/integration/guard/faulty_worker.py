"""A worker made of the guard's real parts that breaks where the caller's header says.

    x-test-fault: kill@response_body        SIGKILL to itself when that message arrives
    x-test-fault: busy@request_body         computes without an end
    x-test-fault: leave@request_headers     a clean end of the stream, which Envoy takes for consent
    x-test-fault: slow@response_headers     longer than limits.message_timeout
    x-test-fault: wrong@request_body        an answer to another phase
    x-test-fault: empty@request_body        a ProcessingResponse that says nothing
    x-test-fault: junk@request_body         bytes that are no ProcessingResponse
    x-test-fault: raise@request_body        an error that nobody foresaw
    x-test-fault: kill@response_body#3      at the third message of that kind

``python -m tests.integration.guard.faulty_worker config.yaml index unix:/path``
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import extproc.server.servicers
import extproc.server.watchdog
import extproc.server.worker
from extproc.config.configuration import load_configuration
from extproc.server.run_worker import run_worker
from extproc.server.servicers import GuardServicer, StreamPeer
from extproc.wire import events
from tests.compiled import keep_databases

PHASES = {
    events.RequestHeadersReceived: "request_headers",
    events.RequestBodyReceived: "request_body",
    events.RequestTrailersReceived: "request_trailers",
    events.ResponseHeadersReceived: "response_headers",
    events.ResponseBodyReceived: "response_body",
    events.ResponseTrailersReceived: "response_trailers",
}
SLOW_S = 30.0
BUSY_S = 5.0
"""Processor seconds after which the worker is ended."""
REQUEST_HEADERS, RESPONSE_TRAILERS = b"\x0a\x00", b"\x32\x00"
"""Answers to the first and the last phase (fields 1 and 6 of ProcessingResponse), for where neither is expected."""


class Left(BaseException):
    """The handler returns."""


class FaultyPeer(StreamPeer):
    """Carries messages until the moment that was asked for."""

    fault, phase, number = "", "", 0

    async def receive(self):
        event = await super().receive()
        if isinstance(event, events.RequestHeadersReceived):
            self.fault, _, where = event.head.headers.get("x-test-fault").partition("@")
            self.phase, _, number = where.partition("#")
            self.number = int(number or 1)
        if self.fault and PHASES.get(type(event)) == self.phase:
            self.number -= 1
            if self.number == 0:
                await self.break_now()
        return event

    async def break_now(self):
        match self.fault:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "busy":
                while True:
                    pass
            case "leave":
                raise Left
            case "slow":
                await asyncio.sleep(SLOW_S)
            case "wrong":
                await self.send(RESPONSE_TRAILERS if self.phase.startswith("request") else REQUEST_HEADERS)
            case "empty":
                await self.send(b"")
            case "junk":
                await self.send(b"\xff\xff\xff junk \x00")
            case _:
                raise RuntimeError("card 4111 1111 1111 1111")


class LeavingContext:
    """Does not end a call whose handler is to return."""

    def __init__(self, context):
        self.context = context

    def __getattr__(self, name):
        return getattr(self.context, name)

    async def abort(self, code, details):
        if not isinstance(sys.exception(), Left):
            await self.context.abort(code, details)


class FaultyServicer(GuardServicer):
    """Returns cleanly where the real servicer never would."""

    async def process(self, requests, context):
        with contextlib.suppress(Left):
            await super().process(requests, LeavingContext(context))


extproc.server.watchdog.LEAST_S, extproc.server.watchdog.S_PER_BYTE = BUSY_S, 0.0
extproc.server.servicers.StreamPeer = FaultyPeer
extproc.server.worker.GuardServicer = FaultyServicer

if __name__ == "__main__":
    keep_databases()
    file, index, listen = sys.argv[1:]
    asyncio.run(run_worker(load_configuration(Path(file)), listen=listen, index=int(index)))
