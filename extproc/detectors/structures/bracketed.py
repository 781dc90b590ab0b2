"""Brackets with values, with or without keys: JSON in text, flow style of YAML, literals in programs."""

import re

from extproc.detectors.structures.tree import Node, Value

_TOKEN = re.compile(
    r"""(?P<mark>\\{0,3}["'`])(?P<quoted>[^\n]{0,4096}?)(?P=mark)"""
    r"""|(?P<bare>\$?\{\{[^{}\n]{0,200}\}\}|\$\{[^{}\n]{0,200}\}|\$\([^()\n]{0,200}\)"""
    r"""|[A-Za-z0-9+/_-]{2,512}={1,2}(?=[\s,\]})]|\Z)|[^\s"'`\\\[\](){}:=,;#]{1,512})"""
    r"""|(?P<sign>=>|:=|==?|:)|(?P<opens>[\[{(])|(?P<closes>[\])}])|(?P<apart>[,;\n])"""
    r"""|(?P<comment>#[^\n]{0,512})|\\{1,3}[nrt]|."""
)


class _Open:
    """Brackets that are not closed yet."""

    def __init__(self, *, is_code: bool) -> None:
        self.node = Node(is_list=True)
        self.is_code = is_code
        self.key: str | None = None
        self.said: Value | None = None
        """The last value, which may become a key."""

    def name(self) -> None:
        """Take the last value as the key of the next one."""
        if self.said is not None and self.key is None:
            self.key, self.said = self.said.text, None
            self.node.is_list = False

    def finish(self, inner: Node | None = None) -> None:
        """Come to the end of an element or member; its value may be in brackets."""
        value = inner or self.said
        if value is not None:
            self.node.entries.append((self.key or "", value))
        self.key = self.said = None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._opened: list[_Open] = []
        self.node: Node | None = None
        """The content of the first brackets, once they are closed."""

    def read(self, token: re.Match[str]) -> None:
        match token.lastgroup:
            case "opens":
                self._open(token)
            case "closes":
                self.close()
            case "quoted" | "bare":
                self._say(token)
            case "sign":
                self._opened[-1].name()
            case "apart" if token[0] != "\n" or self._opened[-1].said is not None:
                self._opened[-1].finish()
            case _:
                pass

    def close(self) -> None:
        """Come to a closing bracket, or to the end of the text."""
        inner = self._opened.pop()
        inner.finish()
        if not self._opened:
            self.node = inner.node
        elif inner.is_code:
            self._opened[-1].finish()
        else:
            self._opened[-1].finish(inner.node)

    def _open(self, token: re.Match[str]) -> None:
        around = self._opened[-1] if self._opened else None
        is_call = around is not None and around.said is not None and around.said.end == token.start()
        if around is not None and is_call:
            around.said = None
        self._opened.append(_Open(is_code=is_call or (around is not None and around.is_code)))

    def _say(self, token: re.Match[str]) -> None:
        """Take a quoted or bare value. Bare words behind each other are one value."""
        value = Value(*token.span(token.lastgroup or 0), token[token.lastgroup or 0], token.lastgroup == "quoted")
        last = self._opened[-1].said
        if last and not (last.is_quoted or value.is_quoted):
            value = Value(last.start, value.end, self._text[last.start : value.end])
        self._opened[-1].said = value


def read_bracketed(text: str, at: int, last: int) -> tuple[Node, int]:
    """Read what is in brackets. Calls of functions, ``getenv("X")``, are no values.

    Args:
        text: the text.
        at: the offset of the opening bracket.
        last: where to end at most.

    Returns:
        A list, or a map if it has keys. The offset behind the closing bracket.
    """
    reader = _Reader(text)
    for token in _TOKEN.finditer(text, at, last):
        reader.read(token)
        if reader.node is not None:
            return reader.node, token.end()
    while reader.node is None:
        reader.close()
    return reader.node, last
