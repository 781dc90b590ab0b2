"""What changed in the masked arguments, against those of an earlier call of the same function."""

from dataclasses import dataclass, replace

from extproc.console.pages.argument_lines import Kind, Line


@dataclass(frozen=True, slots=True)
class Changes:
    """The lines of a call, with what changed, and the lines of the earlier call that it has not."""

    lines: tuple[Line, ...]
    gone: tuple[Line, ...]

    @property
    def summary(self) -> str:
        """What changed, as words: ``2 changed, 1 new``; empty if nothing did."""
        counted = [(kind, sum(line.change == kind for line in self.lines)) for kind in ("changed", "new")]
        counted.append(("gone", len(self.gone)))
        return ", ".join(f"{count} {kind}" for kind, count in counted if count)


def compare(lines: tuple[Line, ...], before: tuple[Line, ...]) -> Changes:
    """Compare two calls value by value. Items of arrays are compared by their position.

    Masks hide values: two different secrets of one kind look the same here.
    """
    earlier = {line.location: line for line in before if line.kind is not Kind.OPEN}
    now = {line.location for line in lines if line.kind is not Kind.OPEN}
    return Changes(
        tuple(line if line.kind is Kind.OPEN else _compared(line, earlier.get(line.location)) for line in lines),
        tuple(line for location, line in earlier.items() if location not in now),
    )


def _compared(line: Line, earlier: Line | None) -> Line:
    if earlier is None:
        return replace(line, change="new")
    if (line.kind, line.text) == (earlier.kind, earlier.text):
        return line
    return replace(line, change="changed", before=earlier.written)
