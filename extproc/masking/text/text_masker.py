"""Mask the entities in one text."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from extproc.detectors.analyzer import Analyzer, Context
from extproc.detectors.detector import Span
from extproc.masking.edits import Edit, Layer, apply
from extproc.masking.plan.compiled_plan import Plan, strictest
from extproc.masking.plan.operators import REDACTED, Operators
from extproc.model.masking import MaskOperator

MAX_ROUNDS = 4
"""How often a text is looked at again, because masking made its parts look like something new."""


CLEAN_LONGEST, CLEAN_MOST = 64, 4_096
"""Characters and number of the keys that are remembered."""


class Before(NamedTuple):
    """What stands before a text that comes in parts, folded, as far as it may tell something of the text."""

    raw: str = ""
    """As it came."""
    sent: str = ""
    """As it was masked."""

    @property
    def changed(self) -> bool:
        """Whether something of it was masked."""
        return self.raw != self.sent


AT_START = Before()


class Hit(NamedTuple):
    """Overlapping entities, masked as one, in the strictest of their ways."""

    start: int
    end: int
    how: MaskOperator
    entity: str


class Found(NamedTuple):
    """What is in a text and what to replace."""

    edits: list[Edit]
    spans: list[Span]
    """All entities in the text as it was, sorted."""
    hits: list[Hit]
    """What of them is masked."""

    def hows(self) -> Iterator[tuple[Span, MaskOperator | None]]:
        """How each of the spans was masked; None when it was not, in whole."""
        at, hits = -1, self.hits
        for span in self.spans:
            while at + 1 < len(hits) and hits[at + 1].start <= span.start:
                at += 1
            yield span, hits[at].how if at >= 0 and span.end <= hits[at].end else None


def hits_of(spans: list[Span], plan: Plan) -> list[Hit]:
    """Join the spans that are to be masked and overlap.

    Args:
        spans: sorted.
        plan: which of them are masked.
    """
    hits: list[Hit] = []
    for span in spans:
        how = plan.how(span.entity)
        if how is None:
            continue
        hit = Hit(span.start, span.end, how, span.entity)
        if hits and span.start < hits[-1].end:
            last = hits.pop()
            main = hit if strictest([last.how, hit.how]) is not last.how else last
            hit = Hit(last.start, max(last.end, hit.end), main.how, main.entity)
        hits.append(hit)
    return hits


@dataclass(frozen=True, slots=True)
class TextMask:
    """Finds entities in text and says what to put in their place."""

    detectors: Analyzer
    ways: Operators
    _clean: set[str] = field(default_factory=set, repr=False)
    """Short texts that nothing was found in, for keys, of which there are few different ones."""

    def shown(self, key: str, plan: Plan) -> str:
        """A key as a finding shows it: masked by itself."""
        if key in self._clean:
            return key
        found = self.find(key, str, plan)
        if found.spans or len(key) > CLEAN_LONGEST:
            return apply(key, found.edits)
        if len(self._clean) >= CLEAN_MOST:
            self._clean.clear()
        self._clean.add(key)
        return key

    def find(
        self,
        text: str,
        context: Context,
        plan: Plan,
        asked: Collection[int] | None = None,
        before: Before = AT_START,
    ) -> Found:
        """Find and mask.

        Args:
            text: plain text, all escapes undone.
            context: tells what the keys above it are called.
            plan: which entities are masked, and how. After the edits none of them is found in the text.
            asked: numbers of the detectors that could find something; None for all.
            before: what stands before the text. It is not masked any more.
        """
        if asked is None:
            spans = self.spans(text, context, plan, before.raw)
        else:
            spans = self.detectors.ask(asked, text, context)
        if not spans and not before.changed:
            return Found([], [], [])
        hits = hits_of(spans, plan)
        edits = self.edits(hits, text)
        settle = edits or before.changed
        return Found(self._settle(text, context, plan, edits, before.sent) if settle else [], spans, hits)

    def spans(self, text: str, context: Context, plan: Plan, before: str) -> list[Span]:
        """All entities in a text that stands behind another. Of one that reaches into it the part that does."""
        spans = self.detectors.scan(before + text, context)
        if not before:
            return spans
        at = len(before)
        return [
            Span(max(0, start - at), end - at, entity)
            for start, end, entity in spans
            if start >= at or (end > at and plan.how(entity) is not None)
        ]

    def edits(self, hits: list[Hit], text: str) -> list[Edit]:
        """What replaces them, once."""
        return [Edit(hit.start, hit.end, self._masked(hit, text), hit.entity) for hit in hits]

    def _masked(self, hit: Hit, text: str) -> str:
        value = text[hit.start : hit.end]
        canonical = self.detectors.canonical(hit.entity, value) if hit.how is MaskOperator.PSEUDONYM else ""
        return self.ways.mask(hit.how, hit.entity, value, canonical)

    def _settle(self, text: str, context: Context, plan: Plan, edits: list[Edit], before: str) -> list[Edit]:
        """Mask until nothing is left to mask: what moves together can look like an entity that was not there."""
        if len(edits) == 1 and edits[0].text.startswith("[") and edits[0][:2] == (0, len(text)):
            return edits  # a label alone holds nothing
        for _ in range(MAX_ROUNDS):
            current = apply(text, edits)
            hits = hits_of(self.spans(current, context, plan, before), plan)
            if not hits:
                return edits
            layer = Layer(edits)
            start, end = layer.widen(hits[0].start, hits[0].end)
            hit = Hit(start, end, hits[0].how, hits[0].entity)
            edits = layer.replace(start, end, self._masked(hit, current), hit.entity)
        return [Edit(0, len(text), REDACTED, hits[0].entity)]
