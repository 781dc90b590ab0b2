"""Which values an exemption names."""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.custom import Matcher, check_pattern
from extproc.model.masking import Exemption

PATTERNS_CACHED = 1_024
BELOW = "*."
"""Begins a domain that stands for all domains below it."""


def holds_for(exemption: Exemption, entity: str, found: str, analyzer: Analyzer) -> bool:
    """Return whether an exemption names a value.

    Text that is spelled in text is read as detectors read it: ``bob%40example.com`` is ``bob@example.com``. Only
    Base64 is not: a run of Base64 may hold more than the value.

    Args:
        exemption: without regard to its place.
        entity: that of the value.
        found: the value, as it is written.
        analyzer: knows the forms of a value.
    """
    if not (exemption.value or exemption.domain or exemption.pattern):
        return True
    test = _test_of(exemption, entity, analyzer)
    return any(map(test, analyzer.readings(found)))


def _test_of(exemption: Exemption, entity: str, analyzer: Analyzer) -> Callable[[str], bool]:
    if exemption.value:
        wanted = analyzer.canonical(entity, exemption.value)
        return lambda text: analyzer.canonical(entity, text) == wanted
    if exemption.domain:
        return lambda text: is_of_domain(text, exemption.domain)
    matcher = compile_pattern(exemption.pattern)
    return lambda text: (0, len(text)) in matcher.matches(text)


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
