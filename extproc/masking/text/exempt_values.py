"""Which values an exemption names."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.custom import Matcher, check_pattern
from extproc.model.masking import Exemption

PATTERNS_CACHED = 1_024
BELOW = "*."
"""Begins a domain that stands for all domains below it."""


class ExemptValues:
    """Tells which exemptions name a value."""

    def __init__(self, analyzer: Analyzer) -> None:
        """Make it for an analyzer, which knows the forms of a value."""
        self._analyzer = analyzer
        self._wanted: dict[tuple[str, str], str] = {}
        """The canonical form of each exempt value, by entity: as many as a configuration has."""

    def holding(self, exemptions: Iterable[Exemption], entity: str, found: str) -> Iterator[Exemption]:
        """Yield the exemptions that name a value.

        Text that is spelled in text is read as detectors read it: ``bob%40example.com`` is ``bob@example.com``.
        Only Base64 is not: a run of Base64 may hold more than the value.

        Args:
            exemptions: without regard to their places.
            entity: that of the value.
            found: the value, as it is written.
        """
        readings: list[str] = []
        canonical: set[str] = set()
        for each in exemptions:
            if each.value or each.domain or each.pattern:
                readings = readings or [*self._analyzer.readings(found)]
            if each.value:
                canonical = canonical or {self._analyzer.canonical(entity, text) for text in readings}
                holds = self._canonical(entity, each.value) in canonical
            elif each.domain:
                holds = any(is_of_domain(text, each.domain) for text in readings)
            elif each.pattern:
                matcher = compile_pattern(each.pattern)
                holds = any((0, len(text)) in matcher.matches(text) for text in readings)
            else:
                holds = True
            if holds:
                yield each

    def _canonical(self, entity: str, value: str) -> str:
        key = entity, value
        if key not in self._wanted:
            self._wanted[key] = self._analyzer.canonical(entity, value)
        return self._wanted[key]


@lru_cache(maxsize=PATTERNS_CACHED)
def compile_pattern(pattern: str) -> Matcher:
    """Compile the pattern of an exemption. Its syntax is that of custom detectors.

    Raises:
        ValueError: says what is wrong with it.
    """
    check_pattern(pattern)
    return Matcher(f"(?:{pattern})".encode())


def is_of_domain(found: str, domain: str) -> bool:
    """Return whether an address or URL is of a domain, or of one below it where the domain begins with ``*.``."""
    host = host_of(found)
    return host.endswith(domain[1:]) if domain.startswith(BELOW) else host == domain


def host_of(found: str) -> str:
    """Return the domain of an e-mail address, the host of a URL, or the text itself; in lower case."""
    text = found.strip().lower()
    if "://" in text:
        try:
            return urlsplit(text).hostname or ""
        except ValueError:
            return ""
    return text.rpartition("@")[2].rstrip(".")
