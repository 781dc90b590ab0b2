"""MCP over streamable HTTP: one JSON-RPC message per POST; a GET stream; DELETE ends a session.

Which function a message calls is read in ``functions``. What a lenient server could read in a second way is
uninspectable: batches, keys beyond the protocol's (``"Method"``), headers unlike the body.

Not checked here: whether the session belongs to the caller (the server's task), and a tool's own schema.
"""

from collections.abc import Mapping
from dataclasses import replace

from extproc.codecs.content_type import EVENT_STREAM, charsets, essence
from extproc.codecs.json_keys import read_document
from extproc.codecs.strict_json import read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import AnsweredCall, Call, Headers, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.masking import MaskRule
from extproc.model.message_shape import MessageShape
from extproc.model.pending_approval import PendingApproval
from extproc.model.pinning import Pinning
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply
from extproc.model.withdrawal import Withdrawal, WithdrawnBy
from extproc.protocols.base_protocol import BaseProtocol
from extproc.protocols.function_protocol import Listing
from extproc.protocols.mcp import own_values, refusals, repeats
from extproc.protocols.mcp.answered_messages import AnsweredMessages
from extproc.protocols.mcp.answers import AnswerReader
from extproc.protocols.mcp.capabilities import ANNOUNCEMENTS, read_announcement
from extproc.protocols.mcp.eras import REMOVED, is_modern
from extproc.protocols.mcp.functions import Functions
from extproc.protocols.mcp.header_copies import agree, as_sent, copies
from extproc.protocols.mcp.listings import ReadResource, read_listing
from extproc.protocols.mcp.message import read_message
from extproc.protocols.mcp.methods import (
    CANCELLED,
    LISTS,
    RESOURCES_READ,
    SESSION_END,
    STREAM,
    TOOLS_CALL,
    TOOLS_LIST,
    UNREADABLE,
)
from extproc.protocols.mcp.places import (
    in_answers,
    in_arguments,
    in_message,
    rebased,
    written_in_answer,
    written_in_arguments,
    written_in_request,
)
from extproc.protocols.mcp.settings import DOCUMENT_METHODS, McpConnection
from extproc.protocols.mcp.ticket_answers import ticket
from extproc.protocols.repeated_call import RepeatedCall
from extproc.protocols.request_checks import check_readable, read_session
from extproc.protocols.streamed_event import NOTHING_TO_DECIDE, EventContent, ReadEvent
from extproc.protocols.strict_content_type import UTF8, Media, is_event_stream, media_type

PROTOCOL = "mcp"
SESSION_ID = "mcp-session-id"
"""The header field of MCP's session id."""
LAST_EVENT_ID = "last-event-id"
"""The header field of a GET that resumes a stream (WHATWG HTML section 9.2.4)."""
GET = "GET"
ERRORS = 400
"""HTTP statuses from here on: clients go by the status."""
JSON = "json"


