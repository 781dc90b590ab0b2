"""Sections under a name in brackets, as in INI files and TOML: lines with ``key = value`` up to the next one."""

import re

from extproc.detectors.structures.tree import Node, Value

_LINE = re.compile(r"[ \t]*([^\n]*)(?:\n|\Z)")
_PAIR = re.compile(
    r"""["']?(?P<key>[\w.@/-][\w.@/ -]{0,127}?)["']?[ \t]{0,8}[=:][ \t]{0,8}"""
    r"""(?:(?P<mark>["'])(?P<quoted>[^\n]{0,4096}?)(?P=mark)|(?P<bare>[^\s"'\[{][^\n]{0,511}))"""
)
_COMMENT = re.compile(r"[ \t]+[#;].*")


def read_section(text: str, at: int, last: int) -> tuple[Node, int]:
    """Read the lines of a section.

    Args:
        text: the text.
        at: where the line behind the name begins.
        last: where to end at most.

    Returns:
        A map, and the end of the section.
    """
    node = Node()
    while at < last and (line := _LINE.match(text, at, last)):
        if line[1].startswith("["):
            break
        if pair := _PAIR.match(text, line.start(1), line.end(1)):
            kind = "quoted" if pair["mark"] else "bare"
            said = pair[kind] if pair["mark"] else _COMMENT.sub("", pair["bare"]).rstrip()
            start = pair.start(kind)
            node.entries.append((pair["key"], Value(start, start + len(said), said, is_quoted=kind == "quoted")))
        at = line.end()
    return node, at
