"""Find the tokens of values in a JSON document by their keys and indexes."""

from collections.abc import Collection

from extproc.codecs.json_units import OPENS, UNIT, Path, Unit, shape, unquote

Span = tuple[int, int]
"""Start and end of a token in the document."""
IN_OBJECT = -1


def spans_of(text: str, wanted: Collection[Path]) -> dict[Path, Span]:
    """Return the tokens of some values: strings with their quotes, arrays and objects with their brackets.

    Args:
        text: a document that ``check_text`` accepts.
        wanted: keys and indexes from the root to each value. Values that do not exist are left out.
    """
    marked, left, found = shape(text), set(wanted), dict[Path, Span]()
    path: list[str | int] = []
    starts: list[int] = []
    counts: list[int] = []
    """For each open container: the number of its elements so far, or ``IN_OBJECT``."""
    at = 0
    while left and (unit := UNIT.match(marked, at)):
        at, kind = unit.end(), unit.lastindex or 0
        if kind == Unit.CLOSE:
            place, span = tuple(path), (starts.pop(), at)
            counts.pop()
            if path:
                path.pop()
        else:
            if counts and counts[-1] == IN_OBJECT:
                path.append(unquote(text, *unit.span(1)))
            elif counts:
                path.append(counts[-1])
                counts[-1] += 1
            if kind in OPENS:
                starts.append(at - 1)
                counts.append(0 if marked[at - 1] == "[" else IN_OBJECT)
                continue
            place, span = tuple(path), unit.span(kind)
            if path:
                path.pop()
        if place in left:
            left.remove(place)
            found[place] = span
    return found
