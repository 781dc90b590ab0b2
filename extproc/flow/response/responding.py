"""A response to guard: the call, and everything that its steps need."""

from dataclasses import dataclass

from extproc.flow.record.call_record import CallRecord
from extproc.flow.response.response_policy import decide_response
from extproc.flow.services import Services
from extproc.flow.stages import PermittedCall
from extproc.model.call import Call, Headers, ResponseHead
from extproc.model.decision import Decision
from extproc.model.masking import MaskRule
from extproc.model.message_shape import MessageShape
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.wire.peer import Peer

Rules = tuple[MaskRule, ...]


@dataclass(frozen=True, slots=True)
class Responding:
    """A response to guard: the call, and everything that its steps need."""

    peer: Peer
    services: Services
    permitted: PermittedCall
    record: CallRecord
    head: ResponseHead

    @property
    def protocol(self) -> FunctionProtocol:
        """The connection's protocol."""
        return self.permitted.decided.connection.protocol

    @property
    def answered(self) -> Call:
        """The call whose answer this is."""
        return self.permitted.decided.call.answered

    def rules(self, decision: Decision) -> Rules:
        """Return the connection's and the policy's rules for the response, in the protocol's own paths."""
        decided = self.permitted.decided
        own = decided.connection.mask_for(decided.call.name).response
        return self.protocol.response_rules(own + decision.mask.response, self.answered)

    @property
    def shape(self) -> MessageShape | None:
        """The shape of the response's messages, if the protocol has one."""
        return self.protocol.shape(self.answered, response=True)

    @property
    def kept_rules(self) -> Rules:
        """The exemptions that hold for what is recorded of the response, in the protocol's own paths."""
        decided = self.permitted.decided
        return self.protocol.response_rules(decided.connection.kept_for(decided.call.name).response, self.answered)

    async def decide(self, plain: bytes | None = b"", *, streamed: bool = False) -> Decision:
        """Ask policy about the response; see ``decide_response``."""
        return await decide_response(
            self.permitted, self.services, self.record, self.head, plain, streamed=streamed
        )

    def complete(self, last: Headers) -> None:
        """Note that the call is over. Its protocol may say how in the last fields.

        This comes just before the last message is sent: Envoy ends the stream as soon as it has that, and the
        cancellation may come before ``send`` returns.
        """
        self.record.completed(self.head.status, self.protocol.ending(last))
