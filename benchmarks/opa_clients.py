"""CPU of one question to OPA, by client (``python -m benchmarks.opa_clients``).

Each client asks a real OPA the same question with the same bytes: over its unix socket, or over TCP where the
client knows no sockets. The clients take turns, and the best of the rounds counts: read the ratios. A client that
is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.guard import RESULTS
from benchmarks.policy import document
from benchmarks.stage import free_port, wait_for
from extproc.policy.opa.opa_client import OpaClient
from extproc.policy.opa.opa_engine import ASK, OpaEngine
from extproc.policy.opa.opa_server import OpaServer

POLICY = 'package t\n\ndecision := {"action": "allow", "rule": "r"} if input.call\n'
TARGET = f"/v1/data/t/decision?{ASK}"
DOCUMENT = document(1)
QUESTION = b'{"input":' + DOCUMENT + b"}"
HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
AT_ONCE = (1, 16)
Ask = Callable[[], Awaitable[object]]
Client = Callable[[str, int], AbstractAsyncContextManager[Ask]]
"""Takes a unix socket's path and a TCP port."""


@asynccontextmanager
async def engine(socket: str, _: int) -> AsyncIterator[Ask]:
    """Ask as a call does: with the breaker, shares, the time limit and the revision."""
    opened = OpaEngine(OpaServer(f"unix:{socket}"), "data.t.decision")
    yield lambda: opened.evaluate(DOCUMENT, "caller")
    await opened.close()


@asynccontextmanager
async def ours(socket: str, _: int) -> AsyncIterator[Ask]:
    """The guard's client alone: httptools on asyncio's transports."""
    client = OpaClient(OpaServer(f"unix:{socket}"))

    async def ask() -> object:
        async with asyncio.timeout(5):
            return orjson.loads((await client.ask("POST", TARGET, QUESTION)).body)

    yield ask
    client.close()


@asynccontextmanager
async def streams(socket: str, _: int) -> AsyncIterator[Ask]:
    """Twenty lines on asyncio's streams: no chunks, no check of a second answer, no errors."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    head = f"POST {TARGET} HTTP/1.1\r\nhost: opa\r\ncontent-length: {len(QUESTION)}\r\n\r\n".encode()

    async def ask() -> object:
        async with asyncio.timeout(5):
            reader, writer = idle.pop() if idle else await asyncio.open_unix_connection(socket)
            writer.write(head + QUESTION)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(answer.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        idle.append((reader, writer))
        return orjson.loads(body)

    yield ask
    for _, writer in idle:
        writer.close()


@asynccontextmanager
async def with_h11(socket: str, _: int) -> AsyncIterator[Ask]:
    """h11 on asyncio's streams."""
    import h11

    idle: list[tuple[h11.Connection, asyncio.StreamReader, asyncio.StreamWriter]] = []
    fields = [("host", "opa"), ("content-length", str(len(QUESTION))), *HEADERS.items()]

    async def ask() -> object:
        async with asyncio.timeout(5):
            state, reader, writer = idle.pop() if idle else (h11.Connection(h11.CLIENT), *await connect())
            said = state.send(h11.Request(method="POST", target=TARGET, headers=fields))
            writer.write(said + state.send(h11.Data(QUESTION)) + state.send(h11.EndOfMessage()))
            body = b""
            while not isinstance(event := state.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    state.receive_data(await reader.read(1 << 16))
                elif isinstance(event, h11.Data):
                    body += event.data
            state.start_next_cycle()
        idle.append((state, reader, writer))
        return orjson.loads(body)

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(socket)

    yield ask
    for _, _, writer in idle:
        writer.close()


@asynccontextmanager
async def with_aiohttp(socket: str, _: int) -> AsyncIterator[Ask]:
    """aiohttp with its C parser, without cookies, redirects and decoding."""
    import aiohttp
    from yarl import URL

    where = URL(f"http://opa{TARGET}", encoded=True)
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(socket, limit=64),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(None),
        auto_decompress=False,
    ) as session:

        async def ask() -> object:
            async with (
                asyncio.timeout(5),
                session.post(where, data=QUESTION, headers=HEADERS, allow_redirects=False) as answer,
            ):
                return orjson.loads(await answer.content.read())

        yield ask


