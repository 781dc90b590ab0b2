"""Structures of text whose name tells what the values in them are."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from extproc.detectors.naming import Naming, Near
from extproc.detectors.structures.bracketed import read_bracketed
from extproc.detectors.structures.indented import read_indented, scalar_below
from extproc.detectors.structures.markup import read_elements
from extproc.detectors.structures.sections import read_section
from extproc.detectors.structures.tree import LONGEST, NamedValue, Node, named_values
from extproc.detectors.vocabulary.words import Words

_NAME = r"[\w./$-](?<![\w./$-].)[\w./$-]{0,127}"
_MARK = r"""(?:\\{0,3}["'`])?\]?[ \t]{0,8}"""
_OPENS = (
    r"(?:(?P<lines>:[ \t]{0,8}(?:[|>][+-]?[ \t]{0,8})?(?:#[^\n]{0,200})?\r?\n)"
    r"|(?P<signed>(?::=|=>|==?|:)\s{0,8}(?:new |array)?)(?=[\[{(](?![{#%*]))"
    r"|(?P<section>\][ \t]{0,8}\r?\n))"
)
_OPENER = re.compile(rf"(?P<name>{_NAME})(?:{_MARK}){_OPENS}")
_BEHIND = re.compile(rf"[\w./$-]{{0,128}}{_MARK}{_OPENS}")
_ELEMENT = re.compile(r"<(?P<name>[\w:.-]{1,128})(?:\s[^<>]{0,256})?(?<!/)>\s{0,128}(?=<[\w])")
_BEHIND_ELEMENT = re.compile(r"[\w:.-]{0,128}(?:\s[^<>]{0,256})?(?<!/)>\s{0,128}<\w")
_BEGIN = re.compile(r"""[ \t]*(?:-[ \t]+)*["']?\Z""")
"""Stands in a line before the name of indented lines."""
_BELOW = " \t-#\r\n"
"""The characters with which a line begins that may belong to the name above it."""
_BEGIN_SECTION = re.compile(r"""[ \t]*\[{1,2}["']?(?:[\w-]+\.)*\Z""")
_LINE_REST = re.compile(r"[ \t]{0,8},?[ \t]{0,8}(?:#[^\n]*)?\r?(?:\n|\Z)")
_MAY_OPEN = re.compile(r"[:=]>?[ \t]{0,8}(?:[\r\n\[{(|>#]|array|new )|\][ \t]{0,8}\r?\n|>\s{0,128}<\w")
"""One of these marks is in each text with a structure."""
LINE_NEAR = 200
"""Characters before a name in which its line begins."""
NO_LINE = "."
"""Stands for the beginning of a line that is too far away."""


class Structure(NamedTuple):
    """A structure and its name."""

    name: str
    start: int
    end: int
    node: Node
    takes_bare: bool
    """Values without quotes are values, and no code."""
    is_long: bool
    """It may go on where it was cut off."""

    def values(self, words: Words) -> Iterator[NamedValue]:
        """Yield its values that the words tell."""
        return named_values(self.node, self.name, words)


_STRUCTURE = Naming(_OPENER, _BEHIND, follows="\\\"'`] \t:=")
_MARKUP = Naming(_ELEMENT, _BEHIND_ELEMENT, needs="<")


@lru_cache(maxsize=1)
def may_have_structure(text: str) -> bool:
    """Return whether a text may have a structure. Asked for each kind of words in turn."""
    return _MAY_OPEN.search(text) is not None


def named_structures(near: Near, words: Words) -> Iterator[Structure]:
    """Yield the structures whose name is one of the words. One in another is a part of that one."""
    read = -1
    for match in near.matches(_STRUCTURE):
        if match.start() >= read and words.tell(match["name"]) and (structure := near.once(_structure, match)):
            read = (structure.start + structure.end) // 2 if structure.is_long else structure.end
            yield structure
    read = -1
    for match in near.matches(_MARKUP):
        if match.start() >= read and words.tell(match["name"]):
            last = min(len(near.text), match.end() + LONGEST)
            node, end = read_elements(near.text, match.start(), last)
            read = (match.start() + end) // 2 if end == last else end
            yield Structure(match["name"], match.start(), end, node, takes_bare=True, is_long=end == last)


def _structure(match: re.Match[str]) -> Structure | None:
    text, name, start, at = match.string, match["name"], match.start("name"), match.end()
    last = min(len(text), at + LONGEST)
    line = text.rfind("\n", max(0, start - LINE_NEAR), start) + 1
    before = text[line:start] if line or start <= LINE_NEAR else NO_LINE
    takes_bare = True
    if match["section"] is not None:
        if not _BEGIN_SECTION.fullmatch(before):
            return None
        node, end = read_section(text, at, last)
    elif match["lines"] is not None:
        if not _BEGIN.fullmatch(before):
            return None
        column = len(before.rstrip("\"'"))
        if text[at : at + 1] not in _BELOW:
            return None
        if match["lines"].lstrip(": \t")[:1] in ("|", ">"):
            value, end = scalar_below(text, at, column, last)
            node = Node([("", value)] if value else [], is_list=True)
        else:
            node, end = read_indented(text, at, column, last)
    else:
        node, end = read_bracketed(text, at, last)
        is_line = _BEGIN.fullmatch(before) is not None and _LINE_REST.match(text, end) is not None
        takes_bare = is_line and match["signed"].startswith(":") and not match["signed"].startswith(":=")
    return Structure(name, start, end, node, takes_bare, is_long=end == last == at + LONGEST)
