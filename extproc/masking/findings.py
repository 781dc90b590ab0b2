"""Findings: counted while a body is masked, and rendered so that no finding shows what it masks."""

from collections.abc import Callable, Iterable

from extproc.masking.plan.json_path import Location, render, shorten
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding

MAX_FOUND = 50_000
"""Most entities and fields in one document or event. More take longer than a call may; a caller who needs them has
to page."""
TOO_MANY_HINT = "ask for fewer records at once (pages, a smaller limit)"
MAX_LOCATIONS = 1_000
"""Locations that findings distinguish; findings at further ones are counted at the root."""


class FindingSum:
    """The findings of several texts together. Past ``MAX_LOCATIONS``, further ones are at the root."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add the findings of one text."""
        for each in findings:
            key = (each.entity, each.path, each.how)
            if key not in self._counts and len(self._counts) >= MAX_LOCATIONS:
                key = (each.entity, "$", each.how)
            self._counts[key] = self._counts.get(key, 0) + each.count

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The sums, in order of first appearance."""
        return tuple(Finding(*key, count) for key, count in self._counts.items())


def add_up(*logs: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings of several texts together."""
    total = FindingSum()
    for each in logs:
        total.add(each)
    return total.findings


class FindingLog:
    """Counts the findings of one body or stream."""

    def __init__(self, show_key: Callable[[str], str]) -> None:
        """Make an empty log.

        Args:
            show_key: masks a key before a finding shows it. Called once for each different key.
        """
        self._show_key = show_key
        self._in_document = 0
        self._counts: dict[tuple[str, Location, str], int] = {}

    @property
    def in_document(self) -> int:
        """Number of findings in the current document."""
        return self._in_document

    def begin_document(self) -> None:
        """Begin the next document: ``MAX_FOUND`` is a limit for each of them."""
        self._in_document = 0

    def add(self, entity: str, location: Location, how: str) -> None:
        """Count a finding.

        Args:
            entity: its entity.
            location: where it is.
            how: its operator, or why it was not masked: see ``Finding.how``.

        Raises:
            MaskingError: the document has too many findings.
        """
        self._in_document += 1
        if self._in_document > MAX_FOUND:
            raise MaskingError(f"more than {MAX_FOUND} entities in one document: {TOO_MANY_HINT}")
        key = (entity, location, how)
        if key not in self._counts:
            key = (entity, shorten(location), how)
            if len(self._counts) >= MAX_LOCATIONS and key not in self._counts:
                key = (entity, (), how)
        self._counts[key] = self._counts.get(key, 0) + 1

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, in order of first appearance."""
        if not self._counts:
            return ()
        paths: dict[Location, str] = {}
        shown: dict[str | int, str | int] = {}
        for _, location, _ in self._counts:
            if location not in paths:
                shown |= {part: self._shown(part) for part in location if part not in shown}
                paths[location] = render(tuple(shown[part] for part in location))
        return tuple(Finding(entity, paths[at], how, count) for (entity, at, how), count in self._counts.items())

    def _shown(self, part: str | int) -> str | int:
        return part if isinstance(part, int) else self._show_key(part)
