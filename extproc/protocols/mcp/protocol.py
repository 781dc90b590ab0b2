"""MCP over streamable HTTP: one JSON-RPC message per POST; a GET stream; DELETE ends a session.

A tool is a function; so is each method of the closed list in ``methods``. What a lenient server could read
in a second way is uninspectable: batches, keys beyond the protocol's (``"Method"``), headers unlike the body.

Not checked here: whether the session belongs to the caller (the server's task), and a tool's own schema.
Not passed on, since ``arguments`` alone is what policy, approvers and masking see of a call: ``task``,
``inputResponses`` and ``requestState``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from extproc.codecs.content_type import essence
from extproc.codecs.json_keys import fold, read_document
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Headers, Json, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.masking import MaskRule
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply
from extproc.model.withdrawal import Withdrawal, WithdrawnBy
from extproc.protocols.base_protocol import BaseProtocol
from extproc.protocols.function_protocol import Listing, StreamCheck, pass_all
from extproc.protocols.mcp import refusals
from extproc.protocols.mcp.eras import is_modern
from extproc.protocols.mcp.header_copies import agree, as_sent
from extproc.protocols.mcp.methods import (
    CANCELLED,
    NOTIFICATIONS,
    REQUESTS,
    RESPONSE,
    SESSION_END,
    STREAM,
    TOOLS_CALL,
    TOOLS_LIST,
    UNREADABLE,
)
from extproc.protocols.mcp.settings import DOCUMENT_METHODS, McpConnection
from extproc.protocols.mcp.tool_listing import NoListings, read_tool_listing
from extproc.protocols.request_checks import check_readable, read_session
from extproc.protocols.strict_content_type import Media, is_event_stream, media_type

PROTOCOL = "mcp"
SESSION_ID = "mcp-session-id"
"""The header field of MCP's session id."""
REQUEST_KEYS = frozenset({"jsonrpc", "id", "method", "params"})
RESPONSE_KEYS = (frozenset({"jsonrpc", "id", "result"}), frozenset({"jsonrpc", "id", "error"}))
ERROR_KEYS = frozenset({"code", "message", "data"})
CALL_KEYS = frozenset({"name", "arguments", "_meta"})
ARGUMENTS = ("$.params.arguments", "$.result.content", "$.error.data")
"""Paths of what a function is given: arguments; and what the client answers the server: content, an error."""
RESULTS = (
    "$.result.structuredContent",
    "$.result.content[*].text",
    "$.result.content[*].resource.text",
    "$.error.data",
    "$.params.data",
)
"""Paths of a tool's result: data, JSON text, an embedded resource, an error, a log message."""


@dataclass(frozen=True, slots=True)
class _Message:
    """One JSON-RPC message."""

    name: str
    method: str
    arguments: Json
    rpc_id: int | str | None
    params: dict[str, Json]
    listed: bool = True
    """True if the method is on the closed list."""


