"""Each question is sent once, and has its own answer or none, whatever OPA or the network does."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

import pytest

from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.policy.opa.opa_client import IDLE_S, OpaClient
from extproc.policy.opa.opa_connection import Connection
from extproc.policy.opa.opa_server import OpaServer

SOON_S = 30.0
"""A deadline that only a failing test sees."""


def said(body: bytes, *fields: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


class Opa:
    """A server whose answers the test gives. It knows each question, and how many connections were made."""

    def __init__(self, answer: Callable[["Opa", asyncio.StreamWriter, bytes], object]) -> None:
        self.answer, self.questions, self.connections, self.ended = answer, [], 0, 0
        self.address = ("", 0)
        self.writers: list[asyncio.StreamWriter] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                question = await reader.readexactly(length)
                self.questions.append(question)
                self.answer(self, writer, question)
                await writer.drain()
        writer.close()
        self.ended += 1

    async def has_ended(self, connections: int) -> None:
        while self.ended < connections:
            await asyncio.sleep(0.01)


def echo(_: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
    writer.write(said(question))


@contextlib.asynccontextmanager
async def serving(answer=echo, **more):
    opa = Opa(answer)
    server = await asyncio.start_server(opa.handle, "127.0.0.1", 0)
    opa.address = server.sockets[0].getsockname()
    client = OpaClient(OpaServer(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"), **more)
    try:
        async with asyncio.timeout(SOON_S):
            yield opa, client
    finally:
        client.close()
        server.close()
        for writer in opa.writers:
            writer.transport.abort()


async def ask(client: OpaClient, question: bytes) -> bytes:
    return (await client.ask("POST", "/v1/data/t", question)).body


async def test_bytes_go_and_come_unchanged_on_one_connection():
    async with serving() as (opa, client):
        for question in (b'{"a" : 1e400}', b"\xff\x00", b"x" * 200_000, b""):
            assert await ask(client, question) == question
        assert opa.connections == 1


async def test_questions_at_once_have_their_own_answers():
    async with serving() as (opa, client):
        questions = [f"{number}".encode() for number in range(50)]
        for _ in range(3):
            assert await asyncio.gather(*(ask(client, each) for each in questions)) == questions
        assert opa.connections == 50


async def test_a_connection_that_opa_closed_in_between_is_replaced():
    async with serving() as (opa, client):
        await ask(client, b"1")
        opa.writers[0].close()
        await opa.writers[0].wait_closed()
        assert await ask(client, b"2") == b"2"
        assert opa.questions == [b"1", b"2"]


async def test_a_connection_that_was_idle_for_long_is_replaced():
    """What is between may have forgotten it, and would say nothing."""
    now = 0.0
    async with serving(clock_s=lambda: now) as (opa, client):
        await asyncio.gather(ask(client, b"1"), ask(client, b"2"))
        now = IDLE_S
        assert await ask(client, b"3") == b"3"
        assert opa.connections == 2
        now += 0.1
        assert await ask(client, b"4") == b"4"
        await opa.has_ended(1)
        now += IDLE_S + 0.1
        assert await ask(client, b"5") == b"5"
        await opa.has_ended(2)
        assert opa.connections == 3


async def test_a_question_is_sent_once_if_its_connection_ends():
    """OPA may have evaluated it: nobody knows."""

    def leave(opa: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
        if question == b"2":
            writer.close()
        else:
            echo(opa, writer, question)

    async with serving(leave) as (opa, client):
        await ask(client, b"1")
        with pytest.raises(PolicyUnreachable, match="the connection ended") as caught:
            await ask(client, b"2")
        assert not caught.value.absent
        assert await ask(client, b"3") == b"3"
        assert opa.questions == [b"1", b"2", b"3"]


async def test_a_connection_that_ended_before_it_was_used():
    """Refused right after it was accepted, as by a proxy without a server behind it."""
    async with serving() as (opa, _):
        loop, (host, port) = asyncio.get_running_loop(), opa.address
        _, connection = await loop.create_connection(lambda: Connection(1_000), host, port)
        while not opa.writers:
            await asyncio.sleep(0.01)
        opa.writers[0].transport.abort()
        while not connection.is_closed:
            await asyncio.sleep(0.01)
        with pytest.raises(PolicyUnreachable, match="the connection ended"):
            await connection.ask(b"GET / HTTP/1.1\r\n\r\n")


async def test_an_opa_that_is_killed_in_its_answer():
    def die(_: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
        writer.write(said(question)[:-1])
        writer.transport.abort() if question == b"abort" else writer.close()

    async with serving(die) as (opa, client):
        for question in (b"abort", b"close"):
            with pytest.raises(PolicyUnreachable, match="the connection ended"):
                await ask(client, question)
        assert len(opa.questions) == 2


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK", "HTTP/1.0 200 OK"])
async def test_an_answer_that_ends_with_its_connection_is_none(head):
    def without_length(_: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
        writer.write(f"{head}\r\n\r\n".encode() + question)
        writer.close()

    async with serving(without_length) as (_, client):
        with pytest.raises(PolicyUnreachable, match="the connection ended"):
            await ask(client, b"{}")


async def test_a_question_that_is_given_up_takes_its_connection_along():
    """Its late answer is never the next question's."""
    late: list[Callable[[], None]] = []

    def hesitate(opa: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
        if question == b"slow":
            late.append(lambda: echo(opa, writer, question))
        else:
            echo(opa, writer, question)

    async with serving(hesitate) as (opa, client):
        await ask(client, b"1")
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ask(client, b"slow")
            late.pop()()
            assert await ask(client, b"2") == b"2"
        asking = asyncio.create_task(ask(client, b"slow"))
        while not late:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await opa.has_ended(3)
        assert await ask(client, b"3") == b"3"
        assert opa.connections == 4


async def test_an_answer_that_drips_is_given_up_in_time():
    dripping = []

    async def drip(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for byte in said(b"x" * 10_000):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)

    def begin(_: Opa, writer: asyncio.StreamWriter, question: bytes) -> None:
        dripping.append(asyncio.create_task(drip(writer)))

    async with serving(begin) as (_, client):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ask(client, b"{}")
        dripping[0].cancel()


async def test_two_answers_to_one_question_are_none():
    async with serving(lambda _, writer, question: writer.write(said(question) * 2)) as (_, client):
        with pytest.raises(PolicyError, match="more than one answer"):
            await ask(client, b"1")


async def test_an_answer_that_comes_unasked_ends_the_connection():
    async with serving() as (opa, client):
        await ask(client, b"1")
        opa.writers[0].write(said(b"stale"))
        await asyncio.sleep(0.1)
        assert await ask(client, b"2") == b"2"
        assert opa.connections == 2


async def test_an_answer_that_came_unasked_and_unseen_is_not_taken():
    """The event loop has had no time to look: the connection is looked at before it is used again."""
    listener = socket.create_server(("127.0.0.1", 0))
    stale = threading.Event()

    def serve() -> None:
        first, _ = listener.accept()
        first.recv(1 << 16)
        first.sendall(said(b"1"))
        assert asked_once.wait(SOON_S)
        first.sendall(said(b"stale"))
        stale.set()
        second, _ = listener.accept()
        second.recv(1 << 16)
        second.sendall(said(b"2"))
        first.close()
        second.close()

    asked_once, server = threading.Event(), threading.Thread(target=serve)
    server.start()
    client = OpaClient(OpaServer(f"127.0.0.1:{listener.getsockname()[1]}"))
    with listener:
        assert await ask(client, b"1") == b"1"
        asked_once.set()
        assert stale.wait(SOON_S)  # blocks the loop: nothing is read meanwhile
        async with asyncio.timeout(SOON_S):
            assert await ask(client, b"2") == b"2"
        client.close()
        server.join(SOON_S)


async def test_an_answer_before_its_question_was_sent_ends_the_connection():
    """A server that does not read on would take the rest for the next question."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said(b"early"))

    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(early, "127.0.0.1", 0, limit=1 << 10)
    client = OpaClient(OpaServer(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    async with asyncio.timeout(SOON_S):
        for number in (1, 2):
            assert await ask(client, b"x" * (20 << 20)) == b"early"
            assert len(connections) == number
    client.close()
    server.close()
    for each in connections:
        each.transport.abort()


async def test_a_connection_that_ends_with_its_answer_is_not_used_again():
    async with serving(lambda _, writer, question: writer.write(said(question, "connection: close"))) as (
        opa,
        client,
    ):
        assert [await ask(client, each) for each in (b"1", b"2")] == [b"1", b"2"]
        assert opa.connections == 2


async def test_a_closed_client_keeps_no_connection():
    async with serving() as (opa, client):
        asking = asyncio.create_task(ask(client, b"1"))
        await asyncio.sleep(0)
        client.close()
        assert await asking == b"1"
        assert await ask(client, b"2") == b"2"
        assert opa.connections == 2


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("unix:/nowhere/opa.sock", "FileNotFoundError"),
        ("unix:/" + "x" * 200, "OSError|FileNotFoundError"),
        ("127.0.0.1:1", "ConnectionRefusedError"),
        (f"{'x' * 64}.example:1", "UnicodeError"),
    ],
)
async def test_an_opa_that_cannot_be_reached_is_absent(address, error):
    with pytest.raises(PolicyUnreachable, match=error) as caught:
        await ask(OpaClient(OpaServer(address)), b"{}")
    assert caught.value.absent


@pytest.mark.parametrize(
    ("address", "host", "port", "socket_"),
    [
        ("127.0.0.1:8181", "127.0.0.1", 8181, ""),
        ("[::1]:8181", "::1", 8181, ""),
        ("opa.internal:443", "opa.internal", 443, ""),
        ("unix:/run/opa:1/s", None, None, "/run/opa:1/s"),
    ],
)
def test_an_address_is_read(address, host, port, socket_):
    server = OpaServer(address)
    assert server.socket == socket_
    assert server.authority == ("opa" if socket_ else address)
    if not socket_:
        assert (server.host, server.port) == (host, port)