class McpProtocol(BaseProtocol):
    """One MCP connection, built once from its settings."""

    session_field = SESSION_ID
    opaque_fields = frozenset({LAST_EVENT_ID})
    event_field = LAST_EVENT_ID

    def __init__(self, name: str, settings: McpConnection, *, max_depth: int, event_limit: int) -> None:
        self._name = name
        self._path = settings.path
        self._functions = Functions(
            tools=settings.tools,
            prompts=settings.prompts,
            resources=settings.resources,
            methods=settings.methods,
        )
        self._session_header = settings.session_header
        self._max_depth = max_depth
        self._reader = AnswerReader(event_limit=event_limit, max_depth=max_depth)
        self._resource = settings.protected_resource
        self._pinning = settings.pinning

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
        modern = is_modern(headers, message.params.get("_meta"))
        call = replace(call, method=message.method, rpc_id=message.rpc_id, modern=modern)
        call = replace(call, awaits_reply=message.rpc_id is not None)
        if modern and message.method in REMOVED:
            raise Refused(Reason.UNKNOWN_FUNCTION, "method", "a method of older protocol versions", call)
        function = self._functions.called_by(message)
        call = replace(call, name=function.name)
        if not function.is_registered:
            raise Refused(Reason.UNKNOWN_FUNCTION, function.setting, "nothing of this name is registered", call)
        if not agree(headers, document):
            return replace(call, uninspectable=Uninspectable.HEADER_BODY_MISMATCH)
        call = replace(call, has_open_name=self._functions.is_open(function.name))
        return replace(call, arguments=function.arguments, document=document)

    def request_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase ``$.x`` of a function's arguments to every place where they are in the call's message."""
        return rebased(rules, in_message(call), written_in_request)

    def argument_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase ``$.x`` to the client's answers in a call, and to the arguments that it completes."""
        return rebased(rules, in_arguments(call), written_in_arguments)

    def response_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase ``$.x`` of a function's result to every place where results are in the answer to the call."""
        return rebased(rules, in_answers(call), written_in_answer)

    def header_copies(self, call: Call, headers: Headers, body: bytes | None) -> Mapping[str, bytes]:
        """Return the fields that copy the message; see ``as_sent``."""
        if call.document is None or not copies(headers, call.document):
            return {}
        sent = call.document if body is None else read_document(body, max_depth=self._max_depth)
        return as_sent(headers, call.document, sent)

    def said_of(self, call: Call) -> str:
        """Return the method of a prompt or resource, which is got, read, subscribed to or completed."""
        return "" if call.method in (TOOLS_CALL, call.name) else call.method

    def calls_the_same(self, call: Call, body: bytes) -> bool:
        """Return whether the masked message still calls this function: a mask may change a name or a URI."""
        if call.document is None:
            return True
        message = read_message(read_document(body, max_depth=self._max_depth))
        function = self._functions.called_by(message)
        return function.is_registered and (function.name, message.method) == (call.name, call.method)

    def shape(self, call: Call, *, response: bool) -> MessageShape:
        """Return the shape of JSON-RPC messages in one direction; see ``own_values``."""
        return own_values.shape(call, response=response)

    def arguments_shape(self, call: Call) -> MessageShape | None:
        """Return the shape of what the client answers the server; None for arguments of a function."""
        return own_values.arguments_shape(call)

    def lists(self, call: Call) -> bool:
        """Return whether the response lists functions, tells which kinds there are, or says who may cache it."""
        return call.method in LISTS or call.method in ANNOUNCEMENTS or call.method == RESOURCES_READ

    def pinning(self, call: Call) -> Pinning | None:
        """Tools have definitions, and ``tools/list`` lists them."""
        return self._pinning if call.method in (TOOLS_CALL, TOOLS_LIST) else None

    def read_listing(self, call: Call, head: ResponseHead, body: bytes) -> Listing:
        """Read a listing, the announcement of the server's capabilities, or a resource."""
        answer = self._reader.read(head, body)
        if call.method in LISTS:
            return read_listing(call, answer, self._functions)
        if call.method in ANNOUNCEMENTS:
            return read_announcement(answer, self._functions)
        return ReadResource(answer)

    def withdraws(self, call: Call) -> Withdrawal | None:
        """Read a cancellation, and the end of a session, as they withdraw held calls.

        A cancellation without ``requestId`` is of a task (MCP 2025-11-25), and withdraws nothing.
        """
        if not isinstance(call.arguments, dict):  # the message could not be read
            return None
        if call.method == CANCELLED and refusals.is_id(rpc_id := call.arguments.get("requestId")):
            return Withdrawal(WithdrawnBy.CANCELLATION, rpc_id)
        return Withdrawal(WithdrawnBy.SESSION_END) if call.name == SESSION_END else None

    def streams(self, head: ResponseHead) -> bool:
        """Stream server-sent events alone, but those of an error: clients read no other stream."""
        return head.status < ERRORS and is_event_stream(head.headers)

    def resumed(self, call: Call, answered: AnsweredCall) -> Call:
        """Name the call whose answer a GET asks for again; a GET that resumes a GET stays the stream."""
        if answered.name == STREAM:
            return call
        if not self._functions.has(answered.name, answered.method):
            raise Refused(Reason.UNKNOWN_FUNCTION, "event-id", "the function is registered no more", call)
        return replace(call, name=answered.name, resumes=answered.method, rpc_id=answered.rpc_id)

    def check_response(self, call: Call, head: ResponseHead) -> None:
        """Refuse a success that a client may take for an event stream, and that says otherwise.

        Some clients read every answer to a GET as a stream, and some every content-type that mentions one. Event
        streams are UTF-8 (WHATWG HTML section 9.2), yet some clients decode them by the charset in the type.
        """
        if head.status >= ERRORS:
            return
        content_type = head.headers.get("content-type").lower()
        is_stream = is_event_stream(head.headers) and set(charsets(content_type)) <= UTF8
        if not is_stream and (call.method == GET or EVENT_STREAM in content_type):
            raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="content-type", detail="not clearly an event stream")

    def event_reader(self, call: Call, head: ResponseHead) -> ReadEvent:
        """Read the messages of a stream; see ``AnsweredMessages``."""
        del head
        return AnsweredMessages(call, self._max_depth).in_event

    def read_answer(self, call: Call, head: ResponseHead, body: bytes | None) -> EventContent:
        """Read the message of a whole answer. Clients read JSON alone, and go by the status of an error."""
        if head.status >= ERRORS or body == b"":
            return NOTHING_TO_DECIDE
        if body is None:
            raise Unreadable(Uninspectable.CONTENT_ENCODING)
        if JSON not in head.headers.get("content-type").lower():
            return NOTHING_TO_DECIDE
        return AnsweredMessages(call, self._max_depth).in_text(read_utf8(body))

    def refusal(self, call: Call | None, reason: Reason, call_id: str) -> Reply:
        """Answer in a form that clients survive; see ``refusals``."""
        reply = refusals.refusal(call, reason, call_id) or super().refusal(call, reason, call_id)
        return refusals.in_stream(call, reply)

    def pending(self, call: Call, call_id: str, pending: PendingApproval) -> Reply:
        """Answer with a ticket that clients and models understand; see ``ticket_answers``."""
        return ticket(call, pending, call_id) or self.refusal(call, Reason.APPROVAL_REQUIRED, call_id)

    def same_call(self, call: Call, body: bytes) -> bytes:
        """Return the message without what belongs to the attempt; see ``repeats``."""
        return repeats.same_call(call, body)

    def repeated(self, head: RequestHead, body: bytes, prefix: str) -> RepeatedCall | None:
        """Take the guard's ``requestState`` out of the message; see ``repeats``."""
        return repeats.repeated(head, body, prefix, max_depth=self._max_depth)

    def policys_reply(self, call: Call, reply: Reply, reason: Reason, call_id: str) -> Reply:
        """Answer in policy's words, in a form that clients survive; see ``refusals``."""
        return refusals.in_stream(call, refusals.in_policys_words(call, reply, reason, call_id))

    def if_cut_off(self, call: Call) -> str:
        """Return an error to the call; see ``refusals``."""
        return refusals.if_cut_off(call)

    def last_piece(self, call: Call, head: ResponseHead, reason: Reason) -> bytes:
        """End the event stream that answers a request with an error for that request."""
        return refusals.last_event(call, reason) if is_event_stream(head.headers) else b""


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
