"""Listings of tools, prompts, resources and templates: the listed things, and the response without some of them.

Not decided here: which of them a caller may see.

Sources: MCP 2024-11-05 to 2026-07-28, server features; MCP 2026-07-28, caching.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from extproc.codecs.json_children import children, without
from extproc.codecs.json_keys import fold
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Json
from extproc.model.reasons import Uninspectable
from extproc.protocols.mcp.answers import Answer
from extproc.protocols.mcp.functions import Functions
from extproc.protocols.mcp.methods import (
    PROMPTS_GET,
    PROMPTS_LIST,
    RESOURCES_LIST,
    RESOURCES_READ,
    TEMPLATES_LIST,
    TOOLS_CALL,
    TOOLS_LIST,
)
from extproc.protocols.mcp.output_schemas import with_relaxed_schemas

RESULT = "result"
CACHE_SCOPE = "cachescope"
PRIVATE = '"private"'


class ListKind(NamedTuple):
    """One kind of listing."""

    noun: str
    key: str
    """The member of the result that has the list."""
    name: str
    """The member of a listed thing by which it is called."""
    method: str
    """The method that calls it."""


KINDS = {
    TOOLS_LIST: ListKind("tools", "tools", "name", TOOLS_CALL),
    PROMPTS_LIST: ListKind("prompts", "prompts", "name", PROMPTS_GET),
    RESOURCES_LIST: ListKind("resources", "resources", "uri", RESOURCES_READ),
    TEMPLATES_LIST: ListKind("resource templates", "resourceTemplates", "uriTemplate", RESOURCES_READ),
}


@dataclass(frozen=True, slots=True)
class McpListing:
    """One listing. See ``Listing``."""

    answer: Answer
    kind: ListKind
    counts: tuple[int, ...]
    """The number of listed things in each message."""
    items: tuple[Call | None, ...]
    definitions: tuple[tuple[str, Mapping[str, Json]], ...]

    @property
    def noun(self) -> str:
        """Name the listed things."""
        return self.kind.noun

    def keep(self, kept: Sequence[bool]) -> bytes:
        """Return the body with no others, for the caller's own use only, and ready to be masked.

        Another caller may see others: no cache may serve this listing to anybody else. Output schemas are relaxed.
        """
        return self.answer.rewritten(self._cut(iter(kept)))

    def _cut(self, kept: Iterator[bool]) -> Callable[[str], str]:
        counts = iter(self.counts)

        def cut(text: str) -> str:
            count = next(counts)
            text = _without_items(text, self.kind.key, [next(kept) for _ in range(count)])
            text = with_relaxed_schemas(text) if self.kind.method == TOOLS_CALL else text
            return _made_private(without_other_lists(text, self.kind.key))

        return cut


@dataclass(frozen=True, slots=True)
class ReadResource:
    """The answer to ``resources/read``: a ``Listing`` of no functions, for its caller alone.

    Policy lets one caller read a resource, and another not: no cache may serve it to anybody else.
    """

    answer: Answer
    noun: str = ""
    items: tuple[Call | None, ...] = ()
    definitions: tuple[tuple[str, Mapping[str, Json]], ...] = ()

    def keep(self, kept: Sequence[bool]) -> bytes:
        """Return the body, and let nobody else have it from a cache."""
        del kept
        return self.answer.rewritten(_made_private)


def read_listing(call: Call, answer: Answer, functions: Functions) -> McpListing:
    """Read the answer to a call of a list.

    Args:
        call: the call that it answers.
        answer: its messages.
        functions: the connection's functions; no other is ever shown.

    Raises:
        Unreadable: a message that two readers could take differently.
    """
    kind = KINDS[call.method]
    listed = [listed_items(message, kind.key) or [] for message in answer.messages]
    given = [item for each in listed for item in each]
    items = tuple(_call(call, kind, item, functions) for item in given)
    return McpListing(answer, kind, tuple(map(len, listed)), items, tuple(_definitions(items, given)))


def without_other_lists(text: str, but: str = "") -> str:
    """Return a message without the lists that nobody asked for: nobody decides about their things.

    Args:
        text: the message.
        but: the key of the list that was asked for.
    """
    others = {fold(kind.key) for kind in KINDS.values() if kind.key != but}
    parts = children(text, (RESULT,))
    return without(text, parts, [fold(part.key) not in others for part in parts])


def listed_items(message: Mapping[str, Json], key: str) -> list[Json] | None:
    """Return the things that a message lists under a key of its result; None where it lists none.

    Raises:
        Unreadable: two readers could take the list differently.
    """
    result = message.get(RESULT)
    if not isinstance(result, dict) or fold(key) not in map(fold, result):
        return None
    items = result.get(key)
    if not isinstance(items, list) or sum(fold(each) == fold(key) for each in result) > 1:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return items


def item_name(item: Json, key: str) -> str:
    """Return the name of a listed thing; empty where it has none, or two."""
    name = item.get(key) if isinstance(item, Mapping) else None
    alike = sum(fold(each) == fold(key) for each in item) if isinstance(item, Mapping) else 0
    return name if isinstance(name, str) and alike == 1 else ""


def _call(call: Call, kind: ListKind, item: Json, functions: Functions) -> Call | None:
    """Return the call of a listed thing; None where no such function is registered."""
    listed = item_name(item, kind.name)
    arguments: dict[str, Json] = {}
    if kind.method == RESOURCES_READ:
        name, arguments["uri"] = functions.resource(listed), listed
    else:
        name = functions.tool(listed) if kind.method == TOOLS_CALL else functions.prompt(listed)
    if not listed or name is None:
        return None
    return replace(call, name=name, method=kind.method, arguments=arguments, document=None, direction="list")


def _definitions(items: tuple[Call | None, ...], given: list[Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield the name and the definition of each registered function."""
    for call, item in zip(items, given, strict=True):
        if call is not None and isinstance(item, Mapping):
            yield call.name, item


def _without_items(text: str, key: str, kept: list[bool]) -> str:
    if all(kept):
        return text
    parts = children(text, (RESULT, key))
    if len(parts) != len(kept):
        raise Unreadable(Uninspectable.NOT_JSON)
    return without(text, parts, kept)


def _made_private(text: str) -> str:
    """Return the message with ``cacheScope`` private, where it has one."""
    for part in reversed(children(text, (RESULT,))):
        if fold(part.key) == CACHE_SCOPE and text[part.value : part.end] != PRIVATE:
            text = text[: part.value] + PRIVATE + text[part.end :]
    return text
