"""A response to ``tools/list``: which tools it lists, and the response without some of them.

Source: MCP 2024-11-05 to 2026-07-28, ``tools/list``. Not decided here: which tools a caller may see.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from extproc.codecs.sse import Event, Reader
from extproc.codecs.strict_json import read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, ResponseHead
from extproc.model.errors import MaskingError
from extproc.protocols.mcp.listed_tools import listed_tools, tool_name, without_tools
from extproc.protocols.mcp.methods import TOOLS_CALL
from extproc.protocols.strict_content_type import is_event_stream


@dataclass(frozen=True, slots=True)
class ToolListing:
    """One listing, as JSON or as an event stream. See ``Listing``."""

    body: bytes
    is_stream: bool
    names: tuple[str, ...]
    candidates: tuple[Call, ...]
    event_limit: int
    max_depth: int
    noun: str = "tools"

    def keep(self, names: frozenset[str]) -> bytes:
        """Return the body with no other tools. Bytes after a stream's last event are left out."""

        def cut(text: str) -> str:
            tools = listed_tools(text, max_depth=self.max_depth) if text else None
            return without_tools(text, tools, names.__contains__) if tools else text

        if not self.is_stream:
            return cut(read_utf8(self.body)).encode() if self.body else self.body
        return b"".join(_cut_event(event, cut) for event in Reader(limit=self.event_limit).feed(self.body))


def read_tool_listing(
    call: Call, head: ResponseHead, body: bytes, *, registered: frozenset[str], event_limit: int, max_depth: int
) -> ToolListing:
    """Read the response to a call of ``tools/list``.

    Args:
        call: the call that it answers.
        head: the response's head.
        body: its whole body, content-encoding undone.
        registered: the connection's tools; no other is ever shown.
        event_limit: bytes of one event at most.
        max_depth: levels of nesting at most.

    Raises:
        Unreadable: a message that two readers could take differently.
    """
    is_stream = is_event_stream(head.headers)
    texts = _messages(body, event_limit) if is_stream else [read_utf8(body)] if body else []
    listed = [listed_tools(text, max_depth=max_depth) for text in texts if text]
    names = tuple(tool_name(tool) for tools in listed if tools for tool in tools)
    asked = tuple(
        replace(call, name=name, method=TOOLS_CALL, arguments={}, direction="list")
        for name in sorted(registered.intersection(names))
    )
    return ToolListing(body, is_stream, names, asked, event_limit, max_depth)


class NoListings:
    """Checks a stream that is not the answer to ``tools/list``: it must not list tools.

    A client that resumes a stream (``Last-Event-ID``) gets answers to its earlier calls again. Nobody has decided
    which tools of such a listing its caller may see.
    """

    def __init__(self, *, event_limit: int, max_depth: int) -> None:
        """Begin a stream.

        Args:
            event_limit: bytes of one event at most.
            max_depth: levels of nesting at most.
        """
        self._reader = Reader(limit=event_limit)
        self._max_depth = max_depth

    def check(self, piece: bytes) -> None:
        """Check the next piece.

        Raises:
            MaskingError: it lists tools, or a message in it is not one of JSON-RPC.
        """
        try:
            messages = [_text(event) for event in self._reader.feed(piece)]
            lists = any(listed_tools(text, max_depth=self._max_depth) is not None for text in messages if text)
        except Unreadable as error:
            raise MaskingError(f"an event is {error.kind.value}") from error
        if lists:
            raise MaskingError("a stream that was not asked for a listing has one")


def _messages(body: bytes, event_limit: int) -> list[str]:
    """The JSON-RPC messages of an event stream, each as text; empty for an event without any."""
    return [_text(event) for event in Reader(limit=event_limit).feed(body)]


def _text(event: Event) -> str:
    """The message in an event; empty for an event without any, such as ``event: ping`` with a time as its data."""
    data = event.data or b""
    return "" if not data.strip() or _is_no_message(event, data) else read_utf8(data)


def _is_no_message(event: Event, data: bytes) -> bool:
    """Return whether the event is named unlike a message, and has no object: no reader finds a message in it."""
    named = [line.value.strip() for line in event.lines() if line.name == b"event"]
    return b"{" not in data and bool(named) and not {b"", b"message"}.intersection(named)


def _cut_event(event: Event, cut: Callable[[str], str]) -> bytes:
    before = _text(event)
    after = cut(before)
    return event.raw if after == before else event.with_data(after.encode()).raw
