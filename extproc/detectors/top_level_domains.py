"""The names at the top of the domain name system, as delegated in October 2026, and those of private networks."""

from functools import cache
from importlib import resources

PRIVATE = frozenset(
    "local localdomain internal intranet private corp lan home mail test example invalid onion".split()  # noqa: SIM905
)
"""Top-level names that are not delegated and that networks use inside (RFC 2606, RFC 6762, RFC 7686, RFC 8375)."""


def is_top_level(label: str) -> bool:
    """Return whether a label of ASCII letters is a top-level name, in any letter case."""
    name = label.lower()
    return name in _delegated() or name in PRIVATE


@cache
def _delegated() -> frozenset[str]:
    names = resources.files(__package__).joinpath("top_level_domains.txt").read_text("ascii")
    return frozenset(names.split())
