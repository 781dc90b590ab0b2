"""Tell whether text that comes in pieces may be the beginning of JSON."""

import re

CLOSES = {"{": "}", "[": "]"}
_TOKEN = re.compile(r"[ \t\n\r\ufeff]+|[-+.0-9A-Za-z]+|.", re.DOTALL)
_IN_STRING = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)
_BLANK = re.compile(r"[ \t\n\r\ufeff]")
_WORD = re.compile(r"[-+.0-9A-Za-z]")
_BEGINS = re.compile(r"[-0-9tfnNI]")
"""The first characters of numbers and literals, including those that only lenient readers accept (RFC 8259)."""


class JsonPrefix:
    """Reads a text as an array, object or string. May wrongly accept a text, but never wrongly rejects one."""

    def __init__(self) -> None:
        """Begin with an empty text, which any text may follow."""
        self._closers: list[str] = []
        """Closing brackets of the open arrays and objects, innermost last."""
        self._wants = "root"
        """The next token: ``root``, ``value``, ``key`` (both with ``first`` where the end may come instead),
        ``:``, ``,`` or ``end``; empty if the text is not JSON."""
        self._string = self._escaped = self._word = False
        """The token in which the last piece ended."""

    def may_be_json_with(self, text: str) -> bool:
        """Take the next piece; return whether the text may still be JSON. Once false, it stays false."""
        at = 0
        while at < len(text) and self._wants:
            at = self._string_from(text, at) if self._string else self._token_from(text, at)
        return bool(self._wants)

    @property
    def is_complete(self) -> bool:
        """True if the text is an array, object or string with its end: only blanks may follow."""
        return self._wants == "end" and not self._string

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
        sign = found[0] if found else text[at]
        if _BLANK.match(sign):
            self._word = False
        elif not (self._word and _WORD.match(sign)):
            self._word = False
            self._wants = self._after(sign)
        return at + len(sign)

    def _after(self, sign: str) -> str:
        wants, first = self._wants.removeprefix("first "), self._wants.startswith("first ")
        around = self._closers[-1] if self._closers else ""
        if sign == '"' and wants in ("root", "value", "key"):
            self._string = True
            return ":" if wants == "key" else self._after_value()
        if sign in CLOSES and wants in ("root", "value"):
            self._closers.append(CLOSES[sign])
            return "first key" if sign == "{" else "first value"
        if sign == around and (first or wants == ","):
            self._closers.pop()
            return self._after_value()
        if wants == "value" and _BEGINS.match(sign):
            self._word = True
            return self._after_value()
        if sign == wants == ",":
            return "key" if around == "}" else "value"
        return "value" if sign == wants == ":" else ""

    def _after_value(self) -> str:
        """Return the token that has to follow a value."""
        return "," if self._closers else "end"
