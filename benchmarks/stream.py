"""Costs of one long response: memory of the guard and of Envoy, and speed, through the real Envoy.

``python -m benchmarks.stream --mb 1000`` streams server-sent events, JSON Lines and text. Every tenth of
them holds a card number. It samples the memory of both processes while they pass. The kind ``model`` streams the
events of a chat completion, one word each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.guard import POLICY_DATA
from benchmarks.stage import Stage, free_port, guarded_bootstrap, staged, usage, wait_for

PAUSE_S = 0.5
"""Pause after the first event: until the guard says that this is a stream, Envoy accepts only a whole body."""
SAMPLE_S = 0.2
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"
KINDS = {
    "events": b"text/event-stream",
    "lines": b"application/x-ndjson",
    "text": b"text/plain",
    "model": b"text/event-stream",
}
WORDS = "The customer wrote that the parcel of order 4711 came late, and asks for a refund of half the price.\n"
"""The text of a model, again and again. Between two of them it names a card."""


def pieces(kind: str) -> tuple[bytes, bytes]:
    """Return one small piece, and one of about 64 kB that is sent repeatedly."""
    made = []
    for number, word in enumerate(re.findall(r"\S+\s*", (WORDS * 2 + "card 4111 1111 1111 1111, ") * 6)):
        choice = {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": number, "model": "m"}
        made.append(b"data: " + json.dumps(head | {"choices": [choice]}).encode() + b"\n\n")
    if kind == "model":
        return made[0], b"".join(made)
    made = []
    for number in range(250):
        record = {"id": number, "note": "word " * 45, "card": "4111111111111111" if number % 10 == 0 else "none"}
        document = json.dumps(record).encode()
        if kind == "text":
            document = " ".join(map(str, record.values())).encode()
        made.append(b"data: " + document + b"\n\n" if kind == "events" else document + b"\n")
    return made[1], b"".join(made)


async def serve(port: int, kind: str, size: int) -> None:
    """Answer every request with ``size`` bytes."""
    first, piece = pieces(kind)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD % KINDS[kind] + b"%x\r\n%s\r\n" % (len(first), first))
        await asyncio.sleep(PAUSE_S)
        for _ in range(size // len(piece)):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    await (await asyncio.start_server(answer, "127.0.0.1", port)).serve_forever()


@dataclass
class Passed:
    """Costs of one response."""

    megabytes: float
    seconds: float
    guard_cpu_s: float
    guard_mb: tuple[float, float]
    """Resident memory before, and at most."""
    envoy_mb: tuple[float, float]


async def fetch(stage: Stage, port: int, worker: int, envoy: int) -> Passed:
    """Read one response to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    before, began = (usage(worker), usage(envoy)), time.monotonic()
    peak = [each.rss_bytes for each in before]
    sampled, got = began, 0
    writer.write(stage.request().encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.partition(b"\r\n")[0], head
    tail = b""
    while data := await reader.read(1 << 18):
        got += len(data)
        tail = (tail + data)[-16:]
        assert b"4111111111111111" not in data
        assert b'"1111' not in data
        if tail.endswith(b"\r\n0\r\n\r\n"):
            break
        if time.monotonic() - sampled > SAMPLE_S:
            sampled = time.monotonic()
            peak = [max(old, usage(pid).rss_bytes) for old, pid in zip(peak, (worker, envoy), strict=True)]
    took = time.monotonic() - began - PAUSE_S
    assert tail.endswith(b"\r\n0\r\n\r\n"), "cut off"
    writer.close()
    cpu = usage(worker).cpu_s - before[0].cpu_s
    memory = [(old.rss_bytes / 1e6, new / 1e6) for old, new in zip(before, peak, strict=True)]
    return Passed(got / 1e6, took, cpu, memory[0], memory[1])


def measure(stage: Stage, kind: str, size: int) -> Passed:
    """Measure one response of a kind, with new processes."""
    stage.upstream = free_port()
    stage.start(
        f"upstream-{kind}", sys.executable, "-m", "benchmarks.stream", "--serve", f"{stage.upstream},{kind},{size}"
    )
    wait_for(f"127.0.0.1:{stage.upstream}")
    path, settings = stage.settings(kind)
    endpoint = f"unix:{settings.state}/worker-0.sock"
    worker = stage.start(
        f"worker-{kind}", sys.executable, "-m", "extproc", "serve", "-c", str(path), "--listen", endpoint
    )
    wait_for(endpoint)
    envoy = stage.envoy(f"envoy-{kind}", guarded_bootstrap(settings, endpoint))
    port = int(settings.envoy.listen.rpartition(":")[2])
    wait_for(f"127.0.0.1:{port}")
    time.sleep(1)
    return uvloop.run(fetch(stage, port, worker, envoy))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1_000)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        port, kind, size = args.serve.split(",")
        uvloop.run(serve(int(port), kind, int(size)))
        return
    with tempfile.TemporaryDirectory(prefix="xb-") as folder, staged(Path(folder), POLICY_DATA) as stage:
        for kind in args.kind or KINDS:
            passed = measure(stage, kind, args.mb * 1_000_000)
            print(
                f"{kind:8}{passed.megabytes:8.0f} MB in {passed.seconds:6.1f} s,"
                f" guard CPU {passed.guard_cpu_s:6.1f} s,"
                f" guard memory {passed.guard_mb[0]:.0f} MB before, {passed.guard_mb[1]:.0f} MB at most,"
                f" Envoy {passed.envoy_mb[0]:.0f} and {passed.envoy_mb[1]:.0f} MB"
            )


if __name__ == "__main__":
    main()
