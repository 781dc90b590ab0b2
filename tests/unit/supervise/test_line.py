"""The line between the supervisor and a child: each question has its answer, and a child that ends leaves none."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from extproc.model.errors import ConfigError
from extproc.server.stopping import CallsLeft
from extproc.server.supervised import SUPERVISED, supervised
from extproc.supervise.line import Line, LineClosedError, RefusedError


class Part:
    """A process that remembers what it was asked, and fails as told."""

    def __init__(self):
        self.done, self.fault, self.gate = [], None, asyncio.Event()

    async def prepare(self, file, digest):
        self.done.append(("prepare", file, digest))
        if self.fault:
            raise self.fault

    def commit(self):
        self.done.append("commit")

    revert = discard = settle = commit

    async def settled(self):
        await self.gate.wait()

    def calls(self):
        return CallsLeft(2, 1)


@pytest.fixture
async def ends(monkeypatch):
    """Both ends: the child's standard input is the line."""
    ours, theirs = socket.socketpair()
    kept = os.dup(0)
    os.dup2(theirs.fileno(), 0)
    theirs.close()
    monkeypatch.setenv(SUPERVISED, "1")
    part = Part()
    line = await Line.over(ours)
    async with supervised(part):
        yield line, part
    await line.close()
    os.dup2(kept, 0)
    os.close(kept)


async def test_questions_are_answered_whatever_their_order(ends):
    line, part = ends
    waiting = asyncio.create_task(line.ask("settled", None))
    assert await line.ask("calls", 10) | {"id": 0} == {"id": 0, "ok": True, "held": 2, "running": 1}
    await line.ask("prepare", 10, file="/etc/extproc.yaml", digest="d")
    await line.ask("commit", 10)
    assert part.done == [("prepare", Path("/etc/extproc.yaml"), "d"), "commit"]
    assert not waiting.done()
    part.gate.set()
    await asyncio.wait_for(waiting, 10)


async def test_a_refusal_says_why_and_an_unforeseen_error_says_its_kind(ends):
    line, part = ends
    part.fault = ConfigError("no such entity")
    with pytest.raises(RefusedError, match="no such entity"):
        await line.ask("prepare", 10, file="f", digest="d")
    part.fault = ValueError("4111 1111 1111 1111")
    with pytest.raises(RefusedError, match=r"ValueError") as refused:
        await line.ask("prepare", 10, file="f", digest="d")
    assert "4111" not in str(refused.value)
    with pytest.raises(RefusedError, match="LookupError"):
        await line.ask("something else", 10)
    await line.ask("calls", 10)


async def test_a_child_that_does_not_answer_or_is_gone_is_told(ends):
    line, _ = ends
    with pytest.raises(LineClosedError, match="did not answer"):
        await line.ask("settled", 0.01)
    waiting = asyncio.create_task(line.ask("settled", None))
    await asyncio.sleep(0.01)
    await line.close()
    with pytest.raises(LineClosedError):
        await waiting
    with pytest.raises(LineClosedError):
        await line.ask("calls", 1)


async def test_a_process_without_a_supervisor_has_no_line(monkeypatch):
    monkeypatch.delenv(SUPERVISED, raising=False)
    async with supervised(Part()):
        pass
