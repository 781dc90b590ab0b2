"""Mask the texts that the events of one stream spell together.

Each channel (``extproc.masking.model_streams.shapes``) is a streamed text, which ``TextStreamMasker`` masks: it
releases what no entity can reach across. An event goes on at once, with what its channel has released by then:
often less than the event came with, and sometimes nothing. When a channel ends, the rest goes with the event that
ends it if that has a delta of the channel. Otherwise it goes with a copy of the channel's last event, just before
the event that ends it. A tool's arguments are one JSON document: they are held back to the document's end, and
masked as such.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from extproc.codecs.json_places import Span, spans_of
from extproc.codecs.json_units import quote
from extproc.codecs.strict_json import parse_text
from extproc.codecs.unreadable import Unreadable
from extproc.masking.edits import Edit, apply
from extproc.masking.findings import FindingSum, add_up
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.model_streams.shapes import Channel, Delta, Shape, may_have_deltas, read_shape
from extproc.masking.plan.json_path import Location
from extproc.masking.text.json_prefix import JsonPrefix
from extproc.masking.text_stream import TextStreamMasker
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable

MAX_CHANNELS = 256
"""Most texts that may be open at once. A model has one for each choice and tool call."""
DONE = "[DONE]"
"""The data of the event that ends a stream of OpenAI's form."""
EMPTY = '""'
C = TypeVar("C")


class Template(NamedTuple, Generic[C]):
    """An event that is ready to be sent once more, with another text in one place."""

    carrier: C
    """The event or line around the document."""
    text: str
    """The document with empty deltas."""
    edits: tuple[Edit, ...]
    """Those that mask the rest of the document."""
    span: Span
    """The place of the channel's delta."""

    def with_text(self, text: str) -> str:
        """Return the document with a text in the delta's place."""
        return _filled(self.text, self.edits, {self.span: quote(text)})


@dataclass(slots=True)
class _Open(Generic[C]):
    """A channel whose text has not ended."""

    masker: TextStreamMasker
    json: JsonPrefix | None
    """Tells when the JSON document is complete; None for any other text."""
    template: Template[C] | None = None

    def feed(self, text: str) -> str:
        """Return the text that may be sent."""
        if self.json is not None and not self.json.may_be_json_with(text):
            self.json = None
        return self.masker.feed_text(text)

    @property
    def is_complete(self) -> bool:
        """True if the channel's JSON document has ended: another one would be a text by itself."""
        return self.json is not None and self.json.is_complete


@dataclass(slots=True)
class _Released:
    """The texts to send with one event."""

    texts: dict[Location, str] = field(default_factory=dict)
    came: dict[Location, str] = field(default_factory=dict)
    """The texts of the event as it came."""
    last: dict[Channel, Location] = field(default_factory=dict)
    """The place of the last delta of each channel."""

    def add(self, delta: Delta, text: str) -> None:
        self.texts[delta.location] = text
        self.came[delta.location] = delta.text
        self.last[delta.channel] = delta.location