@asynccontextmanager
async def with_httpx(socket: str, _: int) -> AsyncIterator[Ask]:
    """httpx, as the guard asked until ADR 19."""
    import httpx

    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    transport = httpx.AsyncHTTPTransport(uds=socket, limits=limits, retries=0, trust_env=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://opa", timeout=None, trust_env=False
    ) as client:

        async def ask() -> object:
            async with (
                asyncio.timeout(5),
                client.stream("POST", TARGET, content=QUESTION, headers=HEADERS) as answer,
            ):
                return orjson.loads(await answer.aread())

        yield ask


@asynccontextmanager
async def with_niquests(_: str, port: int) -> AsyncIterator[Ask]:
    """niquests, on urllib3-future, over TCP."""
    import niquests

    async with niquests.AsyncSession(disable_http2=True, disable_http3=True) as session:
        session.trust_env = False

        async def ask() -> object:
            where = f"http://127.0.0.1:{port}{TARGET}"
            answer = await session.post(where, data=QUESTION, headers=HEADERS, allow_redirects=False, timeout=5)
            return orjson.loads(answer.content or b"")

        yield ask


@asynccontextmanager
async def with_opa_python_client(_: str, port: int) -> AsyncIterator[Ask]:
    """opa-python-client, over TCP: it takes the input as a dictionary, and encodes it again."""
    from opa_client.opa_async import AsyncOpaClient

    given, options = json.loads(DOCUMENT), dict(each.split("=") for each in ASK.split("&"))
    async with AsyncOpaClient(host="127.0.0.1", port=port, retries=0, timeout=5) as client:
        yield lambda: client.query_rule(given, "t", "decision", options)


CLIENTS: dict[str, Client] = {
    "streams, 20 lines": streams,
    "guard's client (httptools)": ours,
    "OpaEngine": engine,
    "h11": with_h11,
    "aiohttp": with_aiohttp,
    "opa-python-client": with_opa_python_client,
    "httpx": with_httpx,
    "niquests": with_niquests,
}


@contextmanager
def opa_server(binary: str, folder: Path) -> Iterator[tuple[str, int]]:
    """A running OPA, on a unix socket and on TCP."""
    (folder / "t.rego").write_text(POLICY)
    socket, port = folder / "s", free_port()
    addresses = ("--addr", f"unix://{socket}", "--addr", f"127.0.0.1:{port}")
    process = subprocess.Popen(
        [binary, "run", "--server", *addresses, "--log-level", "error", str(folder / "t.rego")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"unix:{socket}")
        wait_for(f"127.0.0.1:{port}")
        yield str(socket), port
    finally:
        process.terminate()
        process.wait()


async def measure(ask: Ask, at_once: int, questions: int) -> float:
    """CPU of this process for each question, in microseconds."""

    async def many() -> None:
        for _ in range(questions // at_once):
            await ask()

    await asyncio.gather(*(ask() for _ in range(at_once)))
    before = time.process_time()
    await asyncio.gather(*(many() for _ in range(at_once)))
    return (time.process_time() - before) / (questions // at_once * at_once) * 1e6


async def compare(socket: str, port: int, questions: int, rounds: int) -> dict[str, dict[str, float]]:
    """All clients in turn, so that a machine that slows down slows all of them."""
    found: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, client in CLIENTS.items():
            with suppress(ImportError):
                async with client(socket, port) as ask:
                    for at_once in AT_ONCE:
                        row, key = found.setdefault(name, {}), f"{at_once} at once"
                        spent = await measure(ask, at_once, questions)
                        row[key] = min(spent, row.get(key, spent))
    return found


def main() -> None:
    """Print a table, and keep the figures in ``benchmarks/results``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--opa", default=os.environ.get("EXTPROC_OPA") or shutil.which("opa") or ".tools/bin/opa")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="xc-") as folder,
        opa_server(given.opa, Path(folder)) as (socket, port),
    ):
        found = uvloop.run(compare(socket, port, given.questions, given.rounds))
    base = found["guard's client (httptools)"]
    table = Table("client", *(f"{key}, µs" for key in base), "ratio", title="CPU of one question of 1 KB")
    for name, row in found.items():
        ratio = row["1 at once"] / base["1 at once"]
        table.add_row(name, *(f"{row[key]:.0f}" for key in base), f"{ratio:.1f}")
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    kept = {"cpu_us": found, "python": sys.version.split()[0]}
    (RESULTS / "opa_clients.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
