"""Take tools out of a listing of them, and leave every other byte of the message as it is.

Source: MCP 2024-11-05 to 2026-07-28, ``tools/list``. Not done here: who may see which tool.
"""

from collections.abc import Callable, Mapping

from extproc.codecs.json_keys import fold
from extproc.codecs.json_units import OPENS, UNIT, Unit, shape, unquote
from extproc.codecs.strict_json import parse_text
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.reasons import Uninspectable

RESULT = "result"
TOOLS = "tools"
KEYS = frozenset({"jsonrpc", "id", "method", "params", RESULT, "error"})
"""Keys of JSON-RPC messages. A message with other keys could be read as a listing by some client."""


def listed_tools(text: str, *, max_depth: int) -> list[Json] | None:
    """Return the tools that one JSON-RPC message lists; None where it lists none.

    Raises:
        Unreadable: not strict JSON, not one message, or one that two readers could take differently.
    """
    message = parse_text(text, max_depth=max_depth)
    if not isinstance(message, dict) or not message.keys() <= KEYS:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    result = message.get(RESULT)
    if not isinstance(result, dict) or TOOLS not in map(fold, result):
        return None
    tools = result.get(TOOLS)
    if not isinstance(tools, list) or sum(fold(key) == TOOLS for key in result) > 1:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return tools


def tool_name(tool: Json) -> str:
    """Return a listed tool's name; empty where it has none."""
    name = tool.get("name") if isinstance(tool, Mapping) else None
    alike = sum(fold(key) == "name" for key in tool) if isinstance(tool, Mapping) else 0
    return name if isinstance(name, str) and alike == 1 else ""


def without_tools(text: str, tools: list[Json], shown: Callable[[str], bool]) -> str:
    """Return the message without the tools that are not to be shown.

    Args:
        text: the message, as ``listed_tools`` read it.
        tools: what that returned.
        shown: whether the tool of this name stays; the empty name is asked about too.
    """
    keep = [shown(tool_name(tool)) for tool in tools]
    if all(keep):
        return text
    spans = _elements(text)
    if len(spans) != len(tools):
        raise Unreadable(Uninspectable.NOT_JSON)
    pieces = [text[: spans[0][0]]]
    for index, (start, end) in enumerate(spans):
        if keep[index]:
            pieces += (text[spans[index - 1][1] : start] if len(pieces) > 1 else "", text[start:end])
    return "".join((*pieces, text[spans[-1][1] :]))


def _elements(text: str) -> list[tuple[int, int]]:
    """Return the spans of the elements of ``$.result.tools``, by a walk over strict JSON's brackets and keys."""
    spans: list[tuple[int, int]] = []
    path: list[str] = []
    begun = 0
    for unit in UNIT.finditer(shape(text)):
        kind = unit.lastindex or 0
        inside = path == ["", RESULT, TOOLS]
        if kind == Unit.CLOSE:
            path.pop()
            if path == ["", RESULT, TOOLS]:
                spans.append((begun, unit.end()))
        elif kind in OPENS:
            begun = unit.end() - 1 if inside else begun
            path.append(unquote(text, *unit.span(1)) if kind == Unit.MEMBER_OPEN else "")
        elif inside:
            spans.append(unit.span(kind))
    return spans
