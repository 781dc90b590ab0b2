"""The shapes of events in which the APIs of language models send a text piece by piece.

A *delta* is one piece of a text. Deltas of one text form a *channel*: a choice's content, the arguments of one
tool call, a block of thoughts. Each function here reads the events of some APIs; ``docs/reference/masking.md``
lists them. An event may end channels: their text is complete.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from extproc.masking.plan.json_path import Component, Location

Channel = tuple[Component, ...]
"""Names a text within a stream. The channels of one choice, block or item begin alike."""
EVERYTHING: Channel = ()
"""The beginning of all channels."""
MARKS = (
    *('"choices"', 'delta"', '"candidates"', '"done"', '"completion"', '"token"', '"stop"', '"event_type"'),
    *("notifications/message", "notifications/progress"),
)
"""Every document with a delta has one of these texts."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a text."""

    channel: Channel
    location: Location
    """Its place in the event's document."""
    text: str
    is_json: bool = False
    """The whole text of the channel is a JSON document: the arguments of a tool."""
    may_be_whole: bool = False
    """The text looks like a whole message: it continues a channel, and opens none."""


@dataclass(slots=True)
class Shape:
    """The pieces of texts in one event."""

    deltas: list[Delta] = field(default_factory=list)
    ended: list[Channel] = field(default_factory=list)
    """Beginnings of the channels whose texts end with this event."""
    spelled: list[Location] = field(default_factory=list)
    """Arrays and objects that spell a text of the event once more, token by token: the log probabilities."""

    def add(self, channel: Channel, location: Location, text: object, *, is_json: bool = False) -> None:
        """Add a delta if there is a text."""
        if isinstance(text, str):
            self.deltas.append(Delta(channel, location, text, is_json))

    def add_spelled(self, location: Location, value: object) -> None:
        """Add an array or object that spells a text, if there is one."""
        if isinstance(value, dict | list) and value:
            self.spelled.append(location)


def may_have_deltas(document: str) -> bool:
    """Return whether a document may be of a known shape with a delta. May be wrongly true, never wrongly false."""
    return any(mark in document for mark in MARKS)


def read_shape(document: object) -> Shape:
    """Return the deltas in a document, and the channels that it ends. One of another shape has neither."""
    shape = Shape()
    if isinstance(document, dict):
        for reader in READERS:
            reader(document, shape)
    return shape


CHAT_TEXTS = ("content", "refusal", "reasoning_content", "reasoning", "thinking")


def _choices(document: dict[str, Any], shape: Shape) -> None:
    """Chat completions and completions, of OpenAI and of all who took over the form."""
    for position, choice in _objects(document.get("choices")):
        at: Location = ("choices", position)
        delta, base = choice.get("delta"), ("choices", _index(choice, position))
        if isinstance(delta, dict):
            _chat_delta(delta, base, (*at, "delta"), shape)
        elif "finish_reason" in choice:
            shape.add((*base, "text"), (*at, "text"), choice.get("text"))
        if isinstance(delta, dict) or "finish_reason" in choice:
            shape.add_spelled((*at, "logprobs"), choice.get("logprobs"))
        if choice.get("finish_reason") is not None:
            shape.ended.append(base)


def _chat_delta(delta: dict[str, Any], base: Channel, at: Location, shape: Shape) -> None:
    for name in CHAT_TEXTS:
        shape.add((*base, name), (*at, name), delta.get(name))
    for position, part in _objects(delta.get("content")):  # Mistral
        place = (*at, "content", position)
        shape.add((*base, "content"), (*place, "text"), part.get("text"))
        for inner, thought in _objects(part.get("thinking")):
            shape.add((*base, "thinking"), (*place, "thinking", inner, "text"), thought.get("text"))
    called = delta.get("function_call")
    if isinstance(called, dict):
        place = (*at, "function_call", "arguments")
        shape.add((*base, "function_call"), place, called.get("arguments"), is_json=True)
    for position, call in _objects(delta.get("tool_calls")):
        channel = (*base, "tool_calls", _index(call, position))
        for kind, name in (("function", "arguments"), ("custom", "input")):
            inside = call.get(kind)
            if isinstance(inside, dict):
                place = (*at, "tool_calls", position, kind, name)
                shape.add((*channel, kind), place, inside.get(name), is_json=name == "arguments")


AUDIO = ("response.audio", "response.output_audio")
"""Base64 of sound: each piece is passed on by itself."""
ENDED = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


