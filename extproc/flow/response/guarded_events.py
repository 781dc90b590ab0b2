"""Event streams whose protocol knows each event: events are decided one by one, masked, and their ids sealed.

What policy decides about is decided before it passes, and when it comes. Until then, and after it, events pass
masked by what was decided about the request.
"""

from dataclasses import replace

from extproc.codecs.sse import Event, Line, Reader
from extproc.codecs.unreadable import Unreadable
from extproc.flow.response.fed import Fed, broken_by
from extproc.flow.response.function_listing import cut_listing
from extproc.flow.response.responding import Responding, Rules
from extproc.flow.response.server_requests import decide_server_requests
from extproc.identity.event_ids import Holder, is_sendable
from extproc.masking.stream_masker import StreamMasker
from extproc.model.call import AnsweredCall, Headers, ResponseHead
from extproc.model.errors import MaskingError, Refused
from extproc.model.masking import Finding
from extproc.protocols.streamed_event import NOTHING_TO_DECIDE, EventContent, ReadEvent

EVENTS = "text/event-stream"
JSON = "application/json"
ID = b"id"


class GuardedEvents:
    """One stream under way. See ``PieceFeeder``."""

    def __init__(self, response: Responding, read: ReadEvent, rules: Rules, holder: Holder) -> None:
        """Begin a stream.

        Args:
            response: its response.
            read: the protocol's reader of its events.
            rules: what is masked in all events.
            holder: who may resume it.

        Raises:
            MaskingError: a rule that cannot be applied.
        """
        self._response, self._read, self._rules, self._holder = response, read, rules, holder
        answered = response.answered
        self._answers = AnsweredCall(answered.name, answered.method, answered.rpc_id)
        self._awaits_answer = answered.rpc_id is not None
        self._events = Reader(limit=response.services.limits.event)
        self._masker = self._make_masker(rules)
        self._found_beside: tuple[Finding, ...] = ()
        self._has_answer = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        return self._masker.findings + self._found_beside

    async def feed(self, piece: bytes, *, last: bool) -> Fed:
        """Take the next piece; see ``PieceFeeder``."""
        out, self._has_answer = bytearray(), False
        try:
            await self._feed(piece, out)
            if last:
                out += self._sealed(self._masker.finish())
        except (MaskingError, Unreadable, Refused) as error:
            return Fed(bytes(out), broken_by(error))
        return Fed(bytes(out), has_answer=self._has_answer)

    def unfinished(self) -> bytes:
        """See ``PieceFeeder``."""
        return self._masker.finish()

    async def _feed(self, piece: bytes, out: bytearray) -> None:
        """Append what may go. Events without a decision are masked together."""
        together = bytearray()
        try:
            for received in self._events.feed(piece):
                event = _with_sendable_ids(received)
                content = self._read(event)
                if content == NOTHING_TO_DECIDE:
                    together += event.raw
                    continue
                self._mask_together(together, out)
                out += self._sealed(await self._decided(event, content))
        finally:
            self._mask_together(together, out)

    def _mask_together(self, together: bytearray, out: bytearray) -> None:
        if together:
            taken = bytes(together)
            together.clear()
            out += self._sealed(self._masker.feed(taken))

    async def _decided(self, event: Event, content: EventContent) -> bytes:
        """Return the event as it may pass; nothing of one that is left out.

        Raises:
            Refused: the stream must end here.
        """
        record = self._response.record
        if content.is_stray:
            record.left_out("an answer to another call")
            return b""
        try:
            added = await decide_server_requests(self._response, content.asks)
        except Refused as refused:
            if self._awaits_answer:
                raise
            record.left_out(f"a request of the server ({refused.reason.value})")
            return b""
        if content.answer is None:
            return self._masked_by(self._rules + added, event)
        decision = await self._as_json.decide(content.answer)
        if self._response.protocol.lists(self._response.answered):
            event = event.with_data(await self._cut(content.answer))
        self._has_answer = True
        return self._masked_by(self._response.rules(decision) + added, event)

    async def _cut(self, answer: bytes) -> bytes:
        response = self._as_json
        return await cut_listing(
            response.permitted.decided, response.services, response.record, response.head, answer
        )

    @property
    def _as_json(self) -> Responding:
        """The response as if the message were its whole body."""
        head = self._response.head
        fields = tuple(each for each in head.headers if each[0] != "content-type")
        as_json = ResponseHead(head.status, Headers((*fields, ("content-type", JSON.encode()))), head.local_reply)
        return replace(self._response, head=as_json)

    def _masked_by(self, rules: Rules, event: Event) -> bytes:
        if rules == self._rules:
            return self._masker.feed(event.raw)
        masker = self._make_masker(tuple(dict.fromkeys(rules)))
        masked = masker.feed(event.raw) + masker.finish()
        self._found_beside += masker.findings
        return masked

    def _make_masker(self, rules: Rules) -> StreamMasker:
        return self._response.services.masker.stream(EVENTS, rules, self._response.shape)

    def _sealed(self, masked: bytes) -> bytes:
        """Return whole masked events with sealed ids."""
        if ID not in masked:
            return masked
        return b"".join(map(self._with_sealed_ids, Reader(limit=len(masked)).feed(masked)))

    def _with_sealed_ids(self, event: Event) -> bytes:
        return b"".join(self._with_sealed_id(each) for each in event.lines())

    def _with_sealed_id(self, line: Line) -> bytes:
        """Return a line with its id sealed. An empty id, which resets the reader's, stays."""
        if line.name != ID or not line.value:
            return line.raw
        sealed = self._response.services.event_ids.seal(line.value, self._answers, self._holder)
        return line.with_value(sealed).raw


def _with_sendable_ids(event: Event) -> Event:
    """Leave out ids that no caller could send back, such as those with a NUL, which readers ignore."""
    if ID not in event.raw:
        return event
    lines = [*event.lines()]
    kept = [line.raw if line.name != ID or is_sendable(line.value) else line.mark for line in lines]
    return event._replace(raw=b"".join(kept))
