"""US_SSN: a social security number, by the rules of the Social Security Administration since 2011."""

import re

from extproc.detectors.check_digits import digits_alone
from extproc.detectors.detector import CRLF, SEPARATOR, Detector, Ranges, groups_apart, matches_apart

GROUPED = re.compile(r"([0-9](?<![0-9].)[0-9]{2})[ +-]([0-9]{2})[ +-]([0-9]{4})(?![0-9])")
"""``re`` takes twice as long for a pattern that begins with a look-behind."""
GROUPS_APART = groups_apart(
    r"(SEP)(?<=([0-9]{3})SEP)(?<![0-9._/][0-9]{3}SEP)(?=([0-9]{2})\1([0-9]{4})(?![0-9]|[._/][0-9]))"
)
"""A number as people write it to keep machines from reading it. Other numbers may stand before it, as in a column:
so only its first separator is consumed, and the rest is in a look-ahead."""

WITH_COLONS = re.compile(r":(?<=[0-9]{3}:)(?<![0-9A-Za-z:._-][0-9]{3}:)([0-9]{2}):([0-9]{4})(?![0-9A-Za-z:._-])")
"""Not a part of an IPv6 address, of a time, or of an id."""

LINE, COLUMNS = 200, 2
"""Characters in which the next line must begin, and tabs in a line of a table."""


def find(text: str, _: str) -> Ranges:
    """Yield numbers with separators."""
    for match in GROUPED.finditer(text):
        if valid(*match.groups()):
            yield match.span()
    for match in WITH_COLONS.finditer(text):
        if valid(text[match.start() - 3 : match.start()], match[1], match[2]):
            yield match.start() - 3, match.end()
    for match in matches_apart(GROUPS_APART, text):
        if valid(match[2], match[3], match[4]) and not (match[1] == "\t" and _is_in_table(text, match.start())):
            yield match.start(2), match.end(4)


def _is_in_table(text: str, at: int) -> bool:
    """Return whether the line before or behind has columns, too."""
    before = text[max(0, at - LINE) : at].split("\n")[:-1]
    behind = text[at : at + LINE].split("\n")[1:]
    return any(line.count("\t") >= COLUMNS for line in (*before[-1:], *behind[:1]))


def valid(area: str, group: str, serial: str) -> bool:
    """Return whether a number may be issued. Never issued: area 000, 666 and 900 to 999, group 00, serial 0000."""
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


US_SSN = Detector(
    entity="US_SSN",
    prefilter=(
        rb"[0-9]{3}[ +-][0-9]{2}[ +-][0-9]{4}",
        rb"[0-9]{3}" + SEPARATOR + rb"[0-9]{2}" + SEPARATOR + rb"[0-9]{4}",
        rb"[0-9]{3}:[0-9]{2}:[0-9]{4}",
        rb"[0-9]{3}" + CRLF + rb"[0-9]{2}" + CRLF + rb"[0-9]{4}",
    ),
    shortest=11,
    find=find,
    canonical=digits_alone,
    meaning="a social security number of the United States, in groups",
    proof="numbers that are never issued do not count",
    example="219-09-9999",
    source="SSA, randomization since 2011",
)