def _responses(document: dict[str, Any], shape: Shape) -> None:
    """OpenAI's Responses: ``response.….delta`` and its ``.done``."""
    kind = document.get("type")
    if not isinstance(kind, str) or not kind.startswith(("response.", "error")):
        return
    base, _, ending = kind.rpartition(".")
    channel = (base, *(_component(document.get(name)) for name in RESPONSES_INDEXES))
    if ending == "delta" and base not in AUDIO:
        shape.add(channel, ("delta",), document.get("delta"), is_json=base.endswith("_arguments"))
        shape.add_spelled(("logprobs",), document.get("logprobs"))
    elif ending == "done":
        shape.ended.append(channel)
        shape.add_spelled(("logprobs",), document.get("logprobs"))
    elif kind in ENDED:
        shape.ended.append(EVERYTHING)


RESPONSES_INDEXES = ("item_id", "output_index", "content_index", "summary_index")
BLOCK_TEXTS = {"text": False, "thinking": False, "partial_json": True, "arguments": True}
"""Texts in a delta of a block, and whether they are JSON."""


def _blocks(document: dict[str, Any], shape: Shape) -> None:
    """Anthropic's messages: deltas of a content block; also its earlier completions. Gemini's interactions."""
    kind, delta = document.get("event_type") or document.get("type"), document.get("delta")
    block = ("blocks", _component(document.get("index")))
    if kind in ("content_block_delta", "step.delta") and isinstance(delta, dict):
        for name, is_json in BLOCK_TEXTS.items():
            shape.add((*block, name), ("delta", name), delta.get(name), is_json=is_json)
    elif kind in ("content_block_stop", "step.stop"):
        shape.ended.append(block)
    elif kind in ("message_stop", "interaction.completed"):
        shape.ended.append(EVERYTHING)
    elif kind == "completion":
        shape.add(("completion",), ("completion",), document.get("completion"))
        if document.get("stop_reason") is not None:
            shape.ended.append(("completion",))


def _candidates(document: dict[str, Any], shape: Shape) -> None:
    """Gemini. The parts of a candidate are one text; thoughts are another."""
    for position, candidate in _objects(document.get("candidates")):
        content, base = candidate.get("content"), ("candidates", _index(candidate, position))
        if isinstance(content, dict):
            at: Location = ("candidates", position, "content", "parts")
            for number, part in _objects(content.get("parts")):
                name = "thought" if part.get("thought") else "text"
                shape.add((*base, name), (*at, number, "text"), part.get("text"))
                _partial_arguments(part.get("functionCall"), base, (*at, number), shape)
        shape.add_spelled(("candidates", position, "logprobsResult"), candidate.get("logprobsResult"))
        if candidate.get("finishReason"):
            shape.ended.append(base)


def _partial_arguments(call: object, base: Channel, at: Location, shape: Shape) -> None:
    """Read the arguments that Gemini sends piece by piece: each text is named by its path."""
    for position, part in _objects(call.get("partialArgs") if isinstance(call, dict) else None):
        channel = (*base, "arguments", _component(part.get("jsonPath")))
        shape.add(channel, (*at, "functionCall", "partialArgs", position, "stringValue"), part.get("stringValue"))
        if not part.get("willContinue"):
            shape.ended.append(channel)


LLAMA_CPP = frozenset({"tokens", "tokens_predicted", "id_slot"})
"""Members of which llama.cpp's events have one."""


def _lines(document: dict[str, Any], shape: Shape) -> None:
    """Ollama: chat and generate. Also llama.cpp and Text Generation Inference, whose events are alike."""
    done, message = document.get("done"), document.get("message")
    if isinstance(done, bool):
        if isinstance(message, dict):
            for name in ("content", "thinking"):
                shape.add(("message", name), ("message", name), message.get(name))
        for name in ("response", "thinking"):
            shape.add((name,), (name,), document.get(name))
        shape.add_spelled(("logprobs",), document.get("logprobs"))
        if done:
            shape.ended.append(EVERYTHING)
    token, stop = document.get("token"), document.get("stop")
    if isinstance(stop, bool) and not LLAMA_CPP.isdisjoint(document):
        shape.add(("content",), ("content",), document.get("content"))
        shape.add_spelled(("completion_probabilities",), document.get("completion_probabilities"))
        if stop:
            shape.ended.append(("content",))
    if isinstance(token, dict) and "generated_text" in document:
        shape.add(("token",), ("token", "text"), token.get("text"))
        shape.add_spelled(("top_tokens",), document.get("top_tokens"))
        if document["generated_text"] is not None:
            shape.ended.append(("token",))


@dataclass(frozen=True, slots=True)
class Typed:
    """A delta that an event's ``type`` tells of."""

    location: Location
    named_by: str
    """The member whose value names the channel."""
    ended_by: tuple[str, ...]
    """The types of events that end the channel."""
    is_json: bool = False


