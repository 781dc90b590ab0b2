"""IP_ADDRESS: version 4 or 6, as text (RFC 4291 section 2.2, RFC 5952). Loopback addresses are ignored."""

import ipaddress
import re
from collections.abc import Iterator
from functools import partial

from extproc.detectors.context import ends_with, last_name, name_before, name_endings, own_name
from extproc.detectors.detector import Detector, Ranges, outermost
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
V4 = re.compile(rf"(?<![0-9A-Za-z.])(?:{OCTET}\.){{3}}{OCTET}(?![0-9A-Za-z]|\.[0-9])")
V6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{3,39}(?:\.[0-9.]{5,11})?(?![0-9A-Za-z:]|\.[0-9])")
PRODUCT = re.compile(r"/[A-Za-z0-9_+-]{0,38}[A-Z](?:[\s(;,\"']|\Z)")
"""``Chrome/120.0.0.0`` (RFC 9110 section 10.1.5), read from its end. Java writes ``host/10.1.2.3``."""
RELEASED = re.compile(
    r"/(?:snoisrev|noisrev|rev|v|sesaeler|esaeler|sdliub|dliub|sgat|gat)(?![0-9A-Za-z])", re.IGNORECASE
)
"""``/releases/1.2.3.4``, read from its end."""
NUMBERED = re.compile(
    r"[\s\"'`(#]{1,3}(?:snoisrev|noisrev|rev|v|esaeler|dliub|erawmrif|noitces|retpahc|esualc|gat|dio)(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
"""``version 1.2.3.4`` or ``section 4.0.0.1``, read from its end."""
CHANGED = re.compile(
    r"[\s`\"']{1,3}(?:(?:ni\s(?:dexif|nekorb|decudortni|detacerped|desaeler)|ecnis|8V|tiG)(?![A-Za-z])|§|[0-9]{3,5}\sCFR)"
    r"|§",
    re.IGNORECASE,
)
"""``fixed in 1.2.3.4``, ``since 1.2.3.4`` or ``RFC 7540 8.1.2.4``, read from its end."""
DECIMAL_BEFORE, DECIMAL = (
    re.compile(r"[\s,][0-9]{1,6}\.[0-9]{0,6}[\s,-]"),
    re.compile(r"[\s,-][0-9]{0,6}\.[0-9]{1,6}"),
)
"""Other numbers on both sides, as in the path of a picture (SVG 2 section 9.3); the first is read from its end."""
REQUIRED = re.compile(r"\s?[\"'(]?(?:=[~^<>!=]|>~|\^|(?<=\A)~)")
"""``name>=1.2.3.4``, read from its end: what a package needs."""
IMAGE = re.compile(r":(?:[A-Za-z0-9._-]{1,64})?/(?!/)")
"""``library/name:1.2.3.4``, read from its end: a container's image and its tag; also ``x.jar!/:1.2.3.4``."""
TAGGED = re.compile(r"[:-][A-Za-z0-9._/-]{1,64}(?::[A-Za-z0-9.-]{1,64}(?=[\s\"']|\Z))?")
"""``name:`` or ``name-`` before a version, with a registry's port or not, read from its end."""
GOES_ON = re.compile(r":[0-9]|/")
"""May follow an address, but not the version of a product."""
PACKED = re.compile(
    r"[A-Za-z0-9_.+~-]{0,40}?\.(?:tar|tgz|zip|7z|jar|war|whl|egg|gem|deb|rpm|apk|exe|msi|dmg|pkg|iso|nupkg|so|dll)(?![A-Za-z])"
)
"""The rest of a file's name, behind ``name-1.2.3.4``."""
SUFFIX = re.compile(
    r"[-_](?:[0-9.]{1,8}[.~+-]?)?(?:alpha|beta|rc|pre(?:view|release)?|dev|snapshot|final|ga|release|hotfix|patch"
    r"|build|lts|generic|ubuntu|deb|bpo|amzn|(?:el|fc)[0-9])(?![A-Za-z])|\.v[0-9]|-[a-z]{2,12}[.-][0-9a-f]{1,40}(?![\w.])|\+[0-9a-f]{7,40}(?![0-9A-Za-z])",
    re.IGNORECASE,
)
"""Follows a version: ``-rc.1``, ``-1.el9``, ``.v3``."""
_ENDS = frozenset("-_.+")
NEAR = 70
"""Characters before an address that may say that it is a version."""
GROUPS = 3
"""Least groups of a version 6 address that needs no word: a shorter one, ``a::b``, is often something else."""
FULL = 6
"""Fewest colons of a version 6 address without ``::``: the last two groups may be written as version 4."""
LOCAL_V6 = re.compile(r"(?:fe[89ab][0-9a-f]|f[cd][0-9a-f]{2})::?[0-9a-f]", re.IGNORECASE)
"""The beginning of link-local and unique local addresses (RFC 4291 section 2.5.6, RFC 4193)."""
EUI64 = re.compile(r"(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}\Z")
"""A hardware address of eight bytes, which can be read as an address of version 6."""
WORD_BEFORE = re.compile(r"[\s(\[]{1,3}(?:si )?(\w{1,32})")
"""``gateway 2001::1`` and ``gateway is 2001::1``, read from its end."""
ROUTED = re.compile(r"/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])(?![0-9A-Za-z.])|%(?:25)?[A-Za-z][A-Za-z0-9_.-]{0,15}")
"""Follows a version 6 address: a prefix's length, or a zone (RFC 4007 section 11)."""
NETWORK = re.compile(
    r"(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])|%(?:25)?[A-Za-z][A-Za-z0-9_.-]{0,15})(?![0-9A-Za-z/%_-]|\.[0-9A-Za-z])"
)
"""The length of an address's prefix (RFC 4632), or its zone: both belong to it."""
OTHER_NAMES = name_endings(
    r"(?:versions?|ver|releases?|builds?|firmware|oids?|tags?|image|section|chapter|revision|assembly"
    r"|controls?|requirements?|clauses?)"
    r"(?:_(?:number|no|string|name|tag|id|current|latest|installed|available|min|max|description|info))?"
)
"""Names of other values that look like ``1.2.3.4``."""
WHICH = re.compile("(?:min|max)(?:imum)?|lower|upper|current|latest", re.IGNORECASE)
VERSIONS = name_endings("versions?|releases?|builds?|firmware")
"""``{"osVersion": {"minimum": "1.2.3.4"}}``: one name says which of several, and the name above it of what."""
IMAGE_NAMES = name_endings(r"(?:images?|charts?)(?:_(?:name|uri|ref|tag|id))?")
IMAGE_FIELD = re.compile(r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?i:egami|trahc)| MORF(?![A-Za-z])")
"""``image: `` before that, read from its end."""


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield addresses of other machines, and no versions."""
    for start, end in outermost(
        span for span in _spans(words, text, keys) if not _is_other(words, text, *span, keys)
    ):
        network = None if text[start - 2 : start] == "//" else NETWORK.match(text, end)
        yield start, network.end() if network else end


def address_alone(found: str) -> str:
    """Return an address in small letters, without the length of a prefix and without a zone."""
    return re.split("[/%]", found.lower())[0]


def _spans(words: Words, text: str, keys: str) -> Iterator[tuple[int, int]]:
    for match in V4.finditer(text):
        if not match[0].startswith(("0.", "127.", "255.")):
            yield match.span()
    for match in V6.finditer(text) if ":" in text else ():
        if _is_v6(match[0]) and (_is_clear(text, match) or _is_named(words, text, match, keys)):
            yield match.span()


def _is_other(words: Words, text: str, start: int, end: int, keys: str) -> bool:
    """Return whether the name of a match, or the text joined to it, says that it is a version."""
    if ":" in text[start:end]:
        return False
    before = text[max(0, start - NEAR) : start][::-1]
    is_numbered = not ipaddress.IPv4Address(text[start:end]).is_private and _is_numbered(text, end, before)
    name = own_name(text, start, end, keys)
    if (
        is_numbered
        or (WHICH.fullmatch(name) and ends_with(VERSIONS, last_name(keys.rpartition("\n")[0])))
        or (name and ends_with(OTHER_NAMES, name))
        or (text[end : end + 1] in _ENDS and SUFFIX.match(text, end))
    ):
        return True
    joint = before[:1]
    if joint == "/":
        return bool(RELEASED.match(before) or (PRODUCT.match(before) and not GOES_ON.match(text, end)))
    if joint == ":":
        return IMAGE.match(before) is not None or _is_tag(before, start, keys)
    if joint in ("-", "_"):
        is_packed = before[1:2].isalnum() and PACKED.match(text, end) is not None
        return is_packed or _is_tag(before, start, keys)
    return bool(NUMBERED.match(before) or (REQUIRED.match(before) and not words.tell(name)))


def _is_numbered(text: str, end: int, before: str) -> bool:
    """Return whether a match is a version, the number of a section, or one of other numbers.

    Args:
        text: the text.
        end: the end of the match.
        before: the text before it, read from its end.
    """
    is_between = DECIMAL_BEFORE.match(before) is not None and DECIMAL.match(text, end) is not None
    return is_between or CHANGED.match(before) is not None


def _is_tag(before: str, start: int, keys: str) -> bool:
    """Return whether the text before a match, read from its end, makes it the version of an image or chart."""
    name = TAGGED.match(before)
    if not name:
        return False
    return bool(IMAGE_FIELD.match(before, name.end())) or (
        name.end() == start and ends_with(IMAGE_NAMES, last_name(keys))
    )


def _is_v6(text: str) -> bool:
    """Return whether a text is an address of version 6 that is neither loopback nor unspecified."""
    if ("::" not in text and text.count(":") < FULL) or EUI64.match(text) or not text.strip(":"):
        return False
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    inner = address.ipv4_mapped
    if inner is not None and (inner.is_loopback or inner.is_unspecified):
        return False
    return not address.is_loopback


def _is_clear(text: str, match: re.Match[str]) -> bool:
    """Return whether a version 6 address needs no word that tells it from other text with colons."""
    found = match[0]
    if "." in found or LOCAL_V6.match(found):
        return True
    if sum(map(bool, found.split(":"))) >= GROUPS:
        return any(map(str.isdigit, found))
    is_bracketed = text[match.start() - 1 : match.start()] == "[" and text.startswith("]:", match.end())
    return is_bracketed or ROUTED.match(text, match.end()) is not None


def _is_named(words: Words, text: str, match: re.Match[str], keys: str) -> bool:
    """Return whether its name, or the word right before it, tells a short version 6 address.

    Without a digit it has to be all of the text: ``db::add`` is a program's.
    """
    start, end = match.span()
    is_all = end - start == len(text)
    if not is_all and not any(map(str.isdigit, match[0])):
        return False
    if words.tell(name_before(text, start) or last_name(keys)):
        return True
    word = WORD_BEFORE.match(text[max(0, start - NEAR) : start][::-1])
    return word is not None and words.tell(word[1][::-1])


def ip_address(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for addresses of machines."""
    return Detector(
        entity="IP_ADDRESS",
        prefilter=(
            rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
            rb":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]",
            rb"[0-9A-Fa-f]::",
            rb"::[0-9A-Fa-f]",
        ),
        shortest=4,
        find=partial(find, vocabulary.words("ip")),
        canonical=address_alone,
        prefilter_shortest=3,
        uses_context=True,
        meaning="an address of version 4 or 6; not loopback, not a version's number",
        proof="its form; a short one of version 6 by a word, a prefix or a zone",
        example="192.0.2.44",
        source="RFC 791, RFC 4291",
    )
