"""The capabilities that a server announces, without those of which the connection registers nothing.

A client calls what a server announces. It must not be told of prompts that it would be refused.

Sources: MCP 2024-11-05 to 2025-11-25, ``initialize``; MCP 2026-07-28, ``server/discover``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extproc.codecs.json_children import children, without
from extproc.codecs.json_keys import fold
from extproc.model.call import Call, Json
from extproc.protocols.mcp.answers import Answer
from extproc.protocols.mcp.functions import Functions
from extproc.protocols.mcp.listings import without_other_lists
from extproc.protocols.mcp.methods import DISCOVER, INITIALIZE

ANNOUNCEMENTS = frozenset({INITIALIZE, DISCOVER})
CAPABILITIES = ("result", "capabilities")
EXTENSIONS = (*CAPABILITIES, "extensions")
TASKS = "tasks"
TASKS_EXTENSION = "io.modelcontextprotocol/tasks"
A_TASKS_METHOD = "tasks/get"


@dataclass(frozen=True, slots=True)
class Announcement:
    """An announcement of capabilities: a ``Listing`` of no functions."""

    answer: Answer
    missing: frozenset[str]
    """Folded names of the capabilities of which nothing is registered."""
    noun: str = ""
    definitions: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    items: tuple[Call | None, ...] = ()

    def keep(self, kept: Sequence[bool]) -> bytes:
        """Return the body without the missing capabilities."""
        del kept
        return self.answer.rewritten(self._cut)

    def _cut(self, text: str) -> str:
        for path in (EXTENSIONS, CAPABILITIES):
            parts = children(text, path)
            text = without(text, parts, [fold(part.key) not in self.missing for part in parts])
        return without_other_lists(text)


def read_announcement(answer: Answer, functions: Functions) -> Announcement:
    """Read the answer to ``initialize`` or ``server/discover``."""
    missing = {setting for setting in ("tools", "prompts", "resources") if not functions.supports(setting)}
    if {"prompts", "resources"} <= missing:
        missing.add("completions")
    if not functions.has_method(A_TASKS_METHOD):
        missing |= {TASKS, TASKS_EXTENSION.lower()}
    return Announcement(answer, frozenset(missing))
