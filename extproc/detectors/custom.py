r"""Custom detectors: an installation describes each of them by a pattern.

Hyperscan alone matches patterns: in linear time, whatever the pattern and the text. The allowed syntax is a part
of RE2's: no look-around, no back-references. A pattern names the characters that it matches. Anchors and
boundaries, ``.``, negated classes, quotes, backslashes and control characters are refused, since they would match
differently in a whole document than in one of its strings. ``whole`` does what ``\b`` is mostly used for.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import hyperscan

from extproc.detectors.context import context_words, in_context
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.vocabulary.names import normal_name
from extproc.detectors.vocabulary.words import spellings

NAME = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
PATTERN_MAX = 1_000
"""Most characters of a pattern."""
_REFUSED = (
    (re.compile(r"\\\\|[\"\x00-\x1f]"), "quotes, backslashes or control characters"),
    (re.compile(r"\\[bBAzZG]|(?<![\[\\])\^|(?<!\\)\$"), "anchors or boundaries: set whole instead"),
    (re.compile(r"\[:\^?[a-z]+:\]"), "named classes: name the characters that may stand there"),
    (re.compile(r"\[\^|\\[DWSNHVRX]"), "negated classes: name the characters that may stand there"),
    (re.compile(r"\\[sntrfvaehxcopPQEu0-9kg]"), "escapes other than \\d, \\w and of punctuation"),
    (re.compile(r"\(\?(?!:)"), "groups other than (…) and (?:…)"),
)
_CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")
_DOT = re.compile(r"(?<!\\)\.")
_LETTER = re.compile(r"[0-9A-Za-z]")


def make_custom(
    entity: str, pattern: str, *, words: Sequence[str] = (), whole: bool = True, ignore_case: bool = False
) -> Detector:
    """Make a detector.

    Args:
        entity: its name.
        pattern: see the module.
        words: at least one of them must be in the keys above a value or shortly before it, in any letter case,
            with the parts of a name joined in any way: ``cost_center`` is in ``costCenter`` and "Cost center".
            Without words, every match counts.
        whole: do not count a match with a letter or digit right beside it.
        ignore_case: match in any letter case.

    Raises:
        ValueError: says what is wrong with the name or the pattern.
    """
    if not NAME.fullmatch(entity):
        raise ValueError(f"{entity!r} is not a valid name of an entity: use capitals, digits and _")
    check_pattern(pattern)
    expression = (f"(?i:{pattern})" if ignore_case else f"(?:{pattern})").encode()
    matcher = Matcher(expression)
    hint = "|".join(dict.fromkeys(each for word in words for each in _spelled(word)))
    wanted = context_words(hint) if words else None

    def find(text: str, keys: str) -> Ranges:
        for start, end in _merged(matcher.matches(text), text, whole=whole):
            if wanted is None or in_context(wanted, text, start, keys):
                yield start, end

    labels = f"[{entity}] [REDACTED] <{entity}:k1:ABCDEFGHIJKLMNOP> ********"
    if any(_merged(matcher.matches(labels), labels, whole=whole)):
        raise ValueError("the pattern matches the labels that masking leaves, and would mask them again and again")
    return Detector(
        entity,
        (expression,),
        1,
        find,
        hints=(hint.encode(),) if words else (),
        prefilter_shortest=1,
        joins_words=" " in pattern,
    )


def _spelled(word: str) -> Iterator[str]:
    """Yield patterns of the ways to write a word: as it stands, without accents, its parts joined or apart.

    Parts of one letter are only found apart: without that, ``a_b`` would be in every other word.
    """
    yield re.escape(word)
    for spelling in spellings(word):
        parts = normal_name(spelling).strip("_").split("_")
        if "|" in spelling or any("|" in part for part in parts):
            continue
        pattern = re.escape(parts[0])
        for before, part in pairwise(parts):
            joined = min(len(before), len(part)) > 1
            pattern += f"[ _./-]{{{0 if joined else 1},3}}{re.escape(part)}"
        if pattern:
            yield pattern


def check_pattern(pattern: str) -> None:
    """Refuse a pattern with syntax that is not allowed: see the module.

    Raises:
        ValueError: says what is wrong with it.
    """
    if len(pattern) > PATTERN_MAX:
        raise ValueError(f"a pattern has at most {PATTERN_MAX} characters")
    outside = _CLASS.sub("x", pattern)
    for refused, what in _REFUSED:
        if refused.search(pattern if what.startswith(("neg", "nam", "esc", "quo")) else outside):
            raise ValueError(f"a pattern cannot have {what}")
    if _DOT.search(outside):
        raise ValueError("a pattern cannot have . for any character: name the characters that may stand there")
    if not pattern.isascii():
        raise ValueError("a pattern must be ASCII: other spellings of digits and letters are folded to ASCII")


class Matcher:
    """Finds all matches of one expression."""

    def __init__(self, expression: bytes) -> None:
        """Compile it.

        Raises:
            ValueError: Hyperscan cannot.
        """
        self._database = hyperscan.Database()
        flags = hyperscan.HS_FLAG_SOM_LEFTMOST
        try:
            self._database.compile(expressions=[expression], ids=[0], flags=[flags])
        except hyperscan.error as error:
            if _matches_empty_text(expression):
                raise ValueError("the pattern matches empty text: write + for *, or {1,9} for {0,9}") from None
            raise ValueError(f"the pattern cannot be compiled: {error}") from None

    def matches(self, text: str) -> list[tuple[int, int]]:
        """Return start and end of every match; several may begin at one offset."""
        data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []

        def on_match(_hit: int, start: int, end: int, _flags: int, _context: object) -> None:
            found.append((start, end))

        self._database.scan(data, match_event_handler=on_match)
        if len(data) == len(text):
            return found
        offsets = {0: 0}
        passed = characters = 0
        for at in sorted(set(chain.from_iterable(found))):
            characters += len(data[passed:at].decode("utf-8", "surrogatepass"))
            offsets[at] = characters
            passed = at
        return [(offsets[start], offsets[end]) for start, end in found]


def _matches_empty_text(expression: bytes) -> bool:
    """Return whether an expression that cannot be compiled could be, if matches of nothing were allowed."""
    try:
        hyperscan.Database().compile(expressions=[expression], ids=[0], flags=[hyperscan.HS_FLAG_ALLOWEMPTY])
    except hyperscan.error:
        return False
    return True


def _merged(matches: list[tuple[int, int]], text: str, *, whole: bool) -> Ranges:
    """Yield matches that stand apart from letters and digits if ``whole``, overlapping ones as one."""
    start = end = -1
    for first, last in sorted(matches):
        if whole and (_LETTER.match(text, last) or (first and _LETTER.match(text, first - 1))):
            continue
        if first >= end:
            if end > 0:
                yield start, end
            start = first
        end = max(end, last)
    if end > 0:
        yield start, end
