"""The settings by which a connection pins the definitions of its functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pinning:
    """The settings for the definitions of one connection."""

    first_sight: bool = True
    """True: the definition that is seen first is accepted, where ``digests`` has none for its function."""
    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Accepted digests by function, as configured."""
    ignored: frozenset[str] = frozenset()
    """Members of a definition that do not count."""
