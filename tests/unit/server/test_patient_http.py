"""Connections without a request end, and give way to those that have one."""

import asyncio
import socket

import pytest

from extproc.server import patient_http
from extproc.server.patient_http import PatientProtocol, most_connections
from extproc.server.web import web

GET = b"GET / HTTP/1.1\r\nHost: console\r\n\r\n"


async def app(scope, receive, send):
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(PatientProtocol, "head_s", 0.3)


@pytest.fixture
async def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    async with web(app, f"127.0.0.1:{free}"):
        yield free


async def has_ended(reader, within_s):
    """Return whether the server ends the connection in time."""
    try:
        async with asyncio.timeout(within_s):
            while await reader.read(1_000):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: con", GET, GET + b"GET / HT"])
async def test_a_connection_without_a_whole_head_ends(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    assert await has_ended(reader, 3)
    writer.close()


async def test_drops_of_a_head_do_not_keep_it_open(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip():
        while True:
            writer.write(b"GET / HTTP/1.1\r\nX: " if not drops else b"a")
            drops.append(1)
            await asyncio.sleep(0.05)

    drops = []
    dripping = asyncio.create_task(drip())
    assert await has_ended(reader, 3)
    dripping.cancel()
    writer.close()


async def test_a_request_may_take_longer_and_others_may_follow(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(GET.replace(b"/ ", b"/slow "))
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()


BODY_MISSES = b"POST /slow HTTP/1.1\r\nHost: console\r\nContent-Length: 9\r\n\r\nx"


@pytest.mark.parametrize("sent", [b"", BODY_MISSES])
async def test_connections_that_wait_give_way_the_oldest_first(port, monkeypatch, sent):
    monkeypatch.setattr(PatientProtocol, "head_s", 30)
    monkeypatch.setattr(PatientProtocol, "most", 3)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for _, each in silent:
        each.write(sent)
    await asyncio.sleep(0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert [await has_ended(each, 0.1) for each, _ in silent] == [True, False, False]
    for _, each in (*silent, (reader, writer)):
        each.close()


@pytest.mark.parametrize(("files", "most"), [(1_024, 768), (100, 64), (1 << 20, 2_000), (-1, 2_000)])
def test_the_number_follows_the_limit_of_open_files(monkeypatch, files, most):
    monkeypatch.setattr(patient_http.resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == most
