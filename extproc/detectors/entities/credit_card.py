"""CREDIT_CARD: 13 to 19 digits, in groups or not, of a known issuer, with the check digit of ISO/IEC 7812-1."""

import re
from collections.abc import Iterator
from itertools import accumulate, chain

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.context import context_words, ends_with, in_context, name_endings, name_of
from extproc.detectors.detector import CRLF, SEPARATOR, Detector, Ranges, groups_apart, matches_apart
from extproc.detectors.ends import Nearby, Part

SHORTEST, LONGEST = 13, 19
RUN = re.compile(r"[0-9](?<![0-9].)(?<![0-9]\..)(?=[0-9 +-]{12})(?>(?:[ +-]?[0-9]){12,})")
"""A plus sign is a space in a query. Digits behind a decimal point are a fraction: one in fifty fractions would
pass all checks.

This pattern and those below begin with a rare character, and only then look at what is in front of it: ``re``
takes several times as long for a pattern that begins with a look-behind.
"""
SCIENTIFIC = re.compile(r"\.(?<=([0-9]).)(?<![0-9.]..)([0-9]{9,18})[eE]\+?(1[2-8])(?![0-9])")
"""4.111111111111111E15: some languages print a card number so that was read as a float."""
GROUPS_APART = groups_apart(
    r"(SEP)(?<=([0-9]{4})SEP)(?<![0-9._/][0-9]{4}SEP)"
    r"(?=([0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{6}\1[0-9]{4,5})(?![0-9]|[._/][0-9]))"
)
"""A number as people write it to keep machines from reading it. Other numbers may stand before it, as in a column:
so only its first separator is consumed, and the rest is in a look-ahead."""
_MARK = "(?:[,:;|]| {1,2}[;|-] {1,2}|  )"
LISTED = re.compile(
    rf"[0-9](?<![0-9].)[0-9]{{3}}({_MARK})(?:[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}|[0-9]{{6}}\1[0-9]{{5}})"
    r"(?![0-9]|[^0-9A-Za-z\r\n]{1,4}[0-9])"
)
"""Four groups, all by the same mark that also stands between the numbers of a table."""
NUMBER_BEFORE = re.compile(r"[0-9][^0-9A-Za-z]{0,4}\Z")
WRAPPED = re.compile(
    r"[0-9](?<![0-9].)[0-9]{3}(?:[ -][0-9]{4,6}){0,2} ?(?:\r?\n|\\{1,4}n|\\{1,4}r\\{1,4}n)[ \t>]{0,8}"
    r"[0-9]{4,6}(?:[ -][0-9]{4,5}){0,2}(?![0-9]|[^0-9A-Za-z]{1,4}[0-9])"
)
"""Groups by blanks or dashes that go on in the next line, with no other number before or behind them."""
DIGITS = re.compile("[0-9]+")
WRAPPED_SHAPES = frozenset({(4, 4, 4, 4), (4, 6, 5)})
BETWEEN = re.compile(r"[ +-]")
DOUBLE = bytes.maketrans(b"0123456789", b"0246813579")
ZERO = ord("0")
UUID_BEHIND = re.compile(
    r"-(?<=[0-9a-fA-F]{8}-)(?<![0-9A-Za-z].{9})"
    r"[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
"""All of a UUID but its first part. One UUID in a thousand contains a card number."""
UUID_FIRST = 8
"""Characters of that part."""
DIGEST = re.compile(
    "(?<![0-9A-Za-z])(?:"
    + "|".join(f"[0-9a-f]{{{n}}}|[0-9A-F]{{{n}}}" for n in (32, 40, 56, 64, 96, 128))
    + ")(?![0-9A-Za-z])"
)
DIGEST_LONGEST = 128
HEX = re.compile("[0-9a-fA-F]")
SHAPES = frozenset(
    {
        *((length,) for length in range(SHORTEST, LONGEST + 1)),
        *((1,) * length for length in range(SHORTEST, LONGEST + 1)),
        *((4, 4, 4, last) for last in (1, 2, 3, 4)),
        *((4, 4, 4, 4, last) for last in (1, 2, 3)),
        *((4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (4, 4, 5), (4, 4, 8), (4, 8, 4), (8, 8), (6, 10), (6, 13)),
    }
)
"""Lengths of the groups in which people write a card. Numbers side by side have others: ``10800 3600 604800``."""
TABLE = 10
"""Groups of four digits in a row from which on they are a table, of years or measurements, and no card."""
FOUR = 4
USUAL = 16
"""Most digits of nearly all cards."""
ID_BEFORE = re.compile(r"[A-Za-z]_-?\Z")
OTHER_NAMES = name_endings(
    "iccid|imei|imsi|millis|milliseconds?|micros|microseconds?|nanos|nanoseconds?|payment_account_reference"
)
"""Names of numbers that are as long as a card's and have the same check digit, or are times."""
IDS = name_endings("ids?")
"""Names of numbers that are longer than nearly all cards, and any number."""
NEGATIVE = re.compile(r"[:=,\[(][ ]?-")
"""The sign of a negative number, with the character before it."""
EAN_LENGTH, UATP_LENGTH = 13, 15
CARD = context_words(r"card|visa|\bpan\b|kart|carte|tarjeta|cart[aã]o|carta|kaart|カード|卡")
"""Words beside bare digits of a length that few cards have, and numbers of many other kinds: 13 digits are a card
of long ago, and 15 behind a 1 a card of UATP."""
VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))

