"""11. Entities that are cut over several events of a stream of a language model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from typing import Any

from benchmarks.quality import values
from benchmarks.quality.cases import ALNUM, CLOSE, OPEN, Case, Maker, must, plain, text_case

EVENTS = "text/event-stream"
DELTA = re.compile(r'"(?:content|text|delta|arguments|partial_json)": ?"((?:[^"\\]|\\.)*)"')
"""The pieces of text in the events that are made here."""
BY_CHANCE = 5
"""Letters of a label that are also in what it replaces are fewer."""
SHAPES: dict[str, Callable[[str], Any]] = {
    "OpenAI chat": lambda piece: {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
    },
    "OpenAI responses": lambda piece: {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": piece,
    },
    "Anthropic messages": lambda piece: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": piece},
    },
    "Gemini": lambda piece: {
        "candidates": [{"content": {"parts": [{"text": piece}], "role": "model"}, "index": 0}]
    },
}
"""An event with a piece of text, as the APIs stream it."""
ENDS = {
    "OpenAI chat": "data: [DONE]\n\n",
    "OpenAI responses": 'event: response.completed\ndata: {"type": "response.completed"}\n\n',
    "Anthropic messages": 'event: message_stop\ndata: {"type": "message_stop"}\n\n',
    "Gemini": "",
}


def streams(m: Maker) -> Iterator[Case]:
    """Yield a stream of each shape, with the text cut at random places."""
    for shape, event in SHAPES.items():
        for entity, value in (
            ("EMAIL_ADDRESS", f"bob.{m.digits(3)}@example.com"),
            ("CREDIT_CARD", values.grouped(values.card(m))),
            ("US_SSN", values.ssn(m)),
            ("SECRET", "password: " + must(m.some(ALNUM, 20))),
        ):
            marked = f"{m.words(6)} {value if OPEN in value else must(value)} {m.words(6)}."
            body = "".join(
                f"data: {json.dumps(event(piece), ensure_ascii=False)}\n\n" for piece in _pieces(m, marked)
            )
            yield text_case("11 streams of " + shape, entity, body + ENDS[shape], EVENTS)


def _pieces(m: Maker, marked: str) -> Iterator[str]:
    """Cut a text in pieces of one to six characters; marks are closed and opened again at each cut."""
    inside, text = False, plain(marked)
    start, end = marked.index(OPEN), marked.index(CLOSE) - 1
    at = 0
    while at < len(text):
        to = min(len(text), at + m.chance.randint(1, 6))
        piece = ""
        for place in range(at, to):
            if (start <= place < end) != inside:
                inside = not inside
                piece += OPEN if inside else CLOSE
            piece += text[place]
        yield piece + (CLOSE if inside else "")
        inside, at = False, to


def changes(before: str, after: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a stream whose text is not in the masked stream, whichever event it stands in now."""
    places = [at for delta in DELTA.finditer(before) for at in range(*delta.span(1))]
    old = "".join(before[at] for at in places)
    new = "".join(delta[1] for delta in DELTA.finditer(after))
    for change, start, end, _, _ in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        by_chance = change == "equal" and end - start < BY_CHANCE and start > 0 and end < len(old)
        if change in ("replace", "delete") or by_chance:
            yield from ((places[at], places[at] + 1) for at in range(start, end))
