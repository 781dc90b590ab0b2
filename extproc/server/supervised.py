"""The line from a child process to ``extproc up``: JSON objects, one a line, over the socket at standard input.

Nobody else can open it, and it ends with the supervisor. Each question has an id, which its answer repeats.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from extproc.concurrency.background import background
from extproc.model.errors import ExtprocError
from extproc.server.reloading import ChangesConfiguration

SUPERVISED = "EXTPROC_SUPERVISED"
"""Set for the children of ``extproc up``: their standard input is the line."""
MAX_LINE = 1 << 20


def is_supervised() -> bool:
    """Return whether ``extproc up`` started this process; somebody may have started it alone."""
    return SUPERVISED in os.environ


@contextlib.asynccontextmanager
async def supervised(part: ChangesConfiguration) -> AsyncIterator[None]:
    """Obey the supervisor, where there is one, while the block runs."""
    if not is_supervised():
        yield
        return
    reader, writer = await asyncio.open_unix_connection(sock=_take_line(), limit=MAX_LINE)
    try:
        async with background(_obey(reader, writer, part)):
            yield
    finally:
        writer.close()


def _take_line() -> socket.socket:
    """Take the line from standard input, so that no process that this one starts gets it."""
    line = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line


async def _obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, part: ChangesConfiguration) -> None:
    async with asyncio.TaskGroup() as tasks:
        while question := await reader.readline():
            tasks.create_task(_answer(json.loads(question), writer, part))


async def _answer(question: dict[str, Any], writer: asyncio.StreamWriter, part: ChangesConfiguration) -> None:
    answer = {"id": question["id"], **await _done(question, part)}
    with contextlib.suppress(OSError):
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()


async def _done(question: dict[str, Any], part: ChangesConfiguration) -> dict[str, Any]:
    try:
        return {"ok": True} | await _do(question, part)
    except ExtprocError as error:
        return {"ok": False, "why": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the configuration in force stays
        structlog.get_logger().error("guard error", error=type(error).__name__, doing=str(question.get("do")))
        return {"ok": False, "why": f"the guard failed ({type(error).__name__}); see the log"}


async def _do(question: dict[str, Any], part: ChangesConfiguration) -> dict[str, Any]:
    match question["do"]:
        case "prepare":
            await part.prepare(Path(question["file"]), question["digest"])
        case "commit":
            part.commit()
        case "revert":
            part.revert()
        case "discard":
            part.discard()
        case "settle":
            part.settle()
        case "settled":
            await part.settled()
        case "calls":
            return asdict(part.calls())
        case unknown:
            raise LookupError(f"unknown request {unknown}")
    return {}