_LINE_END = rb" ?(?:\n|\r\n|\\+n|\\+r\\+n)(?:[ >\t]|\\+t){0,8}"
PREFILTER = (
    rb"(?:[^.0-9]|[^0-9]\.)[0-9](?:[ +-]?[0-9]){12}",
    rb"[0-9]\.[0-9]{9,18}[eE]\+?1[2-8]",
    rb"[0-9]{4}" + _MARK.encode() + rb"[0-9]{4,6}" + _MARK.encode() + rb"[0-9]{4}",
    rb"[0-9]{4}" + SEPARATOR + rb"[0-9]{4,6}" + SEPARATOR + rb"[0-9]{4}",
    rb"[0-9]{4}" + CRLF + rb"[0-9]{4,6}" + CRLF + rb"[0-9]{4}",
    rb"[0-9]{4}[ -][0-9]{4,6}" + _LINE_END + rb"[0-9]{4}",
    rb"[0-9]{4}" + _LINE_END + rb"[0-9]{4,6}[ -][0-9]{4}",
)
"""The first one does not match what follows a digit and a point: fractions are as long."""
NEARBY = Nearby(PREFILTER, 80)


def find(text: str, keys: str) -> Ranges:
    """Yield every window of whole groups that is a card number; windows that overlap count as one."""
    parts = NEARBY.parts(text)
    for start, end in _found(_without_uuids(text), parts) if parts else ():
        is_other = _is_long_id(text, start, end) or text[max(0, start - 2) : start] == "0x"
        is_rare = _is_rare(text, start, end)
        if is_rare and not in_context(CARD, text, start, keys):
            continue
        if is_other or ends_with(OTHER_NAMES, name_of(text, start, keys)):
            continue
        if not _is_number(text, start, end, keys) or in_context(CARD, text, start, keys):
            yield start, end


def _is_rare(text: str, start: int, end: int) -> bool:
    """Return whether bare digits are as long as few cards, and many other numbers: 13, or 15 behind a 1 (UATP)."""
    is_uatp = end - start == UATP_LENGTH and text[start] == "1"
    return (is_uatp or end - start == EAN_LENGTH) and text[start:end].isdigit()


def _is_number(text: str, start: int, end: int, keys: str) -> bool:
    """Return whether digits in one group are a negative number, or a long id by their name."""
    if not text[start:end].isdigit():
        return False
    is_all = start == 1 and end == len(text)
    if text.startswith("-", start - 1) and (is_all or NEGATIVE.search(text, max(0, start - 3), start)):
        return True
    return end - start > USUAL and ends_with(IDS, name_of(text, start, keys))


def _is_long_id(text: str, start: int, end: int) -> bool:
    """Return whether more digits than nearly all cards have are the end of an id: ``blk_-6952295868487656571``."""
    return end - start > USUAL and ID_BEFORE.search(text, max(0, start - 3), start) is not None


