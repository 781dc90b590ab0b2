"""Render ``docs/reference/entities.md`` from the catalogue. A test compares the page with the catalogue."""

import re
from collections.abc import Iterator

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector
from extproc.detectors.vocabulary.vocabulary import built_in

INTRODUCTION = """# Entities

All entities that are built in, with an example of each form. Tests mask every example. Names are Presidio's
where it has one. Rules name entities in `entity`; `*` is all of them. An entity with *context* is found only
where a name or a word says what the value is: [Masking](masking.md#entities) tells where such words count.

`password: x` as an example means the key `password` and the value `x` of a document. An entity of several rows has
several forms. Long examples of secrets are cut off here.

| entity | what it is | known by | example | source |
| --- | --- | --- | --- | --- |"""
WORDS = """
## Words that tell what a value is

Context is a name or a word beside a value. The parts of a word are written with `_` here: `api_key` is also
found as `apiKey`, `API-KEY` and `api key`; `*` stands for any letters. Languages are those of ISO 639-1;
`any` are words that many languages share.
"""
LONG_WORD = re.compile(r"\S{21,}")
"""A word of an example that is not shown whole."""
CUT = 12
"""Characters that are left of a longer one, so that no secret scanner takes the page for a leak."""


def render_reference() -> str:
    """Return the whole page, as Markdown."""
    return "\n".join((INTRODUCTION, *_rows(), WORDS, *_words()))


def _rows() -> Iterator[str]:
    for each in sorted(CATALOGUE, key=lambda detector: detector.entity):
        meaning = each.meaning[:1].upper() + each.meaning[1:]
        yield f"| `{each.entity}` | {meaning} | {_known_by(each)} | {_example(each)} | {each.source} |"


def _words() -> Iterator[str]:
    for kind, languages in built_in().languages.items():
        yield f"### {kind.capitalize()}\n\n| language | words |\n| --- | --- |"
        yield from (
            f"| {language} | {', '.join(f'`{word}`' for word in words)} |" for language, words in languages.items()
        )
        yield ""


def _known_by(detector: Detector) -> str:
    return "; ".join(filter(None, (detector.proof, "context" if detector.hints else "")))


def _example(detector: Detector) -> str:
    lines = detector.example.splitlines()
    shown = lines[0]
    if len(lines) > 1:
        shown = f"{shown[:CUT]}…"
    shown = LONG_WORD.sub(lambda word: f"{word[0][:CUT]}…", shown)
    return f"`{detector.example_key}: {shown}`" if detector.example_key else f"`{shown}`"
