"""A plain walk over a document's units, for tests."""

from extproc.codecs.json_units import OPENS, UNIT, Unit, shape, unquote


def scalars(text):
    """Each scalar's path and source, in order."""
    stack = []
    for unit in UNIT.finditer(shape(text)):
        kind = unit.lastindex
        if kind == Unit.CLOSE:
            stack.pop()
            continue
        if stack and unit[1] is not None and kind != Unit.STRING:
            stack[-1] = unquote(text, *unit.span(1))
        elif stack:
            stack[-1] += 1
        if kind in OPENS:
            stack.append(-1)
        else:
            start, end = unit.span(kind)
            yield tuple(stack), text[start:end]
