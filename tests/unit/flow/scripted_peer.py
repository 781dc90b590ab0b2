"""Envoy's side of a dialogue: it says what the test tells it to, and gives the guard's answers in readable form."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import cached_property

from envoy_data_plane.envoy.config.core.v3 import HeaderValueOptionHeaderAppendAction
from envoy_data_plane.envoy.service.ext_proc.v3 import CommonResponse, ProcessingResponse

from extproc.wire import encode
from extproc.wire.events import RequestBodyReceived, ResponseBodyReceived, ResponseHeadersReceived


@dataclass(frozen=True)
class Refusal:
    """An answer to the caller in the backend's place."""

    status: int
    headers: dict[str, bytes]
    body: bytes

    @cached_property
    def document(self):
        """The problem document, or the JSON-RPC message that holds the error."""
        return json.loads(self.body)

    @property
    def reason(self):
        """The reason that the caller reads."""
        error = self.document.get("error")
        return error["data"]["reason"] if error else self.document["reason"]


@dataclass
class ScriptedPeer:
    """Envoy. ``upstream_…`` goes to the backend, ``delivered…`` to the caller."""

    to_guard: asyncio.Queue = field(default_factory=asyncio.Queue)
    said: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    """The guard's messages."""

    def say(self, *events):
        for event in events:
            self.said.append(event)
            self.to_guard.put_nowait(event)
        return self

    async def receive(self):
        return await self.to_guard.get()

    async def send(self, message):
        self.sent.append(ProcessingResponse.parse(message))

    async def keep_waiting(self, seconds):
        await self.send(encode.hold(seconds))

    @property
    def is_forwarded(self):
        """True if the request went upstream."""
        return self._forwarded is not None

    @property
    def upstream_headers(self):
        """Header fields that the guard sets on the request that goes upstream."""
        return _fields_set(self._forwarded.header_mutation) if self.is_forwarded else {}

    @property
    def upstream_removed(self):
        """Names of the header fields that the guard removes from the request that goes upstream."""
        return _names_removed(self._forwarded.header_mutation) if self.is_forwarded else []

    @property
    def upstream_body(self):
        """The body that goes upstream; None if the request does not."""
        callers = b"".join(event.body for event in self.said if isinstance(event, RequestBodyReceived))
        return _body(self._forwarded, callers) if self.is_forwarded else None

    @property
    def request_body_is_untouched(self):
        """True if the request went upstream with the caller's own bytes."""
        return self.is_forwarded and self._forwarded.body_mutation is None

    @property
    def delivered_pieces(self):
        """The response's body as the caller gets it, piece by piece. What is withheld is an empty piece."""
        backends = [event.body for event in self.said if isinstance(event, ResponseBodyReceived)]
        return [_body(answer, own) for answer, own in zip(self._body_answers, backends, strict=False)]

    @property
    def delivered(self):
        """The response's body as the caller gets it, as far as it was let go."""
        return b"".join(self.delivered_pieces)

    @property
    def response_body_is_untouched(self):
        """True if the caller gets the backend's own bytes."""
        return bool(self._body_answers) and all(each.body_mutation is None for each in self._body_answers)

    @property
    def delivered_headers(self):
        """Header fields that the guard sets on the response that goes to the caller."""
        return {name: value for each in self._header_mutations for name, value in _fields_set(each).items()}

    def delivered_values(self, name):
        """All values of one header field as the caller gets them: the backend's, and over them the guard's."""
        heads = [event.head.headers for event in self.said if isinstance(event, ResponseHeadersReceived)]
        values = [value for head in heads for key, value in head if key == name]
        for mutation in self._header_mutations:
            values = [] if name in _names_removed(mutation) else values
            for option in mutation.set_headers if mutation else ():
                if option.header.key == name:
                    kept = values if option.append_action == _APPEND else []
                    values = [*kept, option.header.raw_value]
        return values

    @property
    def delivered_trailers(self):
        """Fields that the guard sets in the response's trailers."""
        return _fields_set(self._trailer_mutation)

    @property
    def trailers_removed(self):
        """Names of the fields that the guard removes from the response's trailers."""
        return _names_removed(self._trailer_mutation)

    @property
    def refusals(self):
        """Answers in the backend's place. A dialogue has at most one."""
        found = self._answers("immediate_response")
        return [Refusal(int(each.status.code), _fields_set(each.headers), each.body) for each in found]

    @property
    def refusal(self):
        """The one refusal."""
        [refusal] = self.refusals
        return refusal

    @property
    def waits(self):
        """Seconds for which Envoy is asked to wait for a held call."""
        return [each.total_seconds() for each in self._answers("override_message_timeout")]

    @property
    def metadata(self):
        """Metadata of each message, in the guard's namespace."""
        return [_metadata(each) for each in self.sent]

    def marks(self):
        """The guard's markers in the order in which they were sent."""
        return [
            (name, value)
            for each in self.metadata
            for name, value in each.items()
            if name not in {"call", "policy", "cut_off"}
        ]

    @property
    def transcript(self):
        """Everything that the guard sent, as text to search."""
        return "".join(repr(each.to_dict()) + bytes(each).decode("latin-1") for each in self.sent)

    @property
    def _forwarded(self):
        """The answer that lets the request go: to its body, or to its head where there is no body."""
        to_heads = [each.request_headers for each in self.sent if "req" in _metadata(each)]
        answers = [*self._answers("request_body"), *(each for each in to_heads if each is not None)]
        return next(map(_common, answers), None)

    @property
    def _body_answers(self):
        return [_common(each) for each in self._answers("response_body")]

    @property
    def _header_mutations(self):
        answers = [*self._answers("response_headers"), *self._answers("response_body")]
        return [_common(each).header_mutation for each in answers]

    @property
    def _trailer_mutation(self):
        [answer] = self._answers("response_trailers")
        return answer.header_mutation

    def _answers(self, phase):
        """The guard's answers to one phase. An empty answer is false, and yet an answer."""
        return [answer for each in self.sent if (answer := getattr(each, phase)) is not None]


_APPEND = HeaderValueOptionHeaderAppendAction.APPEND_IF_EXISTS_OR_ADD


def _common(answer):
    return answer.response or CommonResponse()


def _fields_set(mutation):
    return {each.header.key: each.header.raw_value for each in mutation.set_headers} if mutation else {}


def _names_removed(mutation):
    return list(mutation.remove_headers) if mutation else []


def _body(answer, own):
    """The body after an answer to it: the own bytes where it changes nothing."""
    return own if answer.body_mutation is None else answer.body_mutation.body or b""


def _metadata(message):
    fields = message.dynamic_metadata.fields if message.dynamic_metadata else {}
    return _plain(fields["guard"]) if "guard" in fields else {}


def _plain(value):
    """A protobuf ``Value`` as plain Python."""
    if value.struct_value is not None:
        return {name: _plain(each) for name, each in value.struct_value.fields.items()}
    if value.list_value is not None:
        return [_plain(each) for each in value.list_value.values]
    known = (value.string_value, value.number_value, value.bool_value)
    return next((each for each in known if each is not None), None)
