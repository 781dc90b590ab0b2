"""PHONE_NUMBER: by its country code (E.164), in a national form that tells, or any digits beside a word."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache, partial

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import NO_NAME, name_before
from extproc.detectors.detector import APART, Detector, Ranges, outermost
from extproc.detectors.ends import Nearby, Part
from extproc.detectors.numbering_plans import has_length, is_national, is_number, plan_of
from extproc.detectors.vocabulary.names import normal_name
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

SHORTEST, LONGEST = 7, 15
"""Digits of a number (E.164 section 6.2.1)."""
DIALLED = 17
"""Most digits where ``00`` stands before a country code."""
COUNTRY_SHORTEST = 8
"""Fewest digits with a country code."""
ENDS = r"(?!(?![xX][0-9])[0-9A-Za-z*])"
"""A number ends here: only an extension, ``x12``, may follow at once."""
EXTENSION = re.compile(
    r" ?(?:(?:[xX#]|(?i:ext)\.?)[0-9]{1,7}|(?i:ext)\. [0-9]{1,7})(?![0-9A-Za-z])|;ext=[0-9]{1,7}"
)
"""What is dialled behind a number, joined to it (RFC 3966 section 5.3)."""
EXTENSION_APART = re.compile(
    r",? ?\(?(?i:ext|extn|extension|durchwahl|dw|poste|interno|ramal|anexo|toestel|wewn?|内線|分机)[.:]? {0,2}-?"
    r"([0-9]{1,7})(?![0-9A-Za-z])"
)
"""The same behind a word: masked by itself, since streamed text is released word by word."""
INTERNATIONAL = re.compile(
    r"(?<![0-9A-Za-z+.*])(?:\+\(?|(?<![0-9][ \t])00 ?(?=[1-9]))[1-9](?:[ .()/-]{0,3}[0-9]){6,24}"
)
COORDINATE = re.compile(r"\+[0-9]{1,3}\.[0-9]{3,}[/, ]{0,2}[+-][0-9]{1,3}\.[0-9]")
"""A latitude and a longitude (ISO 6709)."""
NORTH_AMERICAN = re.compile(
    r"(?<![0-9A-Za-z.+/_*-])(?:1[ .-])?"
    r"(?:\((?!.11)[2-9][0-8][0-9]\) ?[2-9][0-9]{2}[ .-]|(?!.11)[2-9][0-8][0-9]([.-])[2-9][0-9]{2}\1)[0-9]{4}"
    rf"{ENDS}(?!_|[.-][0-9])"
)
"""An area code has no 9 in the middle, and no code ends in 11 (North American Numbering Plan)."""
NATIONAL = re.compile(
    r"(?<![0-9A-Za-z.+/_*-])"
    r"(?:\(0[0-9]{1,4}\) ?[0-9]{2,4}(?:[ -]?[0-9]{2,4}){1,3}|0[0-9]{1,2}-[0-9]{3,4}-[0-9]{4})"
    rf"{ENDS}(?!_|[.-][0-9])"
)
"""A trunk prefix tells in these forms: ``(03) 5550 6473``, ``090-1234-5678``."""
LOOSE = re.compile(r"(?<![0-9A-Za-z.*+])(?<![0-9A-Fa-f]{4}-)\+?\(?\+?[0-9](?:[ .()/-]{0,3}[0-9]){6,80}")
APART_FROM_MORE = re.compile(rf"{ENDS}(?!_|[.-][0-9]|-[0-9A-Fa-f]{{4,}}(?![0-9A-Za-z]))")
BOOK = re.compile(r"97[89][ -]?[0-9]")
"""The beginning of a book's or article's number (ISBN, EAN)."""
_YEAR, _MONTH, _DAY = r"(?:19|20)[0-9]{2}", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12][0-9]|3[01])"
DATE = re.compile(
    rf"(?:{_YEAR}([-/.]){_MONTH}\1{_DAY}|(?:{_MONTH}([-/.]){_DAY}|{_DAY}([-/.]){_MONTH})[-/.]{_YEAR})(?![0-9])"
)
DATED = re.compile(rf"[ (/]+{_YEAR}-{_MONTH}-{_DAY}\Z")
"""A date behind another number."""
ID_BEFORE = re.compile(r"(?<![A-Za-z])([A-Z]{2,12})-\Z")
"""``CVE-2016-2107``: the beginning of an id."""
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
ADDRESS = re.compile(rf"(?![0-9]{{2}}(?:\.[0-9]{{2}}){{3}}\Z)(?:{_OCTET}\.){{3}}{_OCTET}\Z")
"""A version 4 address, unless its groups are pairs: ``20.21.23.45`` is a phone where that is its name."""
UUID = re.compile(r"[0-9]{8}(?:-[0-9]{4}){3}-[0-9]{12}\Z")
GROUP = re.compile(r"[0-9]+")
THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:([ .])[0-9]{3})(?:\1[0-9]{3})*\Z")
DECIMAL = re.compile(r"[0-9]+\.[0-9]+\Z")
MOMENT = re.compile(r"1[5-9][0-9]{8}(?:[0-9]{3})?\Z")
"""Seconds or milliseconds since 1970, of this century's first half."""
UNIT = re.compile(
    r" ?(?:%|[$€£¥]|(?:tonnes?|tons?|kg|km|mio|million|users?|units?|visits?|views?|people|subscribers?|devices|"
    r"sales|orders?|times|seconds|ms|bytes|[KMG]i?B)\b)",
    re.IGNORECASE,
)
MONEY = re.compile(r"[$€£¥]\s?\Z")
FILLERS = frozenset("number numbers num no nr is at on are was under and or home work office".split())  # noqa: SIM905
"""Words that may stand between a word for phones and a number."""
WORD = re.compile(r"[^\W_]+")
SENTENCE = re.compile(r"[;!?\n,]|\W{7}")
"""Marks between a word and a number that keep them apart."""
LONGEST_NAME = 3
"""Most words that one of the words for phones consists of."""
CLOSE = 40
"""Characters before a number in which its last words are looked for."""
NEUTRAL = re.compile(
    r"_(?:values?|numbers?|nr|no|num|text|raw|contents?|digits|formatted|display|displayed|full|item|data|input|home|work"
    r"|office|main|primary|secondary|private|business|personal|other|default|direct|national|international|local|e_164"
    r"|friendly_name|label|node|[0-9]+)_\Z|\A\Z"
)
"""Names that say nothing about their value, so that a key further up counts: ``{"phones": [{"value": …}]}``."""
REMARK = 24
"""Most letters of a text under a telling key that is a number all the same."""
BARE, GROUPED = 10, 8
"""Fewest digits, joined and in groups, where the word is not right beside a number."""
HALF = 6
"""Fewest digits on both sides of the only hyphen of a range."""
WITH_TRUNK = re.compile(
    r"\s?((?:0[1-9][0-9]{1,4}|0 ?\([1-9][0-9]{1,4}\)|0[ -][1-9][0-9]{2})(?:[ -][0-9]{2,4}){2,4}"
    r"|(?:0[1-9][0-9]{0,3}|0 ?\([1-9][0-9]{1,4}\))[ -][0-9]{6,8})\s?"
)
"""A number in groups with its trunk prefix, as all of a value that has no name."""
TRUNK_SHORTEST, TRUNK_LONGEST = 9, 11
TRUNK_REGIONS = tuple("AT AU BE CH DE FR GB ID IE IL IT JP KE KR MY NG NL NZ PH PK SE TH TR TW UA VN ZA".split())  # noqa: SIM905
"""Regions in which people write the trunk prefix 0."""
PREFILTER = (
    rb"\+\(?[1-9](?:[ .()/-]{0,3}[0-9]){7}",
    rb"[2-9][0-9]{2}(?:\) ?[2-9][0-9]{2}[ .-]|[.-][2-9][0-9]{2}[.-])[0-9]{4}",
    rb"(?:[^.0-9A-Za-z]|\\[bfnrt])00 ?[1-9](?:[ .()/-]{0,3}[0-9]){7}",
    rb"\(0[0-9]{1,4}\) ?[0-9]{2,4}[ -]?[0-9]{2}",
    APART + rb"0[0-9]{1,2}-[0-9]{3,4}-[0-9]{4}",
)
NEARBY = Nearby(PREFILTER, 128)


