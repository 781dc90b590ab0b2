"""Elements of markup in an element with a name: ``<passwords><alice>…</alice></passwords>``."""

import re

from extproc.detectors.structures.tree import Node, Value

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[\w:.-]{1,128})(?P<rest>\s[^<>]{0,256})?>")
_KEY = re.compile(r"""\s(?:name|key|id)=["']([^"'<>]{1,128})["']""")


def read_elements(text: str, at: int, last: int) -> tuple[Node, int]:
    """Read an element.

    Args:
        text: the text.
        at: where its tag begins.
        last: where to end at most.

    Returns:
        A map of the elements in it, each by its name or by what its attribute ``name`` or ``key`` says. The end.
    """
    root = Node()
    opened: list[tuple[str, Node, int]] = []
    for tag in _TAG.finditer(text, at, last):
        name, rest = tag["name"], tag["rest"] or ""
        if tag["close"]:
            if not opened:
                break
            key, node, start = opened.pop()
            if not opened:
                return node, tag.end()
            inner = text[start : tag.start()]
            is_leaf = not node.entries and inner.strip()
            opened[-1][1].entries.append((key, Value(start, tag.start(), inner) if is_leaf else node))
        elif not rest.endswith("/"):
            said = _KEY.search(rest)
            opened.append((said[1] if said else name, Node(), tag.end()))
    return opened[0][1] if opened else root, last
