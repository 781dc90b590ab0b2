"""gRPC: a method of a service is a function, and its arguments are its request message as JSON.

A method takes exactly one message, or, where the client streams, any number of them: the request is read to its
half-close, since a decision needs all of it. A message with parts that no descriptor describes is uninspectable: a
backend with newer files would read values that policy did not see. So is a compression that cannot be undone.

Sources: gRPC over HTTP/2 (PROTOCOL-HTTP2.md); google.rpc.Status; ProtoJSON.

Not checked here: what comes back (``extproc.masking.protobuf.message_masker`` reads that), and how long a call may
take.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages, Method
from extproc.codecs.grpc_frames import FrameReader, check_encoding, message_of
from extproc.codecs.protobuf_messages import Allowance, read_message
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Headers, Json, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason, Uninspectable
from extproc.protocols.base_protocol import BaseProtocol
from extproc.protocols.grpc.settings import GrpcConnection
from extproc.protocols.grpc.status_reply import DETAILS, speaks_grpc
from extproc.protocols.request_checks import check_readable, read_session
from extproc.settings.limits import LimitSettings

PROTOCOL = "grpc"
CONTENT_TYPES = frozenset({"application/grpc", "application/grpc+proto"})
"""Content-types whose messages are read. Callers that send others may read ``grpc-status``: ``speaks_grpc``."""
ENCODING = "grpc-encoding"
OF_A_MESSAGE = 10
"""Reading an empty message takes as long as reading this many values."""
STATUS = re.compile(r"[0-9]{1,2}")
BINARY = "-bin"
"""Suffix of fields whose values are bytes in Base64."""


class GrpcProtocol(BaseProtocol):
    """One gRPC connection, built once from its settings."""

    def __init__(
        self, name: str, settings: GrpcConnection, methods: Mapping[str, Method], *, limits: LimitSettings
    ) -> None:
        """Serve the registered methods.

        Args:
            name: the connection's.
            settings: of the connection.
            methods: the registered ones, by ``package.Service/Method``.
            limits: of bodies and of nesting.
        """
        self._name = name
        self._methods = {f"/{method}": (method, found) for method, found in methods.items()}
        self._session_header = settings.session_header
        self._limits = limits

    def identify(self, head: RequestHead, body: bytes, *, call_id: str, unreadable: Uninspectable | None) -> Call:
        """Read which method is called; see ``FunctionProtocol``."""
        name, method = self._methods.get(head.path_only, (head.path_only[1:], None))
        call = Call(call_id, self._name, name, PROTOCOL)
        if not speaks_grpc(head.headers):
            call = replace(call, uninspectable=Uninspectable.CONTENT_TYPE)
        if method is None or head.method != "POST":
            raise Refused(Reason.UNKNOWN_FUNCTION, "methods", "no such method is registered", call)
        try:
            call = replace(call, session=self._session(head.headers))
            check_readable(head.headers, body, unreadable)
            check_head(head)
            documents = self._documents(head.headers, body, method)
        except Unreadable as error:
            return replace(call, uninspectable=error.kind, odd=error.odd)
        return _with_arguments(call, documents, method)

    def _session(self, headers: Headers) -> str:
        return read_session(headers, self._session_header) if self._session_header else ""

    def _documents(self, headers: Headers, body: bytes, method: Method) -> list[Json]:
        limits, allowance = self._limits, Allowance()
        messages = read_frames(body, headers.get(ENCODING), limit=limits.request_body, ratio=limits.decoded_ratio)
        allowance.take(OF_A_MESSAGE * len(messages))
        return [
            read_message(each, method.request, max_depth=limits.json_depth, allowance=allowance)
            for each in messages
        ]

    def streams(self, head: ResponseHead) -> bool:
        """Stream every gRPC response; a proxy's HTML page is not one.

        Unary answers, too: of a whole one whose trailers follow without a message, Envoy takes no edits.
        """
        return _is_read(head.headers)

    def messages(self, call: Call, headers: Headers, *, response: bool) -> Messages | None:
        """Return the method's types. Where the client streams, paths begin at the list of messages."""
        _, method = self._methods.get(f"/{call.name}", ("", None))
        if method is None or call.uninspectable is Uninspectable.CONTENT_TYPE:
            return None
        encoding = headers.get(ENCODING)
        if response:
            return Messages(method.response, encoding=encoding)
        return Messages(method.request, method.takes_many, encoding)

    def kinds(self, *, response: bool) -> tuple[Descriptor, ...]:
        """Return the request or response types of the methods."""
        return tuple(method.response if response else method.request for _, method in self._methods.values())

    def binary_fields(self, call: Call | None, fields: Headers) -> Mapping[str, Descriptor | None]:
        """Return ``*-bin``; the type of ``grpc-status-details-bin`` is known."""
        _, method = self._methods.get(f"/{call.name}" if call else "", ("", None))
        kinds = {DETAILS: method.status} if method else {}
        return {name: kinds.get(name) for name, _ in fields if name.endswith(BINARY)}

    def ending(self, fields: Headers) -> str:
        """Return the ``grpc-status``."""
        status = fields.get("grpc-status")
        return f"grpc-status {status}" if STATUS.fullmatch(status) else "no grpc-status"


def _with_arguments(call: Call, documents: list[Json], method: Method) -> Call:
    """Return the call. As in opa-envoy-plugin, ``parsed_body`` shows no messages of a client that streams."""
    if method.takes_many:
        return replace(call, arguments=documents)
    if len(documents) != 1:
        return replace(call, uninspectable=Uninspectable.MESSAGE_COUNT)
    return replace(call, arguments=documents[0], document=documents[0])


def _is_read(headers: Headers) -> bool:
    return headers.get("content-type").strip().lower() in CONTENT_TYPES


def check_head(head: RequestHead) -> None:
    """Refuse a head that gRPC does not have, or that is not read here.

    Raises:
        Unreadable: a query; ``te`` that is not ``trailers``; another content-type, or another coding.
    """
    if head.query or head.path != head.path_only:
        raise Unreadable(Uninspectable.QUERY)
    if not _is_read(head.headers):
        raise Unreadable(Uninspectable.CONTENT_TYPE)
    if head.headers.get("te").strip().lower() not in ("", "trailers"):
        raise Unreadable(Uninspectable.HEADERS)
    check_encoding(head.headers.get(ENCODING))


def read_frames(body: bytes, encoding: str, *, limit: int, ratio: int) -> list[bytes]:
    """Return the messages of a whole body, decompressed.

    Args:
        body: frames, and nothing else.
        encoding: the value of ``grpc-encoding``.
        limit: bytes of all messages together.
        ratio: how many times as long as it came each may be.

    Raises:
        Unreadable: a frame that does not end, too much, or what cannot be undone.
    """
    reader = FrameReader(limit=limit)
    frames = reader.feed(body)
    reader.finish()
    messages: list[bytes] = []
    for frame in frames:
        message = message_of(frame, encoding, limit=limit, ratio=ratio)
        limit -= len(message)
        if limit < 0:
            raise Unreadable(Uninspectable.TOO_LARGE)
        messages.append(message)
    return messages
