"""A listing of MCP tools shows its caller those that they may call, and no others.

Asked is policy, once for each registered tool that the server lists, with ``input.direction`` ``list`` and no
arguments. What is denied, cannot be decided, has no name or is not registered is taken out.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace

from extproc.codecs.sse import Event, Reader
from extproc.codecs.strict_json import read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.flow.case import Case
from extproc.flow.decide import ask
from extproc.flow.services import Services
from extproc.model.call import Call, ResponseHead
from extproc.model.decision import Action
from extproc.model.errors import MaskingError, PolicyError, Refused
from extproc.model.reasons import Reason
from extproc.protocols.mcp.methods import STREAM, TOOLS_CALL, TOOLS_LIST
from extproc.protocols.mcp.settings import McpConnection
from extproc.protocols.mcp.tool_listing import listed_tools, tool_name, without_tools
from extproc.protocols.strict_content_type import is_event_stream

ERRORS = 400
"""Statuses from here on say that there is no listing. MCP's clients go by them, whatever the body is (404: the
session is gone): they are kept, and a body that cannot be read is left out."""


def lists_tools(case: Case) -> bool:
    """Whether the answer to this call is a listing of tools: it is then read whole, event streams too."""
    assert case.call is not None  # noqa: S101 - identified before
    return case.call.protocol == "mcp" and case.call.method == TOOLS_LIST


def may_replay_listings(case: Case) -> bool:
    """Whether this stream could repeat an answer that was given to another call (MCP's ``Last-Event-ID``)."""
    assert case.call is not None  # noqa: S101 - identified before
    return case.call.protocol == "mcp" and case.call.name == STREAM


async def shown(case: Case, services: Services, head: ResponseHead, plain: bytes | None) -> bytes:
    """The response without the tools that this caller may not call; nothing of an error that cannot be read.

    Args:
        case: of a listing that was forwarded.
        services: the worker's parts.
        head: the response's head.
        plain: its whole body, content-encoding undone; None where that cannot be.

    Raises:
        Refused: with ``response-uninspectable``: where the tools are cannot be told.
    """
    if plain is None:
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail="content-encoding")
    try:
        documents = _documents(head, plain, services.limits.event)
        listed = [listed_tools(text, max_depth=services.limits.json_depth) for text in documents if text]
    except Unreadable as error:
        if head.status >= ERRORS:
            case.recorded.note = f"an unreadable answer to a listing was left out: {error.kind.value}"
            return b""
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail=error.kind.value) from error
    names = [tool_name(tool) for tools in listed if tools for tool in tools]
    allowed = await _allowed(case, services, set(names))
    case.recorded.note = f"{sum(name in allowed for name in names)} of {len(names)} listed tools shown"

    def cut(text: str) -> str:
        tools = listed_tools(text, max_depth=services.limits.json_depth) if text else None
        return without_tools(text, tools, allowed.__contains__) if tools else text

    return _rewritten(head, plain, services.limits.event, cut)


def _documents(head: ResponseHead, plain: bytes, limit: int) -> list[str]:
    """The messages of a body, each as text; empty ones for events without any."""
    if not is_event_stream(head.headers):
        return [read_utf8(plain)] if plain else []
    return [_text(event) for event in Reader(limit=limit).feed(plain)]


def _text(event: Event) -> str:
    return read_utf8(event.data or b"") if (event.data or b"").strip() else ""


def _rewritten(head: ResponseHead, plain: bytes, limit: int, cut: Callable[[str], str]) -> bytes:
    """The body with each message cut; what an event stream has after its last event is no event, and left out."""
    if not is_event_stream(head.headers):
        return cut(read_utf8(plain)).encode() if plain else plain
    return b"".join(_cut_event(event, cut) for event in Reader(limit=limit).feed(plain))


def _cut_event(event: Event, cut: Callable[[str], str]) -> bytes:
    before = _text(event)
    after = cut(before)
    return event.raw if after == before else event.with_data(after.encode()).raw


async def _allowed(case: Case, services: Services, names: Collection[str]) -> frozenset[str]:
    """Those of the names that this caller may call."""
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.call is not None  # noqa: S101 - identified before
    settings = case.connection.settings
    registered = frozenset(settings.tools) if isinstance(settings, McpConnection) else frozenset()
    asked = sorted(registered.intersection(names))
    listing = case.call
    found = await asyncio.gather(*(_may_call(case, services, _as_listed(listing, name)) for name in asked))
    return frozenset(name for name, may in zip(asked, found, strict=True) if may)


def _as_listed(listing: Call, name: str) -> Call:
    return replace(listing, name=name, method=TOOLS_CALL, arguments={}, direction="list")


async def _may_call(case: Case, services: Services, call: Call) -> bool:
    """Whether policy would allow or hold it. No answer is no."""
    try:
        decision = await ask(case, services, call)
    except (PolicyError, Refused):
        return False
    return decision.action is not Action.DENY


class NoListings:
    """Breaks a stream off where it lists tools: nobody has decided which of them its caller may see."""

    def __init__(self, *, limit: int, max_depth: int) -> None:
        self._reader = Reader(limit=limit)
        self._max_depth = max_depth

    def look(self, piece: bytes) -> None:
        """Look at the next piece.

        Raises:
            MaskingError: it lists tools, or is no stream of messages.
        """
        try:
            messages = [_text(event) for event in self._reader.feed(piece)]
            lists = any(listed_tools(text, max_depth=self._max_depth) is not None for text in messages if text)
        except Unreadable as error:
            raise MaskingError(f"an event is {error.kind.value}") from error
        if lists:
            raise MaskingError("a stream that was not asked for a listing has one")
