"""AWS_SECRET_KEY and SECRET: what looks random, beside a name that says secret."""

import math
import re
from collections import Counter

from extproc.detectors.context import ending, is_called, name_of, own_name, telling, told, told_of
from extproc.detectors.detector import Detector, Ranges

AWS = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
AWS_HINT = r"secret[ _-]?access[ _-]?key|aws[ _-]?secret"
AWS_TELLING = telling(AWS_HINT)
RANDOM = re.compile(r"(?<![A-Za-z0-9/+_.~-])[A-Za-z0-9/+_.~-]{16,}+={0,2}")
NAME = re.compile(r"(?:[0-9]+|[A-Za-z]+)(?:[_.-](?:[0-9]+|[A-Za-z]+))*+=*")
"""Words and numbers, as in ``REDIS_HOST_10_2=1`` and ``${REDIS_HOST_10_2}``."""
WORDS = (
    r"passw|passphrase|secret|api[ _-]?key|access[ _-]?token|refresh[ _-]?token|auth[ _-]?token|bearer"
    r"|private[ _-]?key|credential"
)
TELLING = telling(WORDS)
HINT = WORDS + "|(?:token|pwd)[^A-Za-z_]"
TOKEN, PASSWORD = ending("token"), ending("pwd")
"""They tell only as names. ``PWD`` is where a shell is, too."""
PAGING = ending("(?:page|paging|pagination|next|previous|continuation|cursor|sync|resume|skip|start|watch)_token")
FOLDER = re.compile(r"(?:[.~]{1,2}|/[^/]+)/")
ABOUT_IT = ending(r"ids?|names?|path|arn|url|uri|type|hint|at|hash|ref|reference")
"""Keys that speak of a secret, and do not hold it: ``secret_name``."""
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LEAST_ENTROPY = 3.0
"""Bits per character, from the characters' own frequencies: words joined by dashes have digits seldom."""


def find_aws(text: str, context: str) -> Ranges:
    """Yield 40 characters of Base64 beside a telling name."""
    for match in AWS.finditer(text):
        if told(AWS_TELLING, text, match.start(), context) and entropy(match[0]) >= LEAST_ENTROPY:
            yield match.span()


def find(text: str, context: str) -> Ranges:
    """Yield what looks random beside a telling name."""
    for match in RANDOM.finditer(text):
        if not looks_random(match[0]) or _is_name(match[0], text, match.span(), context):
            continue
        if UUID.fullmatch(match[0]):
            secret = _is_called_secret(match[0], own_name(text, *match.span(), context))
        else:
            secret = told_of(TELLING, ABOUT_IT, text, match.start(), context) or _is_named(
                match[0], name_of(text, match.start(), context)
            )
        if secret:
            yield match.span()


def _is_called_secret(found: str, name: str) -> bool:
    """Whether its own name says that it is one: most UUIDs are none, whatever stands around them."""
    return (TELLING.search(name) is not None and not is_called(ABOUT_IT, name)) or _is_named(found, name)


def _is_named(found: str, name: str) -> bool:
    if is_called(TOKEN, name):
        return not is_called(PAGING, name)
    return is_called(PASSWORD, name) and not FOLDER.match(found)


def _is_name(found: str, text: str, span: tuple[int, int], context: str) -> bool:
    """Whether it is the name of what follows it, or of what is to be put in its place."""
    names_next = found.endswith("=") and text[span[1] : span[1] + 1].isalnum()
    is_put = text[span[0] - 2 : span[0]] == "${" and text[span[1] : span[1] + 1] == "}"
    if not (names_next or is_put) or not NAME.fullmatch(found):
        return False
    return is_put or not _is_called_secret(found, name_of(text, span[0], context))


def looks_random(text: str) -> bool:
    """Letters and digits mixed, and none of them much more often than others."""
    digits = sum(map(str.isdigit, text))
    return digits > 1 and digits < len(text) and entropy(text) >= LEAST_ENTROPY


def entropy(text: str) -> float:
    """Bits per character (Shannon 1948)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


AWS_SECRET_KEY = Detector(
    "AWS_SECRET_KEY",
    (rb"[A-Za-z0-9/+]{40}",),
    40,
    find_aws,
    hint=AWS_HINT.encode(),
    prefilter_shortest=40,
    common=True,
)
SECRET = Detector(
    "SECRET", (rb"[A-Za-z0-9/+_.~-]{16}",), 16, find, hint=HINT.encode(), prefilter_shortest=16, common=True
)
