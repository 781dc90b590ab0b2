"""The port of a protocol: how to read a call from a request, where text is, and how to refuse.

A connection's protocol is built once from its settings, is pure, and holds no state of a call.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages
from extproc.model.call import AnsweredCall, Call, Headers, Json, RequestHead, ResponseHead
from extproc.model.masking import MaskRule
from extproc.model.message_shape import MessageShape
from extproc.model.pending_approval import PendingApproval
from extproc.model.pinning import Pinning
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply
from extproc.model.withdrawal import Withdrawal
from extproc.protocols.repeated_call import RepeatedCall
from extproc.protocols.streamed_event import EventContent, ReadEvent


class Listing(Protocol):
    """The functions that one response lists, and the response without some of them."""

    @property
    def noun(self) -> str:
        """Name the listed things, for the record: ``tools``. Empty: the response lists none."""
        ...

    @property
    def items(self) -> tuple[Call | None, ...]:
        """For each listed thing a call to ask policy about; None for one that is never shown."""
        ...

    @property
    def definitions(self) -> tuple[tuple[str, Mapping[str, Json]], ...]:
        """Name and definition of each registered function that is listed, raw, in order; a name may come twice."""
        ...

    def keep(self, kept: Sequence[bool]) -> bytes:
        """Return the response with those of the listed things for which this is true, in the order of ``items``.

        All other bytes stay as they are, but for what the protocol must change in a response that was cut.
        """
        ...


class FunctionProtocol(Protocol):
    """One registered connection's protocol. ``BaseProtocol`` has defaults for all methods but ``identify``."""

    @property
    def session_field(self) -> str:
        """Name of the header field by which the backend gives its callers a session id, lower case.

        Such an id is bound to the caller on its way out and checked on its way in. Empty: there is none.
        """
        ...

    @property
    def event_field(self) -> str:
        """Name of the header field in which callers name the event behind which they resume a stream, lower case.

        The ids of events are sealed on their way out and opened on their way in. Empty: streams are not resumed.
        """
        ...

    @property
    def challenge(self) -> str:
        """``WWW-Authenticate`` of a 401 to a request of this connection."""
        ...

    def public_document(self, head: RequestHead) -> Reply | None:
        """Return the answer to a request for what anybody may read, without a token.

        The backend and policy are not asked, so it holds nothing but what the settings make public.

        Args:
            head: the request's head.

        Returns:
            The answer; None to every other request, which is a call.
        """
        ...

    def identify(self, head: RequestHead, body: bytes, *, call_id: str, unreadable: Uninspectable | None) -> Call:
        """Read which function is called with which arguments.

        Args:
            head: the request's head, as Envoy will forward it.
            body: the decoded body (content-encoding undone).
            call_id: the id to give the call.
            unreadable: set when the body could not be decoded at all; it becomes ``Call.uninspectable``.

        Returns:
            The call. Where the function is known but the body is unreadable, ``uninspectable`` names why.

        Raises:
            Refused: with ``unknown-function`` when no registered function matches.
        """
        ...

    def request_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase path rules, written against the arguments, onto the document of the call's request."""
        ...

    def argument_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase path rules onto ``call.arguments``, where the same arguments may be in several places."""
        ...

    def response_rules(self, rules: tuple[MaskRule, ...], call: Call) -> tuple[MaskRule, ...]:
        """Rebase path rules, written against the result, onto the document of the response (or of each event)."""
        ...

    def header_copies(self, call: Call, headers: Headers, body: bytes | None) -> Mapping[str, bytes]:
        """Return the header fields that copy parts of the body, as they have to be beside the body that is sent.

        Their values are masked with the body, and not by themselves.

        Args:
            call: as ``identify`` read it.
            headers: of the request.
            body: the masked body; None: it stays as the caller sent it.

        Returns:
            All such fields by name, changed or not. Empty: the field does not go.

        Raises:
            Unreadable: the masked body cannot be read again.
        """
        ...

    def said_of(self, call: Call) -> str:
        """Return the words by which approvers tell calls of one function apart; empty where its name says all."""
        ...

    def calls_the_same(self, call: Call, body: bytes) -> bool:
        """Return whether the masked body still calls the function that policy decided about.

        Raises:
            Unreadable: the masked body cannot be read again.
        """
        ...

    @property
    def opaque_fields(self) -> frozenset[str]:
        """Names of the request's header fields that only the backend reads, and gave the caller: never masked."""
        ...

    def shape(self, call: Call, *, response: bool) -> MessageShape | None:
        """Return the shape of a body's messages, by which masking leaves the protocol's own values as they are.

        Args:
            call: as ``identify`` read it.
            response: of the messages in the response; else of that in the request.
        """
        ...

    def arguments_shape(self, call: Call) -> MessageShape | None:
        """Return the shape of a call's arguments, where they are a message of the protocol by themselves."""
        ...

    def unreached_arguments(self, call: Call, *, body_masked: bool) -> Json:
        """Return the arguments that a mask of the body does not reach, because they are part of the URL.

        Args:
            call: as ``identify`` read it.
            body_masked: whether the body is masked; otherwise its members are not reached either.

        Returns:
            The arguments; None where there are none.

        Raises:
            Unreadable: the arguments are not known one by one.
        """
        ...

    def streams(self, head: ResponseHead) -> bool:
        """Return whether this response is masked event by event rather than whole."""
        ...

    def streams_text(self, head: ResponseHead, *, whole: int) -> bool:
        """Return whether this response may be masked as streamed text, where nobody needs the whole.

        Args:
            head: the response's.
            whole: bytes up to which a body of known length is better masked whole.
        """
        ...

    def messages(self, call: Call, headers: Headers, *, response: bool) -> Messages | None:
        """Return the types of a body's messages, where only descriptors say; None where the content-type does.

        Args:
            call: as ``identify`` read it.
            headers: of the request, or of the response.
            response: whether the body is the response's, one of those that ``streams``.
        """
        ...

    def kinds(self, *, response: bool) -> tuple[Descriptor, ...]:
        """Return the types of messages in which rules' paths are followed, to find names that cannot occur."""
        ...

    def binary_fields(self, call: Call | None, fields: Headers) -> Mapping[str, Descriptor | None]:
        """Return the fields whose values are bytes in Base64, with their message type where that is known."""
        ...

    def ending(self, fields: Headers) -> str:
        """Return how the call ended by the last fields of its response, for the record; empty: see the status."""
        ...

    def lists(self, call: Call) -> bool:
        """Return whether the response to this call lists functions: it is then read whole, streams too."""
        ...

    def read_listing(self, call: Call, head: ResponseHead, body: bytes) -> Listing:
        """Read a response that lists functions.

        Args:
            call: the call that it answers, one that ``lists``.
            head: the response's.
            body: whole, content-encoding undone, without the backend's credential.

        Raises:
            Unreadable: the listed functions cannot be told for certain.
        """
        ...

    def pinning(self, call: Call) -> Pinning | None:
        """Return how definitions are pinned where a call is of a function that has one, or lists them; else None.

        Args:
            call: as ``identify`` read it, or a candidate of a listing.
        """
        ...

    def withdraws(self, call: Call) -> Withdrawal | None:
        """Return which earlier calls of its caller this call withdraws while they are held; None: none.

        Args:
            call: as ``identify`` read it.
        """
        ...

    def resumed(self, call: Call, answered: AnsweredCall) -> Call:
        """Return a request that resumes a stream as a call of the function whose answer the stream is.

        Args:
            call: as ``identify`` read it.
            answered: the earlier call, which this caller made.

        Raises:
            Refused: with ``unknown-function``: it is registered no more.
        """
        ...

    def check_response(self, call: Call, head: ResponseHead) -> None:
        """Refuse a response whose head says that a caller may read its body otherwise than the guard does.

        Raises:
            Refused: with ``response-uninspectable``.
        """
        ...

    def event_reader(self, call: Call, head: ResponseHead) -> ReadEvent | None:
        """Return the reader of the events of a streamed answer; None where its pieces are masked, and no more.

        Args:
            call: the call that is answered.
            head: the response's.
        """
        ...

    def read_answer(self, call: Call, head: ResponseHead, body: bytes | None) -> EventContent:
        """Return what there is to decide about in a whole response, beside the response itself.

        Args:
            call: the call that is answered.
            head: the response's.
            body: whole, content-encoding undone; None where that cannot be.

        Raises:
            Unreadable: that cannot be told for certain.
        """
        ...

    def refusal(self, call: Call | None, reason: Reason, call_id: str) -> Reply:
        """Answer a refused call in the protocol's own terms, with ``reason`` and ``call_id`` alone."""
        ...

    def pending(self, call: Call, call_id: str, pending: PendingApproval) -> Reply:
        """Tell the caller that the call waits for approval, and has to be made again.

        No client may take the answer for a success, nor for the result of the function.

        Args:
            call: as ``identify`` read it.
            call_id: of the call that is answered.
            pending: the request for approval.
        """
        ...

    def same_call(self, call: Call, body: bytes) -> bytes:
        """Return what stays the same when the same call is made again; two other calls never have the same.

        Args:
            call: as ``identify`` read it.
            body: decoded, without the state of a ``repeated`` call.
        """
        ...

    def repeated(self, head: RequestHead, body: bytes, prefix: str) -> RepeatedCall | None:
        """Take out of a request what a client gives back of the guard's own answer to the call before.

        Args:
            head: the request's head.
            body: the decoded body.
            prefix: the beginning of all states that this installation gives out.

        Returns:
            None where the request has no such state, or cannot be read: ``identify`` then refuses it.
        """
        ...

    def policys_reply(self, call: Call, reply: Reply, reason: Reason, call_id: str) -> Reply:
        """Answer a denied call with what policy wrote for HTTP, in a form that the protocol's callers can read."""
        ...

    def if_cut_off(self, call: Call) -> str:
        """Return the body with which Envoy answers, on status 200, if it has to end this call without the guard.

        It goes to the caller as it is. Empty: the caller gets Envoy's own words and status.
        """
        ...

    def last_piece(self, call: Call, head: ResponseHead, reason: Reason) -> bytes:
        """Return what a caller is told in a stream that is broken off, with ``reason`` and the call's id alone.

        It goes after whole pieces and parts of pieces alike. Empty: the stream is broken off without a word.
        """
        ...