class ModelStream(Generic[C]):
    """The channels of one stream. ``C`` is what carries a document: an event, or the end of a line."""

    def __init__(
        self, masker: JsonMasker, make_masker: Callable[[], JsonMasker], *, limit: int, max_depth: int
    ) -> None:
        """Begin a stream.

        Args:
            masker: masks the rest of each document.
            make_masker: makes a masker with an empty log, by the same plan.
            limit: most characters that all channels together may hold back.
            max_depth: most nested arrays and objects of a document.
        """
        self._masker = masker
        self._make_masker = make_masker
        self._limit = limit
        self._max_depth = max_depth
        self._open: dict[Channel, _Open[C]] = {}
        self._ended = FindingSum()
        """The findings of the channels that have ended."""
        self._clean = ""
        """The last document with empty deltas in which nothing was found."""
        self._held = 0
        """Characters that all channels hold back."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in the channels' texts so far."""
        return add_up(self._ended.findings, *(each.masker.findings for each in self._open.values()))

    def may_concern(self, text: str) -> bool:
        """Return whether a document may have a delta, or end a channel. Never wrongly false."""
        return bool(self._open) or may_have_deltas(text)

    def masked(self, carrier: C, text: str, *, searched: bool) -> list[tuple[C, str]] | None:
        """Take a document; return those to send now, each with its carrier. The last one takes its place.

        Args:
            carrier: carries the document.
            text: the document as it came.
            searched: true if its prescan found nothing, and no path can match: only deltas are to be masked.

        Returns:
            None for a document without a delta that ends no channel: it is to be masked by itself.

        Raises:
            Unreadable: a document with deltas is not strict JSON.
            MaskingError: too much would be held back.
        """
        if text.strip() == DONE:
            return [*self.finish(), (carrier, text)] if self._open else None
        if not self.may_concern(text):
            return None
        shape = self._read(text)
        deltas = [each for each in shape.deltas if self._is_piece(each)]
        begins = frozenset(shape.ended)
        ended = [each for each in self._open if _begins_with(each, begins)] if begins else []
        if not (deltas or ended or shape.spelled):
            return None
        released = _Released()
        for of_one in _by_channel(deltas):
            self._feed(of_one, released)
        ended += [delta.channel for delta in deltas if self._ends(delta.channel, begins)]
        inserted = [*self._rests(dict.fromkeys(ended), released)]
        if self._held > self._limit:
            raise MaskingError("the text of a model that has to be held back is too-large")
        return [*inserted, (carrier, self._rewritten(carrier, text, released, shape.spelled, searched=searched))]

    def finish(self) -> list[tuple[C, str]]:
        """End all channels, since the stream ends; return the documents with the rests of their texts."""
        return [*self._rests(list(self._open), _Released())]

    def _read(self, text: str) -> Shape:
        """Return the shape of a document.

        Raises:
            Unreadable: it has deltas for a lenient reader, and a strict one does not accept it.
        """
        try:
            return read_shape(parse_text(text, max_depth=self._max_depth))
        except Unreadable:
            if _lenient_shape(text).deltas:
                raise
            return Shape()

    def _is_piece(self, delta: Delta) -> bool:
        """Return whether a delta belongs to a channel. No rule masks it as a whole, nor is it a whole message."""
        plan = self._masker.plan
        is_field = plan.operator_at(plan.state_at(delta.location)) is not None
        return not is_field and (delta.channel in self._open or not delta.may_be_whole)

    def _feed(self, deltas: list[Delta], released: _Released) -> None:
        """Feed the pieces of one text; all that it releases goes with the last of them."""
        delta = deltas[-1]
        channel = self._open.get(delta.channel)
        if channel is None:
            if len(self._open) >= MAX_CHANNELS:
                raise MaskingError(f"a stream with more than {MAX_CHANNELS} texts at once")
            masker = TextStreamMasker(self._make_masker, limit=self._limit, location=deltas[0].location)
            channel = self._open[delta.channel] = _Open(masker, JsonPrefix() if delta.is_json else None)
        for each in deltas:
            released.add(each, "")
        before = channel.masker.held
        released.add(delta, channel.feed("".join([each.text for each in deltas])))
        self._held += channel.masker.held - before

    def _ends(self, channel: Channel, begins: frozenset[Channel]) -> bool:
        return self._open[channel].is_complete or _begins_with(channel, begins)

    def _rests(self, ended: "list[Channel] | dict[Channel, None]", released: _Released) -> Iterator[tuple[C, str]]:
        """End channels. Add the rests of their texts to an event; yield copies of events with all others."""
        for name in ended:
            channel = self._open.pop(name)
            self._held -= channel.masker.held
            rest = channel.masker.finish_text()
            self._ended.add(channel.masker.findings)
            if name in released.last:
                released.texts[released.last[name]] += rest
            elif rest and channel.template:
                yield channel.template.carrier, channel.template.with_text(rest)

    def _edits(self, empty: str) -> tuple[Edit, ...]:
        """Return the edits of a document with empty deltas. Most events differ in their deltas alone."""
        if empty == self._clean:
            return ()
        edits = tuple(self._masker.text(empty))
        if not self._masker.found_in_document:
            self._clean = empty
        return edits

    def _rewritten(
        self, carrier: C, text: str, released: _Released, spelled: list[Location], *, searched: bool
    ) -> str:
        """Return a document with the released texts in the places of its deltas, and the rest of it masked."""
        found = _spans(text, released.came, spelled)
        empty, places = _emptied(text, found)
        edits = () if searched else self._edits(empty)
        for name, location in released.last.items():
            if name in self._open:
                self._open[name].template = Template(carrier, empty, edits, places[location])
        tokens = {
            places[location]: text[slice(*found[location])] if new == released.came[location] else quote(new)
            for location, new in released.texts.items()
        }
        return _filled(empty, edits, tokens)


def _by_channel(deltas: list[Delta]) -> Iterable[list[Delta]]:
    """Return the deltas of each channel. Most events have one delta."""
    if len(deltas) == 1:
        return [deltas]
    found: dict[Channel, list[Delta]] = {}
    for each in deltas:
        found.setdefault(each.channel, []).append(each)
    return found.values()


def _begins_with(channel: Channel, begins: frozenset[Channel]) -> bool:
    return any(channel[:length] in begins for length in range(len(channel) + 1))


def _lenient_shape(text: str) -> Shape:
    """Return the shape of what readers may accept that are not strict."""
    try:
        return read_shape(json.loads(text, strict=False, parse_int=len, parse_float=len))
    except RecursionError:
        raise Unreadable(Uninspectable.TOO_DEEP) from None
    except ValueError:
        return Shape()


def _emptied(text: str, found: dict[Location, Span]) -> tuple[str, dict[Location, Span]]:
    """Return a document with empty values in some places, and these places in it."""
    pieces: list[str] = []
    places: dict[Location, Span] = {}
    at = size = 0
    for location, (start, end) in sorted(found.items(), key=lambda each: each[1]):
        new = {'"': EMPTY, "[": "[]"}.get(text[start], "null")
        pieces += (text[at:start], new)
        size += start - at
        places[location] = (size, size + len(new))
        size, at = size + len(new), end
    return "".join([*pieces, text[at:]]), places


def _spans(text: str, texts: dict[Location, str], others: list[Location]) -> dict[Location, Span]:
    """Return the tokens of texts, and of other values, in a document.

    Without escapes, a text that stands in quotes once is that token: no other place need be looked for.
    """
    if len(texts) == 1 and not others and "\\" not in text:
        ((location, value),) = texts.items()
        token = f'"{value}"'
        at = text.find(token)
        if text.find(token, at + 1) < 0:
            return {location: (at, at + len(token))}
    return spans_of(text, [*texts, *others])


def _filled(text: str, edits: tuple[Edit, ...], tokens: dict[Span, str]) -> str:
    """Return a document with tokens in some places, and edits in others. Where the two meet, the edits count.

    Args:
        text: the document.
        edits: sorted, without overlaps.
        tokens: by their places, which an edit covers whole or not at all.
    """
    ends = [edit.end for edit in edits]
    filling = []
    for (start, end), token in tokens.items():
        behind = bisect_right(ends, start)
        if behind == len(edits) or edits[behind].start >= end:
            filling.append(Edit(start, end, token))
    return apply(text, sorted([*edits, *filling]))
