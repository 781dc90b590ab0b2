"""Find what masking left, where it comes back in a request: labels, pseudonyms, stars of ``partial``.

An agent that reads a masked record and writes it back destroys the data. The finding tells policy.
"""

import json
import re
from collections.abc import Callable, Iterator

from extproc.masking.findings import FindingLog
from extproc.masking.json.json_masker import AROUND_JSON, ENDS, LABEL, MAX_NESTED
from extproc.masking.plan.json_path import Location
from extproc.model.call import Json
from extproc.model.masking import MASKED_VALUE

_MARKS = re.compile(rb"\[[A-Z]"), re.compile(rb"<[A-Z]"), re.compile(rb"\*\*\*\*"), re.compile(rb"\\u00")
"""One of them is in every document with a masked value. Each begins with a byte that is searched for fast."""
_STARS = re.compile(r"\*{4,}(?:.{4})?", re.DOTALL)
"""What ``partial`` leaves of a value: stars alone for a short one, else its last four characters."""


def may_hold_masked_values(document: bytes) -> bool:
    """Return whether a masked value could be in a JSON document. May be wrongly true, never wrongly false."""
    return any(mark.search(document) for mark in _MARKS)


def log_masked_values(arguments: Json, log: FindingLog, labels_in: Callable[[str], int], *, stars: bool) -> None:
    """Log the masked values in arguments, each at its place.

    Args:
        arguments: as policy sees them.
        log: takes the findings.
        labels_in: counts labels in a text, as it is written and as it is spelled in text.
        stars: what ``partial`` leaves counts, too.

    Raises:
        MaskingError: too many of them.
    """
    for location, text in _texts(arguments, (), 0):
        count = labels_in(text) or (stars and _STARS.fullmatch(text) is not None)
        for _ in range(count):
            log.add(MASKED_VALUE, location, "")


def _texts(value: Json, location: Location, level: int) -> Iterator[tuple[Location, str]]:
    """Yield all strings and keys, those of JSON in strings too. A key comes with the location of its object."""
    waiting: list[tuple[Json, Location, int]] = [(value, location, level)]
    while waiting:
        here, at, depth = waiting.pop()
        if isinstance(here, str):
            inner = _document(here) if depth < MAX_NESTED else None
            if inner is None:
                yield at, here
            else:
                waiting.append((inner, at, depth + 1))
        elif isinstance(here, dict):
            yield from ((at, key) for key in here)
            waiting += [(each, (*at, key), depth) for key, each in reversed(here.items())]
        elif isinstance(here, list):
            waiting += [(each, (*at, index), depth) for index, each in reversed([*enumerate(here)])]


def _document(text: str) -> Json:
    """Return the document that a string is, as lenient readers read it; None if it is none."""
    bare = text.strip(AROUND_JSON)
    if not bare or LABEL.fullmatch(bare) or ENDS.get(bare[0]) != bare[-1]:
        return None
    try:
        read: Json = json.loads(bare, strict=False, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return None
    return read
