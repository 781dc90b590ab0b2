"""Mask the entities in one text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from extproc.detectors.analyzer import Analyzer, Context
from extproc.detectors.detector import Match
from extproc.detectors.detector_set import ALL, DetectorSet
from extproc.masking.edits import Edit, Layer, apply
from extproc.masking.plan.entity_plan import EntityPlan, strictest
from extproc.masking.plan.operators import REDACTED, Operators
from extproc.masking.text.exempt_values import ExemptValues
from extproc.masking.text.html_tables import html_rows
from extproc.masking.text.sql_values import sql_rows
from extproc.masking.text.table_cells import TableCells
from extproc.masking.text.text_tables import Row, State, Tables
from extproc.model.masking import EXEMPT, Exemption, MaskOperator

MAX_ROUNDS = 4
"""Repeated scans of a text at most, after masking has moved parts together that look like a new entity."""
CLEAN_KEY_LONGEST, CLEAN_KEYS_MOST = 64, 4_096
"""Characters and number of the keys that ``KeyMasker`` remembers."""


class Before(NamedTuple):
    """The text before a text that comes in parts, as far as it can be context: folded."""

    raw: str = ""
    """As it came."""
    sent: str = ""
    """As it was masked."""
    tables: State | None = None
    """The table in it that is not at its end yet, as it came. None: the text behind it is a whole text."""
    sent_tables: State | None = None
    """The same, as it was masked."""

    @property
    def changed(self) -> bool:
        """True if something in it was masked."""
        return self.raw != self.sent


AT_START = Before()


Exempt = Mapping[Match, Exemption]
NOTHING_EXEMPT: Exempt = MappingProxyType({})


class MergedMatch(NamedTuple):
    """Overlapping matches, masked as one by the strictest of their operators."""

    start: int
    end: int
    operator: MaskOperator
    entity: str


class ScanResult(NamedTuple):
    """The matches in a text and the edits that mask them."""

    edits: list[Edit]
    matches: list[Match]
    """All entities in the text as it was, sorted."""
    masked: list[MergedMatch]
    """The matches that are masked, merged."""
    exempt: Exempt = NOTHING_EXEMPT
    """The matches for which an exemption holds."""

    def outcomes(self) -> Iterator[tuple[Match, str]]:
        """Yield each match with what became of it, as ``Finding.how`` says it.

        Of matches with one range and one outcome, the first is yielded: its entity tells most.
        """
        if len(self.matches) == 1 == len(self.masked):
            yield self.matches[0], self.masked[0].operator.value
            return
        seen: tuple[int, int, str] = (-1, -1, "")
        for match, how in self._outcomes():
            if (this := (match.start, match.end, how)) != seen:
                yield match, how
            seen = this

    def _outcomes(self) -> Iterator[tuple[Match, str]]:
        at, masked = -1, self.masked
        for match in self.matches:
            while at + 1 < len(masked) and masked[at + 1].start <= match.start:
                at += 1
            if at >= 0 and match.end <= masked[at].end:
                yield match, masked[at].operator.value
            else:
                exemption = self.exempt.get(match)
                yield match, f"{EXEMPT}{exemption.reason}" if exemption else ""


NOTHING_FOUND = ScanResult([], [], [])


def merge_matches(matches: list[Match], plan: EntityPlan, exempt: Exempt = NOTHING_EXEMPT) -> list[MergedMatch]:
    """Merge the matches that are to be masked and overlap.

    A match for which an exemption holds takes nothing away from others: where they overlap, the text is masked.

    Args:
        matches: sorted.
        plan: the operator for each entity.
        exempt: the matches for which an exemption holds.
    """
    merged: list[MergedMatch] = []
    for match in matches:
        operator = plan.operator_for(match.entity, exempt.get(match))
        if operator is None:
            continue
        new = MergedMatch(match.start, match.end, operator, match.entity)
        if merged and match.start < merged[-1].end:
            last = merged.pop()
            main = new if strictest([last.operator, operator]) is not last.operator else last
            new = MergedMatch(last.start, max(last.end, new.end), main.operator, main.entity)
        merged.append(new)
    return merged


@dataclass(frozen=True, slots=True)
class TextMasker:
    """Finds entities in text and makes the edits that mask them."""

    analyzer: Analyzer
    operators: Operators
    exempt_values: ExemptValues = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exempt_values", ExemptValues(self.analyzer))

    def find(
        self,
        text: str,
        context: Context,
        plan: EntityPlan,
        detectors: DetectorSet = ALL,
        before: Before = AT_START,
    ) -> ScanResult:
        """Find and mask.

        Args:
            text: plain text, without escapes.
            context: returns the keys above the text.
            plan: the operator for each entity. After the edits no entity that the plan masks is found in the text.
            detectors: those that could find something.
            before: the text in front, which is not changed any more. Only with ``ALL`` detectors.
        """
        if detectors.is_all:
            matches = self.matches(text, context, plan, before.raw, before.tables)
        else:
            matches = self.in_cells(self.analyzer.run(detectors, text, context), text, context)
        if not matches and not before.changed:
            return NOTHING_FOUND
        exempt = self.exempt(matches, text, plan)
        masked = merge_matches(matches, plan, exempt)
        edits = self.edits(masked, text)
        if edits or before.changed:
            edits = self._settled(text, context, plan, edits, before)
        return ScanResult(edits, matches, masked, exempt)

    def matches(
        self, text: str, context: Context, plan: EntityPlan, before: str = "", tables: State | None = None
    ) -> list[Match]:
        """Find all entities in a text that stands behind another one.

        Args:
            text: the text.
            context: returns the keys above it.
            plan: the operator for each entity.
            before: the text before, folded.
            tables: what is remembered of the tables in it; None for a whole text.
        """
        matches = self.in_prose(text, context, plan, before)
        return self.in_cells(matches, text, context, None if tables is None else Tables(text, tables))

    def in_prose(self, text: str, context: Context, plan: EntityPlan, before: str) -> list[Match]:
        """As ``matches``, without regard to tables.

        Of a match that begins in the text before, the part in this text counts if the plan masks it.
        """
        matches = self.analyzer.scan(before + text, context)
        if not before:
            return matches
        at = len(before)
        return [
            Match(max(0, start - at), end - at, entity)
            for start, end, entity in matches
            if start >= at or (end > at and plan.operator_for(entity) is not None)
        ]

    def in_cells(
        self, matches: list[Match], text: str, context: Context, tables: Tables | None = None
    ) -> list[Match]:
        """Return the matches in a text, of which those in tables are found by the names of their columns.

        Args:
            matches: those in the text read as prose.
            text: the text.
            context: returns the keys above it.
            tables: those of the text; None to look for them in a whole text.
        """
        rows: Sequence[Row] = tables.rows if tables else ()
        if tables is None and "\n" in text:
            rows = Tables(text).rows
        if tables is None and "<" in text:
            rows = sorted([*rows, *html_rows(text)], key=attrgetter("start"))
        if "(" in text and (inserted := tuple(sql_rows(text))):
            rows = sorted([*rows, *inserted], key=attrgetter("start"))
        return TableCells(self.analyzer, text, context, rows).matches(matches) if rows else matches

    def exempt(self, matches: list[Match], text: str, plan: EntityPlan) -> Exempt:
        """Return the matches in a text that the plan would mask, and an exemption lets pass.

        A number of a known form is exempt as what its name calls it, too: a ``US_SSN`` as a ``NATIONAL_ID``.
        """
        if not plan.exemptions:
            return NOTHING_EXEMPT
        held: dict[Match, Exemption] = {}
        last = None
        for match in matches:
            if last in held and match[:2] == last[:2] and self.analyzer.gives_way(match.entity):
                held[match] = held[last]
                continue
            last = match
            may_hold = plan.exemptions_for(match.entity)
            if may_hold and plan.operator_for(match.entity) is not None:
                holding = self.exempt_values.holding(may_hold, match.entity, text[match.start : match.end])
                exemption = max(holding, key=lambda each: each.record, default=None)
                if exemption is not None:
                    held[match] = exemption
        return held

    def merged(self, text: str, context: Context, plan: EntityPlan, before: Before) -> list[MergedMatch]:
        """Return what is to be masked in a text that stands behind another one that was masked."""
        matches = self.matches(text, context, plan, before.sent, before.sent_tables)
        return merge_matches(matches, plan, self.exempt(matches, text, plan))

    def edits(self, masked: list[MergedMatch], text: str) -> list[Edit]:
        """Return one edit for each merged match."""
        return [Edit(each.start, each.end, self._replacement(each, text), each.entity) for each in masked]

    def _replacement(self, match: MergedMatch, text: str) -> str:
        value = text[match.start : match.end]
        is_pseudonym = match.operator is MaskOperator.PSEUDONYM
        canonical = self.analyzer.canonical(match.entity, value) if is_pseudonym else ""
        return self.operators.mask(match.operator, match.entity, value, canonical)

    def _settled(
        self, text: str, context: Context, plan: EntityPlan, edits: list[Edit], before: Before
    ) -> list[Edit]:
        """Mask again until no entity is left: parts that move together can look like a new entity."""
        if len(edits) == 1 and len(text) == edits[0].end and not edits[0].start and edits[0].text.startswith("["):
            return edits  # a label alone holds no entity
        for _ in range(MAX_ROUNDS):
            current = apply(text, edits)
            masked = self.merged(current, context, plan, before)
            if not masked:
                return edits
            layer, first = Layer(edits), masked[0]
            start, end = layer.widen(first.start, first.end)
            widened = first._replace(start=start, end=end)
            edits = layer.replace(start, end, self._replacement(widened, current), first.entity)
        return [Edit(0, len(text), REDACTED, masked[0].entity)]


class KeyMasker:
    """Masks keys before findings show them. Remembers short keys without entities, of which there are few."""

    def __init__(self, masker: TextMasker, plan: EntityPlan) -> None:
        """Mask keys by one plan.

        Args:
            masker: finds the entities in a key.
            plan: usually redacts all of them.
        """
        self._masker = masker
        self._plan = plan
        self._clean: set[str] = set()

    def __call__(self, key: str) -> str:
        """Return the key, masked without any context."""
        if key in self._clean:
            return key
        result = self._masker.find(key, str, self._plan)
        if result.matches or len(key) > CLEAN_KEY_LONGEST:
            return apply(key, result.edits)
        if len(self._clean) >= CLEAN_KEYS_MOST:
            self._clean.clear()
        self._clean.add(key)
        return key
