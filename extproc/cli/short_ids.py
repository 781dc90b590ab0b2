"""Short ids for tables. Ids of approvals begin with the time, so those of one burst differ in their ends only."""

from collections.abc import Iterable, Sequence

SHORTEST = 8
"""Characters of a short id: 32 random bits (RFC 9562 section 5.7), so that two of 1,000 rarely have the same."""
WHOLE = 36
"""Characters of a UUID."""


def shorten(ids: Sequence[str]) -> dict[str, str]:
    """Return each id's last characters: as few as tell all of them apart, at least ``SHORTEST``.

    Args:
        ids: whole ids.
    """
    different = len(set(ids))
    length, longest = SHORTEST, max(map(len, ids), default=0)
    while length < longest and len({each[-length:] for each in ids}) < different:
        length += 1
    return {each: each[-length:] for each in ids}


def meant(typed: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that begin or end with what a person typed, in any case.

    Args:
        typed: a whole id, or its first or last characters: at least ``SHORTEST``. Fewer mean none.
        ids: whole ids.
    """
    text = typed.lower()
    if len(text) < SHORTEST:
        return []
    return [each for each in dict.fromkeys(ids) if each.startswith(text) or each.endswith(text)]
