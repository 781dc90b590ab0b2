"""Streams of language models as their APIs send them, and readers that join the deltas as clients do."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """The events of one API for one text."""

    name: str
    delta: Callable[[str], Document]
    """Makes the event of one piece."""
    end: Sequence[Document]
    """The events that end the text."""
    read: Callable[[Document], object]
    """Returns the piece in an event; anything but a text where there is none."""
    begin: Sequence[Document] = ()
    content_type: str = "text/event-stream"
    location: str = ""
    """The path of a delta, as findings show it."""
    done: bool = False
    """Whether ``[DONE]`` ends the stream."""
    named: bool = False
    """Whether events have their type as their name."""

    def __str__(self) -> str:
        return self.name

    def stream(self, pieces: Sequence[str]) -> bytes:
        """Return the whole body."""
        documents = [*self.begin, *map(self.delta, pieces), *self.end]
        return b"".join(map(self.event, documents)) + (b"data: [DONE]\n\n" if self.done else b"")

    def event(self, document: Document) -> bytes:
        """Return one event or line."""
        text = json.dumps(document, ensure_ascii=False).encode()
        if self.content_type != "text/event-stream":
            return text + b"\n"
        return (b"event: %s\n" % document["type"].encode() if self.named else b"") + b"data: " + text + b"\n\n"

    def documents(self, body: bytes) -> Iterator[Document]:
        """Yield the documents in a body."""
        head = b"data: " if self.content_type == "text/event-stream" else b"{"
        for line in body.split(b"\n"):
            if line.startswith(head) and not line.endswith(b"[DONE]"):
                yield json.loads(line.removeprefix(b"data: "))

    def text(self, body: bytes) -> str:
        """Return the text that a client puts together."""
        pieces = map(self.read, self.documents(body))
        return "".join(each for each in pieces if isinstance(each, str))


def at(document: object, *path: str | int) -> object:
    """Return a value in a document; None if there is none."""
    for part in path:
        try:
            document = document[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def chat(delta: Document, finish: str | None = None) -> Document:
    """Return a chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return {**head, "choices": [choice]}


def response(kind: str, **more: object) -> Document:
    """Return an event of OpenAI's Responses."""
    return {"type": f"response.{kind}", "sequence_number": 7, "item_id": "i1", "output_index": 0, **more}


def block(kind: str, **delta: str) -> Document:
    """Return a delta of a content block."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **delta}}


BLOCK_END = ({"type": "content_block_stop", "index": 0}, {"type": "message_stop"})
CHOICE = ("choices", 0, "delta")
PARTS = ("candidates", 0, "content", "parts", 0, "text")


def gemini(text: str, **more: object) -> Document:
    """Return a chunk of Gemini."""
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}]}


CONTENT = Api(
    "openai chat",
    lambda piece: chat({"content": piece}),
    [chat({}, "stop")],
    lambda event: at(event, *CHOICE, "content"),
    begin=[chat({"role": "assistant", "content": ""})],
    location="$.choices[0].delta.content",
    done=True,
)
TEXTS = (
    CONTENT,
    Api(
        "chat that just ends",
        lambda piece: chat({"reasoning_content": piece}),
        [],
        lambda event: at(event, *CHOICE, "reasoning_content"),
        location="$.choices[0].delta.reasoning_content",
    ),
    Api(
        "openai completions",
        lambda piece: {
            "object": "text_completion",
            "choices": [{"index": 0, "text": piece, "finish_reason": None}],
        },
        [{"object": "text_completion", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}],
        lambda event: at(event, "choices", 0, "text"),
        location="$.choices[0].text",
        done=True,
    ),
    Api(
        "openai responses",
        lambda piece: response("output_text.delta", content_index=0, delta=piece, logprobs=[]),
        [response("output_text.done", content_index=0, text="")],
        lambda event: at(event, "delta"),
        location="$.delta",
        named=True,
    ),
    Api(
        "anthropic messages",
        lambda piece: block("text_delta", text=piece),
        BLOCK_END,
        lambda event: at(event, "delta", "text"),
        location="$.delta.text",
        named=True,
    ),
    Api(
        "anthropic thoughts",
        lambda piece: block("thinking_delta", thinking=piece),
        [block("signature_delta", signature="c2ln"), *BLOCK_END],
        lambda event: at(event, "delta", "thinking"),
        location="$.delta.thinking",
        named=True,
    ),
    Api(
        "gemini",
        gemini,
        [gemini("", finishReason="STOP")],
        lambda event: at(event, *PARTS),
        location="$.candidates[0].content.parts[0].text",
    ),
    Api(
        "ollama chat",
        lambda piece: {"model": "m", "message": {"role": "assistant", "content": piece}, "done": False},
        [{"model": "m", "message": {"role": "assistant", "content": ""}, "done": True}],
        lambda event: at(event, "message", "content"),
        content_type="application/x-ndjson",
        location="$.message.content",
    ),
    Api(
        "ollama generate that just ends",
        lambda piece: {"model": "m", "response": piece, "done": False},
        [],
        lambda event: at(event, "response"),
        content_type="application/x-ndjson",
        location="$.response",
    ),
    Api(
        "vercel",
        lambda piece: {"type": "text-delta", "id": "0", "delta": piece},
        [{"type": "text-end", "id": "0"}, {"type": "finish"}],
        lambda event: at(event, "delta"),
        location="$.delta",
        done=True,
    ),
    Api(
        "gemini interactions",
        lambda piece: {"index": 1, "delta": {"text": piece, "type": "text"}, "event_type": "step.delta"},
        [{"index": 1, "event_type": "step.stop"}],
        lambda event: at(event, "delta", "text"),
        location="$.delta.text",
    ),
    Api(
        "cohere",
        lambda piece: {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}},
        [{"type": "content-end", "index": 0}, {"type": "message-end"}],
        lambda event: at(event, "delta", "message", "content", "text"),
        location="$.delta.message.content.text",
        named=True,
    ),
)
ARGUMENTS = (
    Api(
        "openai tool call",
        lambda piece: chat({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
        [chat({}, "tool_calls")],
        lambda event: at(event, *CHOICE, "tool_calls", 0, "function", "arguments"),
        location="$.choices[0].delta.tool_calls[0].function.arguments",
        done=True,
    ),
    Api(
        "openai responses arguments",
        lambda piece: response("function_call_arguments.delta", delta=piece),
        [response("function_call_arguments.done", arguments="{}")],
        lambda event: at(event, "delta"),
        location="$.delta",
        named=True,
    ),
    Api(
        "anthropic input",
        lambda piece: block("input_json_delta", partial_json=piece),
        BLOCK_END,
        lambda event: at(event, "delta", "partial_json"),
        location="$.delta.partial_json",
        named=True,
    ),
)
