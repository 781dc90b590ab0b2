"""The messages that a server sends in its answer to a call: what in them policy decides about.

A notification passes, masked. A request to the client (sampling, elicitation, roots, ...) is a question to policy,
and so is each one that a result asks for (``inputRequests``). The answer to the call is what rules about responses
are about. An answer to another call must come in the answer to that call, where its own rules hold.

Sources: JSON-RPC 2.0 sections 4 and 5; MCP 2024-11-05 to 2025-11-25, transports and client features; MCP
2026-07-28, multi round-trip requests.
"""

import re
from dataclasses import dataclass, replace

from extproc.codecs.json_keys import fold
from extproc.codecs.sse import Event
from extproc.codecs.strict_json import parse_text, read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Json
from extproc.model.reasons import Uninspectable
from extproc.protocols.streamed_event import NOTHING_TO_DECIDE, EventContent

KEYS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
"""Keys of JSON-RPC messages. A key that some reader could take for one of them makes a message unreadable."""
INPUT_REQUESTS = "inputRequests"
MOST_REQUESTS = 64
"""Requests that one result may ask for: each is a question to policy."""
OBJECT = b"{"
HIDDEN_DATA = re.compile(rb"(?:[\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9])data")
"""A line of data for readers that end lines as Python's ``str.splitlines`` does: the HTTP library of older Python
clients. In a comment or a text it would be a message that nobody has decided about."""


@dataclass(frozen=True, slots=True)
class AnsweredMessages:
    """Reads the messages of one answer."""

    call: Call
    """The call that is answered."""
    max_depth: int
    """Levels of nesting at most."""

    def in_event(self, event: Event) -> EventContent:
        """Read the message in an event. Data without an object, such as a time, holds none for any reader.

        Raises:
            Unreadable: two readers could take it differently.
        """
        if HIDDEN_DATA.search(event.raw):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        data = event.data
        return self.in_text(read_utf8(data)) if data and OBJECT in data else NOTHING_TO_DECIDE

    def in_text(self, text: str) -> EventContent:
        """Read a text that is one message.

        Raises:
            Unreadable: see ``in_event``.
        """
        document = parse_text(text, max_depth=self.max_depth)
        if isinstance(document, list):  # of 2025-03-26: notifications alone can pass together
            if any(self._content(each, "") != NOTHING_TO_DECIDE for each in document):
                raise Unreadable(Uninspectable.BATCH)
            return NOTHING_TO_DECIDE
        return self._content(document, text)

    def _content(self, message: Json, text: str) -> EventContent:
        if not isinstance(message, dict):
            return NOTHING_TO_DECIDE
        if any(key not in KEYS and fold(key) in KEYS for key in message):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        answers = "result" in message or "error" in message
        if "method" in message:
            if answers:
                raise Unreadable(Uninspectable.NOT_JSONRPC)
            return EventContent(asks=(self._request(message),)) if "id" in message else NOTHING_TO_DECIDE
        if not answers:
            return NOTHING_TO_DECIDE
        if not self._is_own(message):
            return EventContent(is_stray=True)
        return EventContent(answer=text.encode(), asks=self._input_requests(message.get("result")))

    def _is_own(self, message: dict[str, Json]) -> bool:
        """Return whether clients take this for the answer to the call. Some take ``"7"`` and ``7.0`` for ``7``."""
        own, given = self.call.rpc_id, message.get("id")
        return own is not None and (given is None or _number_alike(given) == _number_alike(own))

    def _request(self, message: dict[str, Json]) -> Call:
        """Return a request to the client as a call that policy is asked about."""
        method, params = message.get("method"), message.get("params", {})
        if not isinstance(method, str) or not isinstance(params, dict):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        if any(fold(key) in {"method", "params"} and key not in KEYS for key in message):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        return replace(
            self.call, name=method, method=method, arguments=params, document=None, resumes="", direction="server"
        )

    def _input_requests(self, result: Json) -> tuple[Call, ...]:
        """Return the requests that a result asks the client to fulfil."""
        if not isinstance(result, dict):
            return ()
        keys = [key for key in result if fold(key) == INPUT_REQUESTS.lower()]
        if not keys or result.get(INPUT_REQUESTS, ...) is None:
            return ()
        requests = result[INPUT_REQUESTS] if keys == [INPUT_REQUESTS] else None
        if not isinstance(requests, dict) or not all(isinstance(each, dict) for each in requests.values()):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        if len(requests) > MOST_REQUESTS:
            raise Unreadable(Uninspectable.TOO_LARGE)
        return tuple(self._request(each) for each in requests.values() if isinstance(each, dict))


def _number_alike(rpc_id: Json) -> str:
    return str(int(rpc_id) if isinstance(rpc_id, float) and rpc_id.is_integer() else rpc_id)
