"""Scores: what of the marked parts was found, and what else was edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.quality.cases import Case, Span
from benchmarks.quality.finders import Found

BESIDE = 24
"""Characters of the text around a miss or a wrong edit that are shown."""


@dataclass(slots=True)
class Score:
    """Counts of one row of a table."""

    parts: int = 0
    """Marked parts."""
    masked: int = 0
    """Marked parts of which no letter or digit is left."""
    wrong: int = 0
    """Edits with a letter or digit that is not marked."""
    cases: int = 0
    edited_wrongly: int = 0
    """Cases with a wrong edit."""
    size: int = 0
    """Bytes of all cases."""
    misses: list[str] = field(default_factory=list)
    """Marked parts that were not masked, with some text around them."""
    wrongs: list[str] = field(default_factory=list)
    """Wrong edits, with some text around them."""

    @property
    def recall(self) -> float:
        return self.masked / self.parts if self.parts else 1.0

    @property
    def precision(self) -> float:
        return self.masked / (self.masked + self.wrong) if self.masked + self.wrong else 1.0

    @property
    def left_alone(self) -> float:
        """The share of cases without a wrong edit."""
        return 1 - self.edited_wrongly / self.cases if self.cases else 1.0

    @property
    def per_100_kb(self) -> float:
        """Wrong edits per 100 kB."""
        return self.wrong / self.size * 100_000 if self.size else 0.0

    def figures(self) -> dict[str, float]:
        """Return what a table or a file shows."""
        return {
            "cases": self.cases,
            "n": self.parts,
            "recall": round(self.recall, 4),
            "precision": round(self.precision, 4),
            "left alone": round(self.left_alone, 4),
            "wrong": self.wrong,
            "wrong per 100 kB": round(self.per_100_kb, 2),
        }


def score(cases: Sequence[Case], found: Iterable[list[Found]], by: str) -> dict[str, Score]:
    """Count by kind or by entity.

    Args:
        cases: all cases.
        found: what was found in each of them.
        by: ``kind`` or ``entity``, a field of cases.
    """
    scores: dict[str, Score] = defaultdict(Score)
    for case, hits in zip(cases, found, strict=True):
        _count(scores[getattr(case, by) or "nothing"], case, hits)
    return dict(scores)


def _count(score: Score, case: Case, hits: list[Found]) -> None:
    score.cases += 1
    score.size += len(case.body.encode())
    covered = _offsets((start, end) for start, end, _ in hits)
    for start, end in case.must:
        score.parts += 1
        letters = [at for at in range(start, end) if case.body[at].isalnum()] or list(range(start, end))
        if covered.issuperset(letters):
            score.masked += 1
        else:
            score.misses.append(f"{case.kind}: {_shown(case.body, (start, end))}")
    marked = _offsets((*case.must, *case.may))
    before = score.wrong
    for start, end, entity in hits:
        if any(case.body[at].isalnum() and at not in marked for at in range(start, end)):
            score.wrong += 1
            score.wrongs.append(f"{case.kind}: {_shown(case.body, (start, end))} as {entity}")
    score.edited_wrongly += score.wrong > before


def _offsets(spans: Iterable[Span]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def _shown(text: str, span: Span) -> str:
    start, end = span
    around = f"{text[max(0, start - BESIDE) : start]}⟦{text[start:end]}⟧{text[end : end + BESIDE]}"
    return around.replace("\n", "⏎")


def rows(results: dict[str, dict[str, Score]]) -> Iterator[str]:
    """Yield the lines of a table: kinds or entities down, finders across.

    Where nothing is marked, the share of cases without a wrong edit stands in the place of precision.
    """
    first = next(iter(results.values()))
    yield f"{'':36}{'n':>6}" + "".join(f"{name:>22}" for name in results)
    yield " " * 42 + "".join(f"{'recall  precision':>22}" for _ in results)
    for row in sorted(first):
        line = f"{row[:35]:36}{first[row].parts or first[row].cases:>6}"
        for result in results.values():
            each = result[row]
            line += (
                f"{each.recall:>11.3f}{each.precision:>11.3f}"
                if each.parts
                else f"{'-':>11}{each.left_alone:>11.3f}"
            )
        yield line


def document_rows(results: dict[str, dict[str, Score]]) -> Iterator[str]:
    """Yield the lines of the table of documents: wrong edits per 100 kB."""
    first = next(iter(results.values()))
    yield f"{'wrong edits per 100 kB':36}{'kB':>6}" + "".join(f"{name:>22}" for name in results)
    for row in sorted(first):
        line = f"{row[:35]:36}{first[row].size / 1000:>6.0f}"
        yield line + "".join(f"{result[row].per_100_kb:>22.2f}" for result in results.values())
    size = sum(each.size for each in first.values())
    totals = (sum(each.wrong for each in result.values()) / (size or 1) * 100_000 for result in results.values())
    yield f"{'all':36}{size / 1000:>6.0f}" + "".join(f"{total:>22.2f}" for total in totals)