class McpProtocol(BaseProtocol):
    """One MCP connection, built once from its settings."""

    session_field = SESSION_ID

    def __init__(self, name: str, settings: McpConnection, *, max_depth: int, event_limit: int) -> None:
        self._name = name
        self._path = settings.path
        self._tools = frozenset(settings.tools)
        self._session_header = settings.session_header
        self._max_depth = max_depth
        self._event_limit = event_limit
        self._resource = settings.protected_resource

    @property
    def challenge(self) -> str:
        """Where clients sign in, if the settings say it."""
        return self._resource.challenge if self._resource else super().challenge

    def public_document(self, head: RequestHead) -> Reply | None:
        """Return the metadata of the protected resource to a GET or HEAD of exactly its path."""
        resource = self._resource
        if not resource or head.method not in DOCUMENT_METHODS or head.path not in resource.metadata_paths:
            return None
        headers = (("content-type", "application/json"), ("cache-control", "no-store"))
        return Reply(200, headers, resource.metadata())

    def identify(self, head: RequestHead, body: bytes, *, call_id: str, unreadable: Uninspectable | None) -> Call:
        """Read which tool or method is called; see ``FunctionProtocol``."""
        if head.path != self._path:
            raise Refused(Reason.UNKNOWN_FUNCTION, rule="path", detail="not this connection's MCP endpoint")
        call = Call(call_id, self._name, UNREADABLE, PROTOCOL)
        try:
            call = replace(call, session=self._session(head.headers))
            if head.method == "POST":
                return self._post(call, head.headers, body, unreadable)
            return _bodiless(call, head, body, unreadable)
        except Unreadable as error:
            rpc_id, awaits_reply, modern = refusals.read_envelope(head.headers, body)
            call = replace(call, rpc_id=rpc_id, awaits_reply=awaits_reply, modern=modern)
            return replace(call, uninspectable=error.kind, odd=error.odd)

    def _session(self, headers: Headers) -> str:
        """Return MCP's own session id, or the configured header's value where the protocol is stateless."""
        own = read_session(headers, SESSION_ID)
        return own or (read_session(headers, self._session_header) if self._session_header else "")

    def _post(self, call: Call, headers: Headers, body: bytes, unreadable: Uninspectable | None) -> Call:
        check_readable(headers, body, unreadable)
        if media_type(headers) is not Media.JSON or essence(headers.get("content-type")) != "application/json":
            raise Unreadable(Uninspectable.CONTENT_TYPE)
        document = read_document(body, max_depth=self._max_depth)
        message = read_message(document)
        call = replace(call, name=message.name, method=message.method, rpc_id=message.rpc_id)
        modern = is_modern(headers, message.params.get("_meta"))
        call = replace(call, awaits_reply=message.rpc_id is not None, modern=modern)
        self._check_registered(call, message)
        if not agree(headers, document):
            return replace(call, uninspectable=Uninspectable.HEADER_BODY_MISMATCH)
        return replace(call, arguments=message.arguments, document=document)

    def _check_registered(self, call: Call, message: _Message) -> None:
        """Refuse a tool that is not registered, and a method that is not listed."""
        if call.method == TOOLS_CALL:
            if call.name not in self._tools:
                raise Refused(Reason.UNKNOWN_FUNCTION, "tools", "no such tool is registered", call)
        elif not message.listed:
            raise Refused(Reason.UNKNOWN_FUNCTION, "method", "not on the list of MCP methods", call)

    def request_rules(self, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
        """Rebase ``$.x`` of a tool's arguments to every place where the client's data are: see ``ARGUMENTS``."""
        return _rebased(rules, ARGUMENTS)

    def response_rules(self, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
        """Rebase ``$.x`` of a tool's result to every place where results are: see ``RESULTS``."""
        return _rebased(rules, RESULTS)

    def header_copies(self, call: Call, headers: Headers, body: bytes | None) -> Mapping[str, bytes]:
        """Return the fields that copy the message; see ``as_sent``."""
        if call.document is None:
            return {}
        sent = call.document if body is None else read_document(body, max_depth=self._max_depth)
        return as_sent(headers, call.document, sent)

    def lists(self, call: Call) -> bool:
        """Return whether the call is ``tools/list``."""
        return call.method == TOOLS_LIST

    def read_listing(self, call: Call, head: ResponseHead, body: bytes) -> Listing:
        """Read a listing of tools; see ``read_tool_listing``."""
        return read_tool_listing(
            call,
            head,
            body,
            registered=self._tools,
            event_limit=self._event_limit,
            max_depth=self._max_depth,
        )

    def withdraws(self, call: Call) -> Withdrawal | None:
        """Read a cancellation, and the end of a session, as they withdraw held calls.

        A cancellation without ``requestId`` is of a task (MCP 2025-11-25), and withdraws nothing.
        """
        if not isinstance(call.arguments, dict):  # the message could not be read
            return None
        if call.method == CANCELLED and refusals.is_id(rpc_id := call.arguments.get("requestId")):
            return Withdrawal(WithdrawnBy.CANCELLATION, rpc_id)
        return Withdrawal(WithdrawnBy.SESSION_END) if call.name == SESSION_END else None

    def stream_check(self, call: Call, head: ResponseHead) -> StreamCheck:
        """Let a GET's stream have no listing: it may repeat answers to other calls (``Last-Event-ID``)."""
        if call.name != STREAM:
            return pass_all
        if not is_event_stream(head.headers):
            raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail="not an event stream")
        return NoListings(event_limit=self._event_limit, max_depth=self._max_depth).check

    def refusal(self, call: Call | None, reason: Reason, call_id: str) -> Reply:
        """Answer in a form that clients survive; see ``refusals``."""
        return refusals.refusal(call, reason, call_id) or super().refusal(call, reason, call_id)

    def policys_reply(self, call: Call, reply: Reply, reason: Reason, call_id: str) -> Reply:
        """Answer in policy's words, in a form that clients survive; see ``refusals``."""
        return refusals.in_policys_words(call, reply, reason, call_id)

    def last_piece(self, call: Call, head: ResponseHead, reason: Reason) -> bytes:
        """End the event stream that answers a request with an error for that request."""
        return refusals.last_event(call, reason) if is_event_stream(head.headers) else b""


def _rebased(rules: tuple[MaskRule, ...], roots: tuple[str, ...]) -> tuple[MaskRule, ...]:
    """Return the rules, each rule for a path once for every root."""
    rebased: list[MaskRule] = []
    for rule in rules:
        rebased += [replace(rule, path=root + rule.path[1:]) for root in roots] if rule.path else [rule]
    return tuple(rebased)


def _bodiless(call: Call, head: RequestHead, body: bytes, unreadable: Uninspectable | None) -> Call:
    """Read a GET or DELETE, which have no body."""
    name = {"GET": STREAM, "DELETE": SESSION_END}.get(head.method)
    if name is None:
        raise Refused(Reason.UNKNOWN_FUNCTION, rule="method", detail="MCP has POST, GET and DELETE")
    call = replace(call, name=name, method=head.method)
    try:
        check_readable(head.headers, body, unreadable or (Uninspectable.UNEXPECTED_BODY if body else None))
    except Unreadable as error:
        return replace(call, uninspectable=error.kind, odd=error.odd)
    return replace(call, arguments={})


def read_message(document: Json) -> _Message:
    """Read one JSON-RPC 2.0 message, strictly.

    Raises:
        Unreadable: a batch, or not exactly a request, notification or response.
    """
    if isinstance(document, list):
        raise Unreadable(Uninspectable.BATCH)
    if not isinstance(document, dict) or document.get("jsonrpc") != "2.0":
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    rpc_id = _rpc_id(document)
    if "method" not in document:
        return _response(document, rpc_id)
    method, params = document["method"], document.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict) or not document.keys() <= REQUEST_KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if (rpc_id is None and method in REQUESTS) or (rpc_id is not None and method in NOTIFICATIONS):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if method == TOOLS_CALL:
        return _tool_call(params, rpc_id)
    return _Message(method, method, params, rpc_id, params, listed=method in REQUESTS or method in NOTIFICATIONS)


def _rpc_id(document: dict[str, Json]) -> int | str | None:
    """Return a string or an integer; None only when there is no id at all (``null`` is not an id in MCP)."""
    if "id" not in document:
        return None
    rpc_id = document["id"]
    if refusals.is_id(rpc_id):
        return rpc_id
    raise Unreadable(Uninspectable.NOT_JSONRPC)


def _response(document: dict[str, Json], rpc_id: int | str | None) -> _Message:
    if rpc_id is None or document.keys() not in RESPONSE_KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    said = document.get("result", document.get("error"))
    if not isinstance(said, dict) or ("error" in document and not said.keys() <= ERROR_KEYS):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if any(fold(key) == "content" != key for key in said):  # no path of a mask leads there
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return _Message(RESPONSE, RESPONSE, said, None, {})


def _tool_call(params: dict[str, Json], rpc_id: int | str | None) -> _Message:
    name, arguments = params.get("name"), params.get("arguments")
    if arguments is None:
        arguments = {}
    if not isinstance(name, str) or not isinstance(arguments, dict) or not params.keys() <= CALL_KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return _Message(name, TOOLS_CALL, arguments, rpc_id, params)
