"""The changes that masking makes, as coloured lines for a terminal."""

from collections.abc import Iterable, Iterator
from difflib import unified_diff

from rich.console import Console
from rich.text import Text

from extproc.console.printable import printable
from extproc.masking.masker import Trial

AROUND = 40
"""Characters shown on each side of a change."""


def changed_values(trial: Trial) -> Iterator[Text]:
    """One line for each edit of a document, with some of the text around it."""
    for edit in trial.edits:
        line = Text()
        line.append(printable(trial.text[max(0, edit.start - AROUND) : edit.start]), "dim")
        line.append_text(change(trial.text[edit.start : edit.end], edit.text))
        line.append(printable(trial.text[edit.end : edit.end + AROUND]), "dim")
        line.append(f"  {edit.entity}", "bold yellow")
        yield line


def changed_lines(body: bytes, masked: bytes) -> Iterator[Text]:
    """Each changed line before and after, for a body of several documents."""
    before, after = (each.decode("utf-8", "replace").splitlines() for each in (body, masked))
    for line in unified_diff(before, after, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield Text(line[0] + printable(line[1:]), "red" if line[0] == "-" else "green")


def change(before: str, after: str) -> Text:
    """The old value in red, and its replacement in green."""
    text = Text(f"[-{printable(before)}-]", "red")
    return Text.assemble(text, (f"{{+{printable(after)}+}}", "green"))


def print_changes(changes: Iterable[Text]) -> None:
    """Print one change per line, without folding it."""
    console = Console(highlight=False, soft_wrap=True)
    for line in changes:
        console.print(line)
