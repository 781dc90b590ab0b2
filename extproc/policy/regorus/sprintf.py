"""OPA's ``sprintf``: the verbs, flags and error marks of Go's ``fmt`` over OPA's values.

An argument is a text, a whole number or a number with a fraction. Any other value is the text that OPA prints for
it. The engine does not say how a number was written: whole numbers are integers here, also where OPA saw ``1.0``.
Rare verbs and flags are refused by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from extproc.policy.regorus.regex_builtins import BadArgument

Argument: TypeAlias = str | int | float
DIRECTIVE = re.compile(
    r"%(?P<flags>[#0+ -]*)(?P<width>\d+)?(?:\.(?P<precision>\d*))?(?:\[(?P<index>\d{1,6})\])?(?P<verb>.)?",
    re.DOTALL,
)
WIDEST = 10_000
"""Characters of a width or precision."""
ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
ESCAPES |= {'"': r"\"", "\\": r"\\"}
INT64 = (1 << 63) - 1
BIG = "*big.Int"
"""Go's type of larger integers."""
WORDS = {str: "a text", int: "a whole number", float: "a number with a fraction"}
BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}
FLOAT_VERBS = frozenset("vgGeEfF")
REFUSED = {str: "", int: "qUfFeEgG", float: "bxX"}
"""Verbs that are not made for a kind of argument: rare ones, and those that tell how a number was written."""
LEAST_EXPONENT, MOST_EXPONENT = -4, 6
RANKS = {type(None): 0, bool: 1, int: 2, float: 2, str: 3, list: 4, dict: 5, set: 6}
"""OPA's order of types."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One ``%…`` of a format."""

    flags: str
    width: int
    precision: int | None
    verb: str

    @property
    def zeros(self) -> bool:
        """True if zeros fill the width."""
        return "0" in self.flags and "-" not in self.flags

    def sign(self, *, negative: bool) -> str:
        """The sign of a number."""
        if negative:
            return "-"
        return "+" if "+" in self.flags else " " if " " in self.flags else ""

    def pad(self, text: str, *, zeros: bool = False) -> str:
        """The text, filled up to the width."""
        if "-" in self.flags:
            return text.ljust(self.width)
        return text.rjust(self.width, "0" if zeros else " ")


def sprintf(form: Any, values: Any) -> str:
    """OPA's ``sprintf``.

    Raises:
        BadArgument: an operand has a wrong type, or the format is refused. Holds nothing of the values.
    """
    if not isinstance(form, str) or not isinstance(values, list):
        raise BadArgument("needs a text and an array")
    arguments = [_argument(value) for value in values]
    return "".join(_pieces(form, arguments))


def _pieces(form: str, arguments: list[Argument]) -> Iterator[str]:
    at = used = 0
    reordered = False
    for found in DIRECTIVE.finditer(form):
        yield form[at : found.start()]
        at, verb = found.end(), found["verb"]
        if verb in ("*", "["):
            raise BadArgument("`*` and this form of `[` are not available in a format")
        if verb is None:
            yield "%!(NOVERB)"
        elif verb == "%":
            yield "%"
        elif found["index"] is not None and not 0 < int(found["index"]) <= len(arguments):
            reordered = True
            yield f"%!{verb}(BADINDEX)"
        else:
            if found["index"] is not None:
                used, reordered = int(found["index"]) - 1, True
            yield _formatted(_directive(found), arguments[used]) if used < len(arguments) else f"%!{verb}(MISSING)"
            used += used < len(arguments)
    yield form[at:]
    if not reordered and used < len(arguments):
        rest = (f"{_type(one)}={_formatted(Directive('', 0, None, 'v'), one)}" for one in arguments[used:])
        yield f"%!(EXTRA {', '.join(rest)})"


def _directive(found: re.Match[str]) -> Directive:
    width, precision = int((found["width"] or "0")[:9]), found["precision"]
    digits = None if precision is None else int((precision or "0")[:9])
    if max(width, digits or 0) > WIDEST:
        raise BadArgument("the width is too large")
    return Directive(found["flags"], width, digits, found["verb"])


def _formatted(directive: Directive, argument: Argument) -> str:
    verb, kind = directive.verb, _type(argument)
    if verb == "T":
        return _formatted(replace(directive, verb="s"), kind)
    if not _is_available(directive, argument):
        raise BadArgument(f"`%{directive.flags}{verb}` of {WORDS[type(argument)]} is not available")
    if verb == "v" and kind != BIG:
        directive = replace(directive, flags=directive.flags.replace("+", ""))
    made = _made(directive, argument)
    if made is not None:
        return made
    return f"%!{verb}({kind.removeprefix('*')}={_made(replace(directive, verb='v'), argument)})"