def _found(text: str, parts: list[Part]) -> Ranges:
    for run in _matches(RUN, text, parts):
        for start, end in _joined(_cards(text, run.start(), run.end())):
            if not _in_digest(text, start, end):
                yield start, end
    for match in chain.from_iterable(matches_apart(GROUPS_APART, text, *part) for part in parts):
        if passes(match[2] + match[3].replace(match[1], "")):
            yield match.start(2), match.end(3)
    yield from _listed(text, parts)
    yield from _wrapped(text, parts)
    for match in _matches(SCIENTIFIC, text, parts):
        digits = (match[1] + match[2]).ljust(int(match[3]) + 1, "0")
        if len(digits) == int(match[3]) + 1 and any(_cards(digits, 0, len(digits))):
            yield match.start(1), match.end()


def _listed(text: str, parts: list[Part]) -> Ranges:
    """Yield cards by themselves and one below the other. What stands below another number is a row of a table."""
    last = -1
    for match in _matches(LISTED, text, parts):
        start, end = match.span()
        before = NUMBER_BEFORE.search(text, max(0, start - 5), start)
        if passes(digits_alone(match[0])) and (before is None or before.start() + 1 == last):
            last = end
            yield start, end


def _wrapped(text: str, parts: list[Part]) -> Ranges:
    for match in _matches(WRAPPED, text, parts):
        groups = DIGITS.findall(match[0])
        is_card = tuple(map(len, groups)) in WRAPPED_SHAPES and passes("".join(groups))
        if is_card and not NUMBER_BEFORE.search(text, max(0, match.start() - 5), match.start()):
            yield match.span()


def _matches(pattern: re.Pattern[str], text: str, parts: list[Part]) -> Iterator[re.Match[str]]:
    return (match for part in parts for match in pattern.finditer(text, *part))


def _without_uuids(text: str) -> str:
    """Replace UUIDs by letters; a UUID of digits alone may be anything and stays."""
    pieces: list[str] = []
    at = 0
    for match in UUID_BEHIND.finditer(text):
        start, end = match.start() - UUID_FIRST, match.end()
        if not text[start:end].replace("-", "").isdigit():
            pieces += (text[at:start], "x" * (end - start))
            at = end
    return "".join([*pieces, text[at:]]) if at else text


def _in_digest(text: str, start: int, end: int) -> bool:
    """Return whether digits lie within a digest, or a UUID without dashes, that also has letters."""
    if not HEX.match(text, end) and not HEX.match(text, max(0, start - 1)):
        return False
    first = max(0, start - DIGEST_LONGEST)
    around = DIGEST.finditer(text[first : end + DIGEST_LONGEST])
    return any(
        first + each.start() <= start and end <= first + each.end() and not each[0].isdigit() for each in around
    )


def _joined(windows: Ranges) -> Ranges:
    start = end = -1
    for first, last in windows:
        if first >= end:
            if end >= 0:
                yield start, end
            start = first
        end = max(end, last)
    if end >= 0:
        yield start, end


def _cards(text: str, start: int, end: int) -> Ranges:
    run = text[start:end]
    groups = BETWEEN.split(run)
    digits = "".join(groups)
    if len(groups) == 1 or len(digits) - min(len(groups[0]), len(groups[-1])) < SHORTEST:
        if len(digits) <= LONGEST and passes(digits) and set(map(len, groups)) != {3}:
            yield start, end
        return
    yield from _windows(groups, digits, start)


def passes(digits: str) -> bool:
    """Return whether a number has a known beginning and the right check digit."""
    codes = digits.encode()
    total = sum(codes[::-2]) + sum(codes[-2::-2].translate(DOUBLE)) - ZERO * len(codes)
    known = total % 10 == 0 and len(digits) in ISSUED.get(digits[:2], ())
    return known and not (len(digits) == EAN_LENGTH and is_ean(codes))


