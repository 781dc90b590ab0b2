"""Defaults for a protocol whose bodies are as their content-type says, and which has no other features.

A new protocol inherits them, writes ``identify``, and replaces what differs.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import AnsweredCall, Call, Headers, Json, RequestHead, ResponseHead
from extproc.model.masking import MaskRule
from extproc.model.message_shape import MessageShape
from extproc.model.pending_approval import PendingApproval
from extproc.model.pinning import Pinning
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply
from extproc.model.withdrawal import Withdrawal
from extproc.protocols.function_protocol import Listing
from extproc.protocols.problem_document import BEARER, pending_problem, problem
from extproc.protocols.repeated_call import RepeatedCall
from extproc.protocols.streamed_event import NOTHING_TO_DECIDE, EventContent, ReadEvent
from extproc.protocols.strict_content_type import streamed


class BaseProtocol:
    """Answers everything of ``FunctionProtocol`` but ``identify``. See there for each method's promise."""

    session_field = ""
    opaque_fields: frozenset[str] = frozenset()
    event_field = ""

    @property
    def challenge(self) -> str:
        """Say only that a token is wanted (RFC 6750 section 3)."""
        return BEARER

    def public_document(self, head: RequestHead) -> Reply | None:
        """Return None: there is nothing for everybody."""
        del head
        return None

    def request_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Leave the rules as they are: the arguments that can be rewritten are the body's document."""
        del call
        return rules

    def argument_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Leave the rules as they are: they are written against the arguments."""
        del call
        return rules

    def response_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Leave the rules as they are: ``$`` is the response's document."""
        del call
        return rules

    def header_copies(self, call: Call, headers: Headers, body: bytes | None) -> Mapping[str, bytes]:
        """Return none: no header field copies the body."""
        del call, headers, body
        return {}

    def said_of(self, call: Call) -> str:
        """Return nothing: the name says all."""
        del call
        return ""

    def calls_the_same(self, call: Call, body: bytes) -> bool:
        """Return True: no body names the function."""
        del call, body
        return True

    def shape(self, call: Call, *, response: bool) -> MessageShape | None:
        """Return None: everything in a body is data."""
        del call, response
        return None

    def arguments_shape(self, call: Call) -> MessageShape | None:
        """Return None: everything in the arguments is data."""
        del call
        return None

    def unreached_arguments(self, call: Call, *, body_masked: bool) -> Json:
        """Return None: all arguments stand in the body."""
        del call, body_masked
        return None

    def streams(self, head: ResponseHead) -> bool:
        """Stream server-sent events and JSON Lines: each is masked by itself."""
        return streamed(head.headers)

    def streams_text(self, head: ResponseHead, *, whole: int) -> bool:
        """Return False: a response that is not in the protocol's own form is masked whole."""
        del head, whole
        return False

    def messages(self, call: Call, headers: Headers, *, response: bool) -> Messages | None:
        """Return None: the content-type says how to read a body."""
        del call, headers, response
        return None

    def kinds(self, *, response: bool) -> tuple[Descriptor, ...]:
        """Return none: any name that a path mentions may occur."""
        del response
        return ()

    def binary_fields(self, call: Call | None, fields: Headers) -> Mapping[str, Descriptor | None]:
        """Return none: all fields are text."""
        del call, fields
        return {}

    def ending(self, fields: Headers) -> str:
        """Return nothing: the HTTP status says how the call ended."""
        del fields
        return ""

    def lists(self, call: Call) -> bool:
        """Return False: no call is answered with a listing of functions."""
        del call
        return False

    def read_listing(self, call: Call, head: ResponseHead, body: bytes) -> Listing:
        """Refuse: no call is answered with a listing.

        Raises:
            Unreadable: always.
        """
        del call, head, body
        raise Unreadable(Uninspectable.CONTENT_TYPE)

    def pinning(self, call: Call) -> Pinning | None:
        """Return None: the backend does not define its functions to callers."""
        del call
        return None

    def withdraws(self, call: Call) -> Withdrawal | None:
        """Return None: no message is about an earlier call."""
        del call
        return None

    def resumed(self, call: Call, answered: AnsweredCall) -> Call:
        """Return the call: no stream is resumed."""
        del answered
        return call

    def check_response(self, call: Call, head: ResponseHead) -> None:
        """Let every response pass."""
        del call, head

    def event_reader(self, call: Call, head: ResponseHead) -> ReadEvent | None:
        """Return None: streams hold nothing but the call's own response."""
        del call, head
        return None

    def read_answer(self, call: Call, head: ResponseHead, body: bytes | None) -> EventContent:
        """Return nothing to decide: a response holds no question of the backend."""
        del call, head, body
        return NOTHING_TO_DECIDE

    def refusal(self, call: Call | None, reason: Reason, call_id: str) -> Reply:
        """Answer with a problem document (RFC 9457)."""
        return problem(reason, call_id, call=call, challenge=self.challenge)

    def pending(self, call: Call, call_id: str, pending: PendingApproval) -> Reply:
        """Answer with a problem document (RFC 9457) and ``Retry-After``."""
        del call
        return pending_problem(pending, call_id)

    def same_call(self, call: Call, body: bytes) -> bytes:
        """Return the body: nothing in it changes from one attempt to the next."""
        del call
        return body

    def repeated(self, head: RequestHead, body: bytes, prefix: str) -> RepeatedCall | None:
        """Return None: clients give nothing back."""
        del head, body, prefix
        return None

    def policys_reply(self, call: Call, reply: Reply, reason: Reason, call_id: str) -> Reply:
        """Answer as policy says."""
        del call, reason, call_id
        return reply

    def if_cut_off(self, call: Call) -> str:
        """Return nothing: Envoy's own status tells what happened."""
        del call
        return ""

    def last_piece(self, call: Call, head: ResponseHead, reason: Reason) -> bytes:
        """Return nothing: the caller sees that the stream is not whole."""
        del call, head, reason
        return b""