def _is_available(directive: Directive, argument: Argument) -> bool:
    """False for what would depend on how a number was written, and for rare verbs and flags."""
    verb = directive.verb
    if verb == "p" or verb in REFUSED[type(argument)]:
        return False
    if "#" in directive.flags:  # only as a base's prefix
        return verb in ("xX" if isinstance(argument, str) else "boxX") and not isinstance(argument, float)
    return not (verb == "q" and "+" in directive.flags)


def _made(directive: Directive, argument: Argument) -> str | None:
    """The text of an argument; None if the verb is not for this type."""
    if isinstance(argument, str):
        return _text(directive, argument)
    return _whole(directive, argument) if isinstance(argument, int) else _fraction(directive, argument)


def _text(directive: Directive, text: str) -> str | None:
    cut = text if directive.precision is None else text[: directive.precision]
    match directive.verb:
        case "v" | "s":
            return directive.pad(cut, zeros=directive.zeros)
        case "q":
            return directive.pad(quoted(cut), zeros=directive.zeros)
        case "x" | "X":
            return directive.pad(_hex(directive, text), zeros=directive.zeros)
        case _:
            return None


def _hex(directive: Directive, text: str) -> str:
    raw = text.encode()[: directive.precision]
    between = " " if " " in directive.flags else ""
    prefix = "0x" if "#" in directive.flags and raw else ""
    found = prefix + between.join(f"{prefix if between and at else ''}{byte:02x}" for at, byte in enumerate(raw))
    return found.upper() if directive.verb == "X" else found


def _whole(directive: Directive, number: int) -> str | None:
    verb = directive.verb
    if verb == "c" and number <= INT64:
        return directive.pad(_rune(number), zeros=directive.zeros)
    if verb == "s" and number > INT64:
        verb = "d"
    if verb not in BASES:
        return None
    digits, precision = format(abs(number), BASES[verb]), directive.precision
    sign = directive.sign(negative=number < 0)
    if precision == 0 and number == 0:
        return " " * directive.width
    least = precision if precision is not None else directive.width - len(sign) if directive.zeros else 0
    digits = digits.rjust(least, "0")
    if verb == "O":
        digits = f"0o{digits}"
    elif "#" in directive.flags and not (verb == "o" and digits.startswith("0")):
        digits = PREFIXES.get(verb, "") + digits
    return directive.pad(sign + digits)


def _rune(number: int) -> str:
    valid = 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF  # noqa: PLR2004 - Unicode's limits
    return chr(number) if valid else "\ufffd"


def _fraction(directive: Directive, number: float) -> str | None:
    verb, precision = directive.verb, directive.precision
    if verb not in FLOAT_VERBS:
        return None
    if verb in "vgG" and precision is None:
        digits = _shortest(abs(number))
        digits = digits.upper() if verb == "G" else digits
    else:
        form = "g" if verb == "v" else verb
        digits = format(abs(number), f".{6 if precision is None else precision}{form}")
    sign = directive.sign(negative=number < 0)
    if directive.zeros:
        digits = digits.rjust(directive.width - len(sign), "0")
    return directive.pad(sign + digits)


def _shortest(number: float) -> str:
    """The fewest digits that mean this number, with an exponent below 1e-4 and from 1e21."""
    parts = Decimal(repr(number)).normalize().as_tuple()
    exponent = len(parts.digits) - 1 + int(parts.exponent)
    if LEAST_EXPONENT <= exponent < MOST_EXPONENT:
        return format(Decimal(repr(number)).normalize(), "f")
    first, *rest = (str(digit) for digit in parts.digits)
    fraction = f".{''.join(rest)}" if rest else ""
    return f"{first}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _type(argument: Argument) -> str:
    if isinstance(argument, str):
        return "string"
    return "float64" if isinstance(argument, float) else "int64" if argument <= INT64 else BIG


def _argument(value: Any) -> Argument:
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return rego_text(value)


def rego_text(value: Any) -> str:
    """A value as OPA prints it within others."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return quoted(value)
        case int() | float():
            return orjson.dumps(value).decode()
        case list():
            return f"[{', '.join(map(rego_text, value))}]"
        case dict():
            pairs = sorted(value.items(), key=lambda pair: _order(pair[0]))
            return f"{{{', '.join(f'{rego_text(key)}: {rego_text(item)}' for key, item in pairs)}}}"
        case set() | frozenset():
            return f"{{{', '.join(map(rego_text, sorted(value, key=_order)))}}}" if value else "set()"
        case _:
            raise BadArgument("a value that Rego does not have")


def _order(value: Any) -> tuple[int, Any]:
    """A key that sorts values as OPA does."""
    return RANKS[type(value)], 0 if value is None else value


def quoted(text: str) -> str:
    """A text in quotes, with Go's escapes."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in ESCAPES:
        return ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:  # noqa: PLR2004 - ASCII
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the first plane