def find_whole(text: str, keys: str) -> Ranges:
    """Yield a number with its trunk prefix that is all of a value without a name."""
    if keys == NO_NAME and (whole := WITH_TRUNK.fullmatch(text)) and _has_trunk(whole[1]):
        yield whole.span(1)


def find(text: str, _: str) -> Ranges:
    """Yield numbers that have the form of a phone number."""
    parts = NEARBY.parts(text)
    spans = (match.span() for pattern in (NORTH_AMERICAN, NATIONAL) for match in _matches(pattern, text, parts))
    international = (
        span for match in _matches(INTERNATIONAL, text, parts) if (span := _international(text, match))
    )
    for start, end in outermost(iter([*spans, *international])):
        yield from _with_extension(text, start, end)


def _has_trunk(found: str) -> bool:
    """Return whether a value is a number of some region with its trunk prefix."""
    digits, has_one_sign = digits_alone(found), len(set(found) & {" ", "-"}) == 1 or "(" in found
    return (
        TRUNK_SHORTEST <= len(digits) <= TRUNK_LONGEST
        and has_one_sign
        and any(is_national(digits, region) for region in TRUNK_REGIONS)
    )


def _matches(pattern: re.Pattern[str], text: str, parts: list[Part]) -> Iterator[re.Match[str]]:
    return (match for part in parts for match in pattern.finditer(text, *part))


