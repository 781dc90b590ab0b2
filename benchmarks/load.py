"""An open-loop load: calls leave on schedule whether or not earlier ones have come back.

Latency counts from the moment a call was due, so that a stalled guard cannot hide its stall
(coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field


@dataclass
class Result:
    """The results of one slice of load."""

    sent: int = 0
    ok: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def call(self, request: bytes) -> tuple[int, bytes]:
        """Send one request, read one response: of a known length, or in chunks."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        assert self.reader is not None
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        if b"chunked" in head.lower():
            return status, await self._chunks()
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, await self.reader.readexactly(length)

    async def _chunks(self) -> bytes:
        assert self.reader is not None
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    async def reset(self) -> None:
        """Drop a connection that broke."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def one(
    pool: list[Connection], address: tuple[str, int], request: bytes, due: float, result: Result
) -> None:
    """One call, timed from when it was due."""
    connection = pool.pop() if pool else Connection(*address)
    try:
        status, _ = await connection.call(request)
    except (OSError, asyncio.IncompleteReadError):
        status = 0
        await connection.reset()
    result.latencies_ms.append((time.perf_counter() - due) * 1000)
    result.statuses[str(status)] = result.statuses.get(str(status), 0) + 1
    result.ok += status == 200
    pool.append(connection)


async def open_loop(address: tuple[str, int], request: bytes, rate: float, seconds: float) -> Result:
    """Send at a fixed rate for a fixed time."""
    result, pool, tasks = Result(), [], set()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        task = asyncio.create_task(one(pool, address, request, due, result))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        result.sent += 1
    await asyncio.gather(*tasks)
    result.seconds = time.perf_counter() - began
    for connection in pool:
        await connection.reset()
    return result


async def closed_loop(address: tuple[str, int], request: bytes, connections: int, seconds: float) -> Result:
    """As fast as this many connections go, for a fixed time: the throughput."""
    result = Result()
    began = time.perf_counter()

    async def loop() -> None:
        pool = [Connection(*address)]
        while time.perf_counter() - began < seconds:
            result.sent += 1
            await one(pool, address, request, time.perf_counter(), result)
        await pool[0].reset()

    await asyncio.gather(*(loop() for _ in range(connections)))
    result.seconds = time.perf_counter() - began
    return result


def main() -> None:
    """Read one JSON job per line from standard input; answer each with one JSON result."""
    import uvloop

    for line in sys.stdin:
        job = json.loads(line)
        address, request = (job["host"], job["port"]), job["request"].encode("latin-1")
        if job["mode"] == "open":
            work = open_loop(address, request, job["rate"], job["seconds"])
        else:
            work = closed_loop(address, request, job["connections"], job["seconds"])
        print(json.dumps(asdict(uvloop.run(work))), flush=True)


if __name__ == "__main__":
    main()
