"""SECRET: random text right behind a name in text that ends in key, token, secret, private or access.

Configurations and logs name keys of services that no list has: ``fabulux_key=…``, ``fabuluxKEY …``,
``fabulux-SECRET-…``. Names of keys that are no secrets do not count: ``cache_key``, ``public key``. Only text is
searched: other detectors take the values of objects by their keys.
"""

import re
from collections.abc import Iterator

import hyperscan

from extproc.detectors.databases import Expression
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.ends import Ends
from extproc.detectors.entities.secret import NAME, UUID
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

WORD = "(?:key|token|secret|private|access)"
NEAR = (
    rb"(?i:key|token|secret|private|access)[0-9]?(?:[^0-9A-Za-z\"]|\"[ ]{0,2}(?:=>|,))[^0-9A-Za-z]{0,19}"
    rb"[0-9A-Za-z][0-9A-Za-z_+/.~=-]{11}"
)
LABELLED = re.compile(
    rf"(?P<word>(?i:{WORD}))[0-9]?"
    r"(?:(?P<sign>[\"'`]?[ \t]{0,8}(?:[:?.+]{0,3}=>?|:|-(?= )|[\"'`],)[ \t]{0,8}[\"'`]?[ ]?|>\s{0,16})"
    r"|(?P<blank>[ \t]{1,3}[\"'`]?)|(?P<joint>[-.]))"
    r"(?P<value>[0-9A-Za-z_][0-9A-Za-z_+/.~=-]{11,})"
)
"""A word, what joins it to the value, and the value."""
REACH = 80
"""Characters before a word that belong to its name."""
NAMED = re.compile(r"[_.-]?([A-Za-z0-9$][A-Za-z0-9_.$-]{0,63})|[ \t]{1,4}([A-Za-z0-9_.$-]{1,64})")
"""The rest of the name before its last word, read from its end: joined to the word, or a few blanks before it."""
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
ORDINARY = frozenset({
    "action", "annotation", "artifact", "asset", "attribute", "backward", "batch", "blob", "bucket", "build",
    "business", "cache", "candidate", "cell", "change", "child", "client", "column", "composite", "config",
    "content", "continuation", "continue", "correlation", "creation", "cursor", "customer", "dashboard",
    "data", "dedup", "deduplication", "delta", "device", "document", "edge", "end", "entity", "event",
    "feature", "field", "file", "fingerprint", "first", "flag", "folder", "foreign", "forward", "gcs",
    "group", "hash", "header", "host", "idempotency", "image", "index", "issue", "item", "job", "label",
    "lang", "last", "list", "locale", "lock", "lookup", "map", "marker", "measurement", "media", "member",
    "memcached", "message", "meta", "metadata", "minio", "name", "natural", "next", "node", "object", "order",
    "org", "organization", "page", "pagination", "paging", "parameter", "parent", "partition", "path", "prev",
    "previous", "primary", "product", "project", "public", "publishable", "query", "range", "record", "redis",
    "ref", "reference", "registry", "request", "resource", "restore", "resume", "route", "routing", "row",
    "s3", "scroll", "secondary", "sequence", "setting", "shard", "site", "skip", "sort", "space", "span",
    "start", "state", "storage", "surrogate", "sync", "table", "tag", "task", "team", "tenant", "trace",
    "translation", "unique", "unit", "upload", "version", "widget",
})  # fmt: skip
"""Parts of names of keys that name a thing, and of tokens that continue a list."""
SHOUTED = re.compile(r"(?:KEY|TOKEN|(?:SECRET|PRIVATE|ACCESS)[_-]?(?i:key|token)?)\Z")
"""The end of a name in capitals: ``fabuluxKEY``, ``fabuluxPRIVATEkey``."""
SHORTEST, WITHOUT_SIGN = 12, 15
"""Fewest characters of a value behind ``=``, and of one behind anything else."""
IN_PROSE = 20
IN_WORDS = frozenset({"token", "secret", "key"})
OF_SENTENCES = frozenset({
    "a", "an", "and", "any", "at", "by", "del", "delete", "deleted", "each", "every", "for", "found",
    "from", "get", "got", "has", "hit", "in", "invalid", "is", "its", "miss", "missing", "my", "new",
    "no", "not", "of", "old", "on", "or", "our", "per", "put", "read", "same", "set", "that", "the",
    "their", "this", "to", "unknown", "used", "with", "write", "your",
})  # fmt: skip
"""Words before ``key`` in sentences about any key."""
DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
"""Stands behind the name of what it is a digest of: ``my-secret-6b86b273…``."""
LEAST_DIGITS = 2
DIGITS_ALONE = 24
"""Fewest digits of a value without letters."""
LETTERS_ALONE, LETTERS_SHOUTED = 28, 20
"""Fewest letters of a value without digits, and of one behind a name in capitals. Words are shorter, and names of
functions are not behind capitals."""
CHANGES = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
OFTEN = 0.35
"""Least share of characters at which letter case changes, or digits begin or end, in random text of letters."""
SEPARATED = re.compile(r"[_.=-]+")
OF_A_PATH = re.compile(r"(?:\A|/)[a-z]{2,}[a-z0-9_.-]*/|\.[a-z]{2,4}\Z|\.{2}")
QUOTES = "\"'`"
QUOTED = re.compile(r"[^\s\"'`<>\\\\]+(?=[\"'`])")
BARE = re.compile(r"[%|!^*~][0-9A-Za-z_+/.~=%|!^*-]*")
"""The rest of a value behind its first letters and digits: up to the quotation mark, or some marks."""
LONGEST_NEAR = 44
"""Characters of a match of the prefilter."""
_ENDS = Ends([Expression(0, NEAR, hyperscan.HS_FLAG_UTF8)])


