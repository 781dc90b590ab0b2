"""Texts that match a pattern: invented tokens, made at run time."""

import re
import re._constants as ops
import re._parser as parser
import string

from extproc.detectors.entities.tokens.token_form import Form

LETTERS = string.ascii_letters + string.digits
MORE = 6
"""Most repetitions above the fewest ones."""


def text_of(form: Form, chance) -> str:
    """Return a token of a form. What a look-behind asks for stands in front."""
    start, begun = parser.parse(form.start, re.ASCII), parser.parse(form.start + form.rest, re.ASCII)
    begin, rest = _made(start, chance), _made(list(begun)[len(start) :], chance)
    behind = [value[1] for op, value in begun if op is ops.ASSERT]
    before = _made(behind[0], chance)[: -len(begin)] if behind else ""
    return before + begin + rest


def _made(pattern, chance):
    return "".join(_one(op, value, chance) for op, value in pattern)


def _one(op, value, chance):
    match op, value:
        case ops.LITERAL, code:
            return chr(code)
        case ops.IN, items:
            return chance.choice(_choices(items))
        case ((ops.MAX_REPEAT | ops.POSSESSIVE_REPEAT), (least, most, inner)):
            return "".join(_made(inner, chance) for _ in range(chance.randint(least, min(most, least + MORE))))
        case ops.BRANCH, (_, branches):
            return _made(chance.choice(branches), chance)
        case (ops.SUBPATTERN, (_, _, _, inner)) | (ops.ATOMIC_GROUP, inner):
            return _made(inner, chance)
    return ""


def _choices(items):
    made = {char for op, value in items for char in _characters(op, value)}
    if items[0][0] is ops.NEGATE:
        return [each for each in LETTERS if each not in made]
    return sorted(made.intersection(LETTERS) or made)


def _characters(op, value):
    match op, value:
        case ops.LITERAL, code:
            return chr(code)
        case ops.RANGE, (first, last):
            return map(chr, range(first, last + 1))
        case ops.CATEGORY, ops.CATEGORY_WORD:
            return LETTERS
    return ""
