"""Indented lines under a name, as in YAML 1.2 (block collections, section 8.2): ``key: value`` and ``- value``."""

import re
from dataclasses import dataclass

from extproc.detectors.structures.bracketed import read_bracketed
from extproc.detectors.structures.tree import Node, Value

_LINE = re.compile(r"( *)([^\n]*)(?:\n|\Z)")
_PAIR = re.compile(
    r"""(?:"(?P<double>[^"\n]{1,128})"|'(?P<single>[^'\n]{1,128})'|(?P<bare>[\w.@/$][\w.@/ $-]{0,127}?))[ \t]*"""
    r""":(?=[ \t]|\r?\Z)[ \t]*"""
)
_ITEM = re.compile(r"-(?:[ \t]+|\r?\Z)")
_TAG = re.compile(r"!!?[\w/:.]{0,64}[ \t]+|&\w{1,64}[ \t]+")
_SCALAR_BELOW = re.compile(r"[|>][+-]?[0-9]?[+-]?[ \t]*(?:#.*)?\r?")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*", re.DOTALL)
_ENDS = ("---", "...")


@dataclass(slots=True)
class _Open:
    """A list or map whose lines are being read."""

    column: int
    node: Node
    key: str | None
    """The key whose value is in the lines below; None if there is none."""


class _Reader:
    def __init__(self, text: str, last: int) -> None:
        self._text = text
        self._last = last
        self.root = Node(is_list=True)
        self._opened = [_Open(-1, self.root, "")]

    def line(self, at: int, column: int, content: str) -> int:
        """Read a line; return an offset behind it, and behind the lines that its value goes on in.

        Args:
            at: the offset of its content.
            column: the number of blanks before it.
            content: the line without them.
        """
        while item := _ITEM.match(content):
            into = self._into(column, is_list=True)
            if into is None:
                return at
            at, column, content = at + item.end(), column + item.end(), content[item.end() :]
            into.key = ""
            if not content.strip():
                return at
        pair = _PAIR.match(content)
        if pair is None:
            return self._scalar(self._opened[-1], at, column, content)
        into = self._into(column, is_list=False)
        if into is None:
            return at
        into.key = pair["double"] or pair["single"] or pair["bare"]
        return self._scalar(into, at + pair.end(), column, content[pair.end() :])

    def _into(self, column: int, *, is_list: bool) -> _Open | None:
        """Return what a line of this column belongs to; None if it belongs to nothing."""
        opened = self._opened
        while opened[-1].column > column or (opened[-1].column == column and opened[-1].node.is_list > is_list):
            opened.pop()
        top = opened[-1]
        if top.column == column and top.node.is_list == is_list:
            return top
        if top.key is None:
            return None
        node = Node(is_list=is_list)
        top.node.entries.append((top.key, node))
        top.key = None
        opened.append(_Open(column, node, None))
        return opened[-1]

    def _scalar(self, into: _Open, at: int, column: int, content: str) -> int:
        """Take a value. It may be empty, in brackets, in quotes over several lines, or all in the lines below."""
        if into.key is None:
            return at
        if tag := _TAG.match(content):
            at, content = at + tag.end(), content[tag.end() :]
        if not content or content.startswith(("#", "*")) or not content.strip():
            return at
        end = at
        if _SCALAR_BELOW.fullmatch(content):
            line_end = self._text.find("\n", at, self._last) + 1 or self._last
            below, end = scalar_below(self._text, line_end, column, self._last)
            value: Value | Node | None = below
        elif content[0] in "[{" and not content.startswith("{{"):
            value, end = read_bracketed(self._text, at, self._last)
        elif content[0] in "\"'" and (close := self._text.find(content[0], at + 1, self._last)) >= 0:
            value, end = Value(at + 1, close, self._text[at + 1 : close], is_quoted=True), close + 1
        else:
            bare = _COMMENT.sub("", content).rstrip()
            value = Value(at, at + len(bare), bare) if bare else None
        if value is not None:
            into.node.entries.append((into.key, value))
            into.key = None
        return end


def scalar_below(text: str, at: int, column: int, last: int) -> tuple[Value | None, int]:
    """Return the value in lines that stand deeper than a column (YAML 1.2 section 8.1), and the end of the lines.

    Args:
        text: the text.
        at: where the first line begins.
        column: that of the value's key.
        last: where to end at most.
    """
    start = end = at
    while at < last and (line := _LINE.match(text, at, last)):
        if line[2].strip():
            if len(line[1]) <= column:
                break
            start = line.start(2) if start == end else start
            end = line.start(2) + len(line[2].rstrip())
        at = line.end()
    return Value(start, end, text[start:end], is_quoted=True) if end > start else None, at


def read_indented(text: str, at: int, column: int, last: int) -> tuple[Node, int]:
    """Read the lines that stand deeper than a name.

    Args:
        text: the text.
        at: where the line behind the name begins.
        column: that of the name. A list may stand in it.
        last: where to end at most.

    Returns:
        A list of what is in the lines: one map or list. The end of the structure.
    """
    reader = _Reader(text, last)
    while at < last and (line := _LINE.match(text, at, last)):
        content = line[2]
        if content.strip() and not content.startswith("#"):
            indent = len(line[1])
            is_item = _ITEM.match(content) is not None
            if indent < column or (indent == column and not is_item) or content.startswith(("\t", *_ENDS)):
                break
            read = reader.line(line.start(2), indent, content)
            if read > line.end():
                at = read if text[read - 1] == "\n" else text.find("\n", read, last) + 1 or last
                continue
        at = line.end()
    return reader.root, at
