"""Read OPA's HTTP answers from bytes as they come: see RFC 9112.

The parser is llhttp, Node's own, in its strict mode, from ``httptools``. It refuses two lengths, a length beside
chunks, bare line feeds, folded header fields, and everything after an answer that ends its connection. This module
decides what the parser leaves to its user: the versions, encodings and sizes that are read, and that one question
has one answer.
"""

from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from extproc.model.errors import PolicyError, PolicyUnreachable

MAX_ANSWER = 4 << 20
"""Bytes of one answer, with its head and the framing of its chunks; the list of OPA's policies is one."""
VERSIONS = frozenset({"1.0", "1.1"})
LAST_INTERIM = 199
"""Statuses up to this one precede the answer (RFC 9110, section 15.2)."""
CONTENT_ENCODING = b"content-encoding"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    body: bytes
    keeps_open: bool
    """True if the server will answer another question on this connection (RFC 9112, section 9.3)."""


class AnswerReader:
    """Reads the answers on one connection, one after the other.

    After an error it must not be used again: nobody knows where the next answer begins. The parser calls the
    methods that begin with ``on_``.
    """

    def __init__(self, most: int = MAX_ANSWER) -> None:
        """Make a reader at the beginning of a connection.

        Args:
            most: bytes of one answer.
        """
        self._parser = HttpResponseParser(self)
        self._most = most
        self._expect()

    def _expect(self) -> None:
        """Begin a new answer."""
        self._pieces: list[bytes] = []
        self._received = 0
        self._answer: Answer | None = None
        self._fault = ""

    def feed(self, piece: bytes) -> Answer | None:
        """Read the next bytes.

        Returns:
            The answer, when these bytes complete it; else None. Independent of where the bytes were cut.

        Raises:
            PolicyUnreachable: the bytes are not HTTP.
            PolicyError: the answer is too large, compressed, of another version of HTTP, or not the only one.
        """
        self._received += len(piece)
        if self._received > self._most:
            raise PolicyError("OPA's answer is too large")
        is_http = self._parse(piece)
        if self._fault:
            raise PolicyError(self._fault)
        if not is_http:
            raise PolicyUnreachable("OPA gave no answer (not HTTP)")
        answer = self._answer
        if answer is not None:
            self._expect()
        return answer

    def _parse(self, piece: bytes) -> bool:
        """Give the parser the next bytes. Returns False if they are not HTTP."""
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade):
            return False
        return True

    def on_message_begin(self) -> None:
        """An answer begins. A second one belongs to no question: neither can be trusted to be the right one."""
        if self._answer is not None:
            self._fault = "OPA gave more than one answer"

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer."""
        if name.lower() == CONTENT_ENCODING and value.lower() != b"identity":
            self._fault = "OPA's answer is compressed"

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._parser.get_http_version() not in VERSIONS:
            self._fault = "OPA's answer is not HTTP/1.1"

    def on_body(self, piece: bytes) -> None:
        """A piece of the body, without the framing of chunks."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one (``100 Continue``) is skipped."""
        status = self._parser.get_status_code()
        if status > LAST_INTERIM:
            self._answer = Answer(status, b"".join(self._pieces), self._parser.should_keep_alive())
