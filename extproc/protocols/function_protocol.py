"""What a protocol knows: how to read a call from a request, where text is, and how to say no."""

from collections.abc import Mapping
from typing import Protocol

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages
from extproc.model.call import Call, Headers, RequestHead, ResponseHead
from extproc.model.masking import MaskRule
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply


class FunctionProtocol(Protocol):
    """One registered connection's protocol, built once from its settings. Pure; holds no state of a call."""

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

    def request_rules(self, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
        """Rebase path rules, written against the arguments, onto the request's document."""
        ...

    def response_rules(self, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
        """Rebase path rules, written against the result, onto the response's document (or each event's)."""
        ...

    def streams(self, head: ResponseHead) -> bool:
        """Whether this response is to be masked event by event rather than whole."""
        ...

    def streams_text(self, head: ResponseHead, *, whole: int) -> bool:
        """Whether this response may be masked as text that comes piece by piece, where nobody needs the whole.

        Args:
            head: the response's.
            whole: bytes up to which a body whose length is known is better masked whole.
        """
        ...

    def messages(self, call: Call, headers: Headers, *, response: bool) -> Messages | None:
        """What a body consists of, where only descriptors tell; None where its content-type does.

        Args:
            call: as ``identify`` read it.
            headers: of the request, or of the response.
            response: whether it is the response's, one of those that ``streams``.
        """
        ...

    def kinds(self, *, response: bool) -> tuple[Descriptor, ...]:
        """Types of messages in which rules' paths are followed: by them names are known that mean nothing."""
        ...

    def binary_fields(self, call: Call | None, fields: Headers) -> Mapping[str, Descriptor | None]:
        """Fields whose values are bytes in Base64, and of which type of message, where that is known."""
        ...

    def ending(self, fields: Headers) -> str:
        """What the last fields of a response say of how the call ended, for the record; empty: its status does."""
        ...

    def refusal(self, call: Call | None, reason: Reason, call_id: str) -> Reply:
        """The answer for a refused call, in the protocol's own terms, with ``reason`` and ``call_id`` alone."""
        ...