def find(text: str, _: str) -> Ranges:
    """Yield the values."""
    for match in _matches(text):
        value = match["value"].rstrip(".")
        shouts = SHOUTED.search(text, max(0, match.start() - REACH), match.end("word")) is not None
        if _looks_random(value, LETTERS_SHOUTED if shouts else LETTERS_ALONE) and _is_told(
            text, match, value, shouts=shouts
        ):
            start, end = match.span("value")
            rest = QUOTED if text[start - 1] in QUOTES else BARE
            goes_on = rest.match(text, end)
            yield start, goes_on.end() if goes_on else start + len(value)


def _matches(text: str) -> Iterator[re.Match[str]]:
    at = 0
    for end in _ENDS(text) or ():
        if end.at > at and (match := LABELLED.search(text, max(at, end.at - LONGEST_NEAR), end.at)):
            match = LABELLED.match(text, match.start())
            if match:
                at = match.end()
                yield match


def _looks_random(value: str, letters_alone: int) -> bool:
    """Return whether letters and digits are mixed as in no name, date or path.

    Args:
        value: the value.
        letters_alone: fewest letters of a value without digits: more than a word has.
    """
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if UUID.fullmatch(value):
        return True
    if OF_A_PATH.search(value) or entropy(value) < LEAST_ENTROPY:
        return False
    if digits < LEAST_DIGITS:
        return value.isalnum() and (letters >= letters_alone or len(CHANGES.findall(value)) >= len(value) * OFTEN)
    return (letters > LEAST_DIGITS or digits >= DIGITS_ALONE) and not _is_name(value)


def _is_name(value: str) -> bool:
    """Return whether a value consists of words and numbers. A word with digits in it counts as none."""
    if NAME.fullmatch(value) is None:
        return False
    parts = SEPARATED.split(value)
    return not all(any(map(str.isdigit, part)) and any(map(str.isalpha, part)) for part in parts)


def _is_told(text: str, match: re.Match[str], value: str, *, shouts: bool) -> bool:
    """Return whether the name in front says that the value is a key."""
    at = match.start()
    rest = NAMED.match(text[max(0, at - REACH) : at][::-1])
    sign = match["sign"]
    name = (rest[1] or rest[2])[::-1] if rest else ""
    shouts &= not name.isupper() or not match["blank"]
    if not name:
        return bool(sign) and "=" in sign and text[at - 1 : at] in ("?", "&") and len(value) >= WITHOUT_SIGN
    if not ORDINARY.isdisjoint(part.lower() for part in PARTS.findall(name)):
        return False
    if UUID.fullmatch(value):
        return shouts or (bool(sign) and "=" in sign)
    if sign or shouts:
        return len(value) >= (SHORTEST if sign and "=" in sign else WITHOUT_SIGN)
    return len(value) >= IN_PROSE and _is_told_in_prose(match, value, name)


def _is_told_in_prose(match: re.Match[str], value: str, name: str) -> bool:
    """Return whether a name in small letters tells, without a sign between it and the value."""
    if match["joint"]:
        return value.isalnum() and DIGEST.fullmatch(value) is None
    return match["word"].lower() in IN_WORDS and name.lower() not in OF_SENTENCES


LABELLED_KEY = Detector(
    "SECRET",
    (NEAR,),
    SHORTEST + 4,
    find,
    prefilter_shortest=16,
    rare=True,
    is_generic=True,
    meaning="random text behind a name in text that ends in key, token or secret",
    proof="name, and letters and digits as in no word",
    example="fabulux_key=" + "q7Rk29fLx81mZtPw" + "47bC",
)