def _international(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Return the longest part of a match, by groups, that is a number with a country code."""
    if COORDINATE.match(text, match.start()):
        return None
    ends = [group.end() for group in GROUP.finditer(text, *match.span())]
    return next(
        ((match.start(), end) for end in reversed(ends) if _is_international(text, match.start(), end)), None
    )


def _is_international(text: str, start: int, end: int) -> bool:
    found = text[start:end]
    if not APART_FROM_MORE.match(text, end):
        return False
    digits = digits_alone(found.replace("(0)", "")).removeprefix("00")
    if not COUNTRY_SHORTEST <= len(digits) <= LONGEST:
        return False
    is_grouped = any(each in found[1:] for each in " -()")
    if found.startswith("0"):
        return is_grouped and is_number(digits)
    return is_number(digits) or ((is_grouped or digits.startswith("1")) and has_length(digits))


def find_loose(words: Words, text: str, keys: str) -> Ranges:
    """Yield seven or more digits if a key or the words before them say phone."""
    is_told = any(map(words.tell, keys.split("\n")))
    for match in LOOSE.finditer(text) if is_told else words.matches(LOOSE, text):
        start, end = _without_date(match)
        found = text[start:end]
        if end < match.end() and not LOOSE.fullmatch(found):
            continue
        if not APART_FROM_MORE.match(text, end) or _is_something_else(found):
            continue
        id_of = ID_BEFORE.search(text, max(0, start - CLOSE), start)
        if id_of and not words.tell(id_of[1]):
            continue
        is_near = _looks_dialled(text, start, end) and words.beside(text, start, keys)
        if is_near or _is_named(words, text, start, keys):
            yield from _with_extension(text, start, end)


def _is_something_else(found: str) -> bool:
    """Return whether digits have the form of a date, of an address of a machine, or of a UUID."""
    too_long = len(found) > DIALLED and found.isdigit()
    return too_long or any(pattern.match(found) for pattern in (DATE, ADDRESS, UUID))


def _without_date(match: re.Match[str]) -> tuple[int, int]:
    """Return the range of a match without a date at its end: ``2.0.1 / 2015-05-28``."""
    date = DATED.search(match[0])
    return match.start(), match.start() + date.start() if date else match.end()


def _is_named(words: Words, text: str, start: int, keys: str) -> bool:
    """Return whether the word is the name of the number, or stands right before it."""
    name = name_before(text, start)
    if words.tell(name) or is_right_behind(words, text[max(0, start - CLOSE) : start]):
        return True
    return not name and _keys_tell(words, keys) and sum(map(str.isalpha, text[: 4 * REMARK])) <= REMARK


def _keys_tell(words: Words, keys: str) -> bool:
    """Return whether the key above says phone, or one further up if the key above says nothing."""
    above, _, own = keys.rpartition("\n")
    return words.tell(own) or (bool(NEUTRAL.search(normal_name(own))) and any(map(words.tell, above.split("\n"))))


def is_right_behind(words: Words, before: str) -> bool:
    """Return whether a text ends with one of the words, but for words such as ``number is``."""
    names = WORD.findall(before)
    if not names or SENTENCE.search(before, before.rindex(names[-1]) + len(names[-1])):
        return False
    for last in range(len(names), 0, -1):
        if _ends_with(words, tuple(names[max(0, last - LONGEST_NAME) : last])):
            return True
        if names[last - 1].lower() not in FILLERS:
            return False
    return False


@lru_cache(maxsize=4_096)
def _ends_with(words: Words, names: tuple[str, ...]) -> bool:
    """Return whether the last of some words are one of the words for phones, and not words about it."""
    ends = [names[at:] for at in range(len(names))]
    return any(words.tell(" ".join(end)) and not words.tell(" ".join(end[:-1])) for end in ends)


def _looks_dialled(text: str, start: int, end: int) -> bool:
    """Return whether digits near a word look like a phone number rather than like an amount or another number."""
    found = text[start:end]
    digits = digits_alone(found)
    if (
        len(digits) > LONGEST
        or UNIT.match(text, end)
        or BOOK.match(found)
        or MONEY.search(text, max(0, start - 3), start)
    ):
        return False
    if found.startswith(("+", "(", "0")):
        return len(digits) >= GROUPED
    if found.isdigit():
        return len(digits) >= BARE and not MOMENT.match(found)
    groups = [len(each) for each in GROUP.findall(found)]
    is_range = len(groups) == 2 and min(groups) >= HALF  # noqa: PLR2004 - two sides
    return len(digits) >= GROUPED and not (is_range or THOUSANDS.match(found) or DECIMAL.match(found))


def find_national(regions: tuple[str, ...], text: str, _: str) -> Ranges:
    """Yield numbers in groups that are national numbers of one of some regions."""
    for match in LOOSE.finditer(text):
        found = match[0]
        if found.isdigit() or _is_something_else(found) or not APART_FROM_MORE.match(text, match.end()):
            continue
        if _looks_dialled(text, *match.span()) and _is_of(regions, found):
            yield from _with_extension(text, *match.span())


def _is_of(regions: tuple[str, ...], found: str) -> bool:
    """Return whether digits are a number of one of some regions, with its trunk prefix if that is 0."""
    digits = digits_alone(found)
    is_long = digits.startswith("0")
    return any(is_national(digits, each) and (is_long or plan_of(each).trunk != "0") for each in regions)


def _with_extension(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if joined := EXTENSION.match(text, end):
        yield start, joined.end()
        return
    yield start, end
    if apart := EXTENSION_APART.match(text, end):
        yield apart.span(1)


PHONE_NUMBER = Detector(
    entity="PHONE_NUMBER",
    prefilter=PREFILTER,
    shortest=9,
    find=find,
    canonical=digits_alone,
    meaning="a phone number with a country code, or in a national form with an area code",
    proof="its form, and the numbering plan of its country",
    example="+44 20 7946 0958",
    source="ITU-T E.164",
)


PHONE_NUMBER_WHOLE = Detector(
    entity="PHONE_NUMBER",
    prefilter=(
        APART + rb"0(?:[1-9][0-9]{1,4}| ?\([1-9][0-9]{1,4}\)|[ -][1-9][0-9]{2})[ -][0-9]{2,4}[ -][0-9]{2}",
        APART + rb"0(?:[1-9][0-9]{0,3}| ?\([1-9][0-9]{1,4}\))[ -][0-9]{6}",
    ),
    shortest=10,
    find=find_whole,
    canonical=digits_alone,
    rare=True,
    uses_context=True,
    meaning="a phone number with its trunk prefix in groups, as all of a value without a name",
    proof="the numbering plan of some country",
    example="0917-123-4567",
    example_key="value",
    source="ITU-T E.164",
)


def phone_number_loose(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for phones."""
    words = vocabulary.words("phone")
    return Detector(
        entity="PHONE_NUMBER",
        prefilter=(APART + rb"[0-9](?:[ .()/-]{0,3}[0-9]){6}",),
        shortest=7,
        find=partial(find_loose, words),
        canonical=digits_alone,
        hints=words.hints,
        meaning="a phone number of 7 or more digits in any form",
        example="020 7946 0958",
        example_key="phone",
        source="ITU-T E.164",
    )


def phone_number_of(regions: Collection[str]) -> Detector:
    """Make the detector for national numbers of some regions, which need no word.

    Args:
        regions: codes as ``plan_of`` takes them; at least one.

    Raises:
        ValueError: there is no such region.
    """
    trunks = {plan_of(region).trunk[:1] for region in regions}
    first = rb"0" if trunks == {"0"} else rb"[0-9]"
    return Detector(
        entity="PHONE_NUMBER",
        prefilter=(APART + first + rb"(?:[ .()/-]{0,3}[0-9]){6}",),
        shortest=7,
        find=partial(find_national, tuple(regions)),
        canonical=digits_alone,
    )
