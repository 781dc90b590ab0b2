"""The JSON-RPC messages of a response, a JSON document or an event stream, read whole and written again.

Sources: JSON-RPC 2.0 section 5; MCP 2024-11-05 to 2026-07-28, transports; WHATWG HTML section 9.2.
"""

from collections.abc import Callable
from dataclasses import dataclass

from extproc.codecs.sse import Event, Reader
from extproc.codecs.strict_json import parse_text, read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json, ResponseHead
from extproc.model.reasons import Uninspectable
from extproc.protocols.strict_content_type import is_event_stream

KEYS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
"""Keys of JSON-RPC messages. A message with other keys could be read in another way by some client."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and the messages in it."""

    body: bytes
    is_stream: bool
    messages: tuple[dict[str, Json], ...]
    reader: "AnswerReader"

    def rewritten(self, change: Callable[[str], str]) -> bytes:
        """Return the body with each message's text changed. Bytes after a stream's last event are left out.

        Args:
            change: is given the text of each of ``messages``, in their order.
        """
        if not self.is_stream:
            return change(read_utf8(self.body)).encode() if self.body else self.body
        return b"".join(_changed(event, change) for event in self.reader.events().feed(self.body))


@dataclass(frozen=True, slots=True)
class AnswerReader:
    """Reads responses, within limits."""

    event_limit: int
    """Bytes of one event at most."""
    max_depth: int
    """Levels of nesting at most."""

    def read(self, head: ResponseHead, body: bytes) -> Answer:
        """Read a whole body, content-encoding undone.

        Raises:
            Unreadable: a message that two readers could take differently.
        """
        is_stream = is_event_stream(head.headers)
        texts = map(text_of, self.events().feed(body)) if is_stream else [read_utf8(body)] if body else []
        return Answer(body, is_stream, tuple(self.message(text) for text in texts if text), self)

    def events(self) -> Reader:
        """Begin to read an event stream."""
        return Reader(limit=self.event_limit)

    def message(self, text: str) -> dict[str, Json]:
        """Read one message.

        Raises:
            Unreadable: not strict JSON, not one message, or one that two readers could take differently.
        """
        message = parse_text(text, max_depth=self.max_depth)
        if not isinstance(message, dict) or not message.keys() <= KEYS:
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        return message


def text_of(event: Event) -> str:
    """Return the message in an event; empty for one without, such as ``event: ping`` with a time as its data."""
    data = event.data or b""
    return "" if not data.strip() or _is_no_message(event, data) else read_utf8(data)


def _is_no_message(event: Event, data: bytes) -> bool:
    """Return whether the event is named unlike a message, and has no object: no reader finds a message in it."""
    named = [line.value.strip() for line in event.lines() if line.name == b"event"]
    return b"{" not in data and bool(named) and not {b"", b"message"}.intersection(named)


def _changed(event: Event, change: Callable[[str], str]) -> bytes:
    before = text_of(event)
    after = change(before) if before else before
    return event.raw if after == before else event.with_data(after.encode()).raw
