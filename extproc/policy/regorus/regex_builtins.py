r"""Match regular expressions and globs with OPA's meaning, in linear time.

regorus's own expressions take linear time, but read ``\d \w \s \b`` as Unicode and know operators inside classes.
So a pattern is rewritten first, and then matched by regorus itself, in a helper policy.
"""

import json
import re
from functools import lru_cache
from typing import Any

from extproc.policy.regorus.globs import BadGlob, glob_expression
from extproc.policy.regorus.import_regorus import RegorusEngine, new_engine

MAX_PATTERN = 4_096
"""Characters of a pattern."""
HELPER = """package native
is_valid := regex.is_valid(input[0])
match := regex.match(input[0], input[1])
split := regex.split(input[0], input[1])
find_n := regex.find_n(input[0], input[1], input[2])
find_all_string_submatch_n := regex.find_all_string_submatch_n(input[0], input[1], input[2])
replace := regex.replace(input[1], input[0], input[2])
"""
IN_CLASS = {
    "d": "0-9",
    "w": "0-9A-Za-z_",
    "s": r"\t\n\f\r\x20",
    "D": "[^0-9]",
    "W": "[^0-9A-Za-z_]",
    "S": r"[^\t\n\f\r\x20]",
}
"""RE2's classes: ASCII only."""
TOKEN = re.compile(
    r"""\\(?P<escaped>.)
      | (?P<flags>\(\?[A-Za-z-]+[:)])
      | (?P<posix>\[:\^?[a-z]+:\])
      | (?P<range>\{,)
      | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
FLAGS = re.compile(r"\(\?[imsU]*(-[imsU]+)?[:)]")


class BadArgument(Exception):
    """An argument that a built-in function does not accept. The message never holds the value."""


def require_texts(*values: Any) -> None:
    """Check that all operands are text.

    Raises:
        BadArgument: one is not.
    """
    if not all(isinstance(value, str) for value in values):
        raise BadArgument("operand must be a string")


@lru_cache(maxsize=1_024)
def ascii_expression(pattern: str) -> str:
    r"""Rewrite an RE2 expression for regorus, with the same meaning.

    Raises:
        BadArgument: it uses an element without a counterpart (``\B``, verbose mode, operators inside classes,
            ``{,n}``).
    """
    if len(pattern) > MAX_PATTERN:
        raise BadArgument("pattern is too long")
    out: list[str] = []
    in_class = first = False
    for token in TOKEN.finditer(pattern):
        piece, kind = token[0], token.lastgroup
        if in_class:
            closes = piece == "]" and not first
            out.append("]" if closes else _inside(piece, kind, token["escaped"]))
            in_class, first = not closes, first and piece == "^"
        elif kind == "other" and piece == "[":
            in_class = first = True
            out.append("[")
        else:
            out.append(_outside(piece, kind, token["escaped"]))
    return "".join(out)


def _inside(piece: str, kind: str | None, escaped: str | None) -> str:
    if kind == "escaped" and escaped in IN_CLASS:
        return IN_CLASS[escaped or ""]
    if kind in ("flags", "range"):
        return "".join(rf"\{char}" if char in "()?{" else char for char in piece)
    if piece in ("[", "]", "&", "~"):
        return rf"\{piece}"
    return piece


def _outside(piece: str, kind: str | None, escaped: str | None) -> str:
    if kind == "escaped":
        if escaped == "b":
            return r"(?-u:\b)"
        if escaped in ("B", "<", ">"):
            raise BadArgument("the pattern uses an escape that is not available here")
        body = IN_CLASS.get(escaped or "")
        return piece if body is None else body if body.startswith("[") else f"[{body}]"
    if kind == "range" or (kind == "flags" and not FLAGS.fullmatch(piece)):
        raise BadArgument("the pattern uses an operator that is not available here")
    return piece


class Patterns:
    """Matches patterns in linear time, with a helper engine. Owned by one thread."""

    def __init__(self) -> None:
        self._engine = _helper()

    def _native(self, name: str, pattern: Any, *operands: Any) -> Any:
        require_texts(pattern)
        try:
            self._engine.set_input_json(json.dumps([ascii_expression(pattern), *operands]))
            found = json.loads(self._engine.eval_query_as_json(f"data.native.{name}"))
            return found["result"][0]["expressions"][0]["value"]
        except (KeyboardInterrupt, SystemExit, BadArgument):
            raise
        except BaseException:  # noqa: BLE001 - the engine's panics derive from it
            self._engine = _helper()
            raise BadArgument("the pattern cannot be read") from None

    def is_valid(self, pattern: Any) -> bool:
        """``regex.is_valid``."""
        try:
            return self._native("is_valid", pattern) is True
        except BadArgument:
            return False

    def match(self, pattern: Any, value: Any) -> bool:
        """``regex.match``: anywhere in the value."""
        require_texts(value)
        return bool(self._native("match", pattern, value))

    def split(self, pattern: Any, value: Any) -> Any:
        """``regex.split``."""
        require_texts(value)
        return self._native("split", pattern, value)

    def find_n(self, pattern: Any, value: Any, number: Any) -> Any:
        """``regex.find_n``."""
        require_texts(value)
        return self._native("find_n", pattern, value, number)

    def find_all_string_submatch_n(self, pattern: Any, value: Any, number: Any) -> Any:
        """``regex.find_all_string_submatch_n``."""
        require_texts(value)
        return self._native("find_all_string_submatch_n", pattern, value, number)

    def replace(self, text: Any, pattern: Any, value: Any) -> Any:
        """``regex.replace``."""
        require_texts(text, value)
        return self._native("replace", pattern, text, value)

    def glob_match(self, pattern: Any, delimiters: Any, value: Any) -> bool:
        """``glob.match``: null means no delimiter, an empty array means ``.``."""
        require_texts(pattern, value)
        if delimiters is not None and not isinstance(delimiters, list):
            raise BadArgument("delimiters must be an array or null")
        require_texts(*(delimiters or []))
        separators = "" if delimiters is None else "".join(delimiters) or "."
        try:
            return self.match(glob_expression(pattern, separators), value)
        except BadGlob:
            raise BadArgument("malformed glob") from None


def _helper() -> RegorusEngine:
    engine = new_engine()
    engine.add_policy("native.rego", HELPER)
    return engine