TYPED = {
    # Vercel's AI SDK, UI message stream
    "text-delta": Typed(("delta",), "id", ("text-end", "finish", "abort")),
    "reasoning-delta": Typed(("delta",), "id", ("reasoning-end", "finish", "abort")),
    "tool-input-delta": Typed(("inputTextDelta",), "toolCallId", ("tool-input-available", "finish"), is_json=True),
    # Cohere, version 2
    "content-delta": Typed(("delta", "message", "content", "text"), "index", ("content-end", "message-end")),
    "tool-plan-delta": Typed(("delta", "message", "tool_plan"), "index", ("message-end", "tool-call-start")),
    "tool-call-delta": Typed(
        ("delta", "message", "tool_calls", "function", "arguments"), "index", ("tool-call-end",), is_json=True
    ),
    # AG-UI
    "TEXT_MESSAGE_CONTENT": Typed(("delta",), "messageId", ("TEXT_MESSAGE_END", "RUN_FINISHED", "RUN_ERROR")),
    "TOOL_CALL_ARGS": Typed(("delta",), "toolCallId", ("TOOL_CALL_END", "RUN_FINISHED"), is_json=True),
}

ENDED_BY: dict[str, list[str]] = {}
"""The types of deltas whose channels an event of a type ends."""
for _name, _each in TYPED.items():
    for _ending in _each.ended_by:
        ENDED_BY.setdefault(_ending, []).append(_name)


def _typed(document: dict[str, Any], shape: Shape) -> None:
    """Events with a ``type`` and one text: see ``TYPED``."""
    kind = document.get("type")
    if not isinstance(kind, str):
        return
    typed = TYPED.get(kind)
    if typed is not None:
        value: Any = document
        for part in typed.location:
            value = value.get(part) if isinstance(value, dict) else None
        channel = (kind, _component(document.get(typed.named_by)))
        shape.add(channel, typed.location, value, is_json=typed.is_json)
    for name in ENDED_BY.get(kind, ()):
        named_by = TYPED[name].named_by
        named = named_by in document
        shape.ended.append((name, _component(document.get(named_by))) if named else (name,))


def _assistants(document: dict[str, Any], shape: Shape) -> None:
    """OpenAI's Assistants, and Cohere's first version."""
    delta, message = document.get("delta"), _component(document.get("id"))
    if document.get("object") == "thread.message.delta" and isinstance(delta, dict):
        for position, part in _objects(delta.get("content")):
            text = part.get("text")
            if isinstance(text, dict):
                place = ("delta", "content", position, "text", "value")
                shape.add(("thread", message, _index(part, position)), place, text.get("value"))
    elif document.get("object") == "thread.message" and document.get("status") != "in_progress":
        shape.ended.append(("thread", message))
    if document.get("event_type") == "text-generation":
        shape.add(("text-generation",), ("text",), document.get("text"))
    elif document.get("event_type") == "stream-end":
        shape.ended.append(("text-generation",))


def _notifications(document: dict[str, Any], shape: Shape) -> None:
    """MCP: texts in notifications. Most are whole messages; a piece of a text begins or ends with a blank."""
    method, params = document.get("method"), document.get("params")
    if isinstance(params, dict) and method in NOTIFIED:
        name, *named_by = NOTIFIED[method]
        text = params.get(name)
        if isinstance(text, str):
            channel = (method, *(_component(params.get(each)) for each in named_by))
            may_be_whole = not (text.startswith(" ") or text.endswith(" "))
            shape.deltas.append(Delta(channel, ("params", name), text, may_be_whole=may_be_whole))
    elif "jsonrpc" in document and ("result" in document or "error" in document):
        shape.ended.append(EVERYTHING)


NOTIFIED = {
    "notifications/message": ("data", "logger", "level"),
    "notifications/progress": ("message", "progressToken"),
}
"""The member with the text, and those that name the channel."""


READERS: tuple[Callable[[dict[str, Any], Shape], None], ...] = (
    *(_choices, _responses, _blocks, _candidates, _lines, _typed, _assistants, _notifications),
)


def _objects(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects in an array, with their positions."""
    if isinstance(value, list):
        for position, each in enumerate(value):
            if isinstance(each, dict):
                yield position, each


def _index(value: dict[str, Any], position: int) -> Component:
    """Return the index that an object states; else its position in the array."""
    index = value.get("index")
    return index if isinstance(index, int) else position


def _component(value: object) -> Component:
    return value if isinstance(value, str | int) else ""
