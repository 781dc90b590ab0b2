"""SECRET: random text beside a name that says secret."""

import re

from extproc.detectors.context import (
    context_words,
    ends_with,
    in_context_of_value,
    name_endings,
    name_of,
    own_name,
)
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

PATTERN = re.compile(r"(?<![A-Za-z0-9/+_.~-])[A-Za-z0-9/+_.~-]{16,}+={0,2}")
NAME = re.compile(r"(?:[0-9]+|[A-Za-z]+)(?>(?:[_.-](?:[0-9]+|[A-Za-z]+))*)=*")
"""Words and numbers, as in ``REDIS_HOST_10_2=1`` and ``${REDIS_HOST_10_2}``."""
WORDS = (
    r"passw|passphrase|secret|api[ _-]?key|access[ _-]?token|refresh[ _-]?token|auth[ _-]?token|bearer"
    r"|private[ _-]?key|credential"
)
CONTEXT = context_words(WORDS)
HINT = WORDS + "|(?:token|pwd)[^A-Za-z_]"
TOKEN, PASSWORD = name_endings("token"), name_endings("pwd")
"""Words that count only at the end of the value's name. ``PWD`` is also the variable of a shell's folder."""
PAGING = name_endings(
    "(?:page|paging|pagination|next|previous|continuation|cursor|sync|resume|skip|start|watch)_token"
)
FOLDER = re.compile(r"(?:[.~]{1,2}|/[^/]+)/")
ABOUT_IT = name_endings(r"ids?|names?|path|arn|url|uri|type|hint|at|hash|ref|reference")
"""Ends of keys that are about a secret and do not hold it: ``secret_name``."""
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def find(text: str, keys: str) -> Ranges:
    """Yield random text beside a name that says secret."""
    for match in PATTERN.finditer(text):
        if not looks_random(match[0]) or _is_name(match[0], text, match.span(), keys):
            continue
        if UUID.fullmatch(match[0]):
            secret = _is_called_secret(match[0], own_name(text, *match.span(), keys))
        else:
            secret = in_context_of_value(CONTEXT, ABOUT_IT, text, match.start(), keys) or _ends_in_token(
                match[0], name_of(text, match.start(), keys)
            )
        if secret:
            yield match.span()


def looks_random(text: str) -> bool:
    """Return whether letters and digits are mixed, and none of them is much more frequent than others."""
    digits = sum(map(str.isdigit, text))
    return digits > 1 and digits < len(text) and entropy(text) >= LEAST_ENTROPY


def _is_called_secret(found: str, name: str) -> bool:
    """Return whether the value's own name says secret: most UUIDs are not, whatever stands around them."""
    return (CONTEXT.search(name) is not None and not ends_with(ABOUT_IT, name)) or _ends_in_token(found, name)


def _ends_in_token(found: str, name: str) -> bool:
    """Return whether the value's name ends in ``token`` or ``pwd``, and the value is not a page or a folder."""
    if ends_with(TOKEN, name):
        return not ends_with(PAGING, name)
    return ends_with(PASSWORD, name) and not FOLDER.match(found)


def _is_name(found: str, text: str, span: tuple[int, int], keys: str) -> bool:
    """Return whether the match is the name of the next value, or of a variable: ``${NAME}``."""
    names_next = found.endswith("=") and text[span[1] : span[1] + 1].isalnum()
    is_variable = text[span[0] - 2 : span[0]] == "${" and text[span[1] : span[1] + 1] == "}"
    if not (names_next or is_variable) or not NAME.fullmatch(found):
        return False
    return is_variable or not _is_called_secret(found, name_of(text, span[0], keys))


SECRET = Detector(
    "SECRET",
    (rb"[A-Za-z0-9/+_.~-]{16}",),
    16,
    find,
    hints=(HINT.encode(),),
    prefilter_shortest=16,
    common=True,
    meaning="16 characters or more that look random: letters and digits, `+/_.~-`",
    example="Xk29fLq81mZtPw47",
    example_key="api_key",
)
