"""Whether a text that comes in pieces may turn out to be JSON."""

import re

CLOSES = {"{": "}", "[": "]"}
_TOKEN = re.compile(r"[ \t\n\r\ufeff]+|[-+.0-9A-Za-z]+|.", re.DOTALL)
_IN_STRING = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)
_BLANK = re.compile(r"[ \t\n\r\ufeff]")
_WORD = re.compile(r"[-+.0-9A-Za-z]")
_BEGINS = re.compile(r"[-0-9tfnNI]")
"""What numbers and literals begin with, also for those who read more than RFC 8259 allows."""


class JsonPrefix:
    """Reads an array, object or string so far. May be wrong in saying that it is one, never in denying it."""

    def __init__(self) -> None:
        """Begin with an empty text, of which anything may become."""
        self._closers: list[str] = []
        """Of the arrays and objects around, innermost last."""
        self._wants = "root"
        """``value``, ``key``, both with ``first`` where the end may come instead, ``:``, ``,`` or ``end``; empty:
        it is no JSON."""
        self._string = self._escaped = self._word = False
        """Within what the last piece ended."""

    def goes_on(self, text: str) -> bool:
        """Take the next piece. False, from then on, when it cannot be JSON."""
        at = 0
        while at < len(text) and self._wants:
            at = self._string_from(text, at) if self._string else self._token_from(text, at)
        return bool(self._wants)

    def _string_from(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _IN_STRING.match(text, at)
        at = found.end() if found else at
        if at < len(text):
            self._string, self._escaped = text[at] != '"', text[at] == "\\"
        return at + 1

    def _token_from(self, text: str, at: int) -> int:
        found = _TOKEN.match(text, at)
        assert found is not None  # noqa: S101 - it takes any character
        sign = found[0]
        if _BLANK.match(sign):
            self._word = False
        elif not (self._word and _WORD.match(sign)):
            self._word = False
            self._wants = self._after(sign)
        return found.end()

    def _after(self, sign: str) -> str:
        wants, first = self._wants.removeprefix("first "), self._wants.startswith("first ")
        around = self._closers[-1] if self._closers else ""
        if sign == '"' and wants in ("root", "value", "key"):
            self._string = True
            return ":" if wants == "key" else self._behind()
        if sign in CLOSES and wants in ("root", "value"):
            self._closers.append(CLOSES[sign])
            return "first key" if sign == "{" else "first value"
        if sign == around and (first or wants == ","):
            self._closers.pop()
            return self._behind()
        if wants == "value" and _BEGINS.match(sign):
            self._word = True
            return self._behind()
        if sign == wants == ",":
            return "key" if around == "}" else "value"
        return "value" if sign == wants == ":" else ""

    def _behind(self) -> str:
        """What is wanted behind a value."""
        return "," if self._closers else "end"