def is_ean(codes: bytes) -> bool:
    """Return whether 13 digits in ASCII are a product's number (GS1 General Specifications, section 7.9)."""
    return (sum(codes[::2]) + 3 * sum(codes[1::2]) - ZERO * 25) % 10 == 0


def _windows(groups: list[str], digits: str, start: int) -> Ranges:
    """Yield every window of whole groups of digits that could be a card number.

    Args:
        groups: digits with one character between each two groups.
        digits: all of them.
        start: where the first one is in the text.
    """
    ends = list(accumulate(map(len, groups), initial=0))
    even, odd = _sums(digits.encode())
    reached, count = 1, len(groups)
    for group, first in enumerate(ends[:-1]):
        lengths = ISSUED.get(digits[first : first + 2])
        if lengths is None:
            continue
        while reached <= count and ends[reached] - first < SHORTEST:
            reached += 1
        for behind in range(reached, count + 1):
            last = ends[behind]
            if last - first > LONGEST:
                break
            sums = even if last % 2 else odd
            if (
                not (sums[last] - sums[first]) % 10
                and last - first in lengths
                and _are_written_so(groups, group, behind)
            ):
                yield start + first + group, start + last + behind - 1


def _are_written_so(groups: list[str], first: int, behind: int) -> bool:
    """Return whether some of the groups are those of a card, and no part of a table."""
    shape = tuple(map(len, groups[first:behind]))
    if shape not in SHAPES or (shape[:2] == (FOUR, FOUR) and _are_a_table(groups, first)):
        return False
    around = (*groups[max(0, first - 1) : first], *groups[behind : behind + 1])
    return shape[:2] != (1, 1) or (groups[first] != "1" and 1 not in map(len, around))


def _are_a_table(groups: list[str], at: int) -> bool:
    first, behind = at, at
    while first > max(0, at - TABLE) and len(groups[first - 1]) == FOUR:
        first -= 1
    while behind < min(len(groups), at + TABLE) and len(groups[behind]) == FOUR:
        behind += 1
    return behind - first >= TABLE


def _sums(codes: bytes) -> tuple[list[int], list[int]]:
    """Return running Luhn sums in which the digits at even, and at odd offsets stay as they are.

    The last digit of a number stays, so that a window that ends before offset ``n`` needs the sums that keep
    ``n-1``.
    """
    values, doubled = codes.translate(VALUES), codes.translate(DOUBLED)
    even, odd = bytearray(values), bytearray(values)
    even[1::2], odd[::2] = doubled[1::2], doubled[::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def known_issuer(first: list[int], length: int) -> bool:
    """Return whether a number of this length may begin with these two digits.

    Without this check a tenth of all timestamps and ids would be cards. Ranges: ISO/IEC 7812 major industries, and
    the networks' published prefixes.
    """
    match length, first:
        case 13 | 16 | 19, [4, *_]:
            return True  # Visa
        case 14, [3, 0 | 6 | 8 | 9]:
            return True  # Diners
        case 15, [1, *_] | [3, 4 | 7]:
            return True  # UATP, American Express
        case 16, [5, *_] | [2, 2 | 3 | 4 | 5 | 6 | 7] | [8, 2] | [3, 0 | 6 | 8 | 9]:
            return True  # Mastercard, Mir, RuPay, Diners
        case 16 | 17 | 18 | 19, [5, 0 | 6 | 7 | 8 | 9] | [6, *_] | [3, 5] | [8, 1]:
            return True  # Maestro, Discover, JCB, UnionPay
    return False


_LENGTHS = range(SHORTEST, LONGEST + 1)
ISSUED = {
    f"{number:02}": lengths
    for number in range(100)
    if (lengths := frozenset(each for each in _LENGTHS if known_issuer([*divmod(number, 10)], each)))
}
"""The lengths that numbers may have, by their first two digits."""
CREDIT_CARD = Detector(
    entity="CREDIT_CARD",
    prefilter=PREFILTER,
    shortest=SHORTEST,
    find=find,
    uses_context=True,
    canonical=digits_alone,
    meaning="a payment card's number: 13 to 19 digits of a known issuer, in groups or not",
    proof="check digit",
    example="4111 1111 1111 1111",
    source="ISO/IEC 7812-1",
)
