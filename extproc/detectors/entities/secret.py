"""SECRET: random text beside a name that says secret."""

import re
from functools import partial
from typing import NamedTuple

from extproc.detectors.accepted_values import is_id_of_authorization
from extproc.detectors.context import name_before, name_of, own_name
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.randomness import LEAST_ENTROPY, entropy
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

PATTERN = re.compile(r"(?<![A-Za-z0-9/+_.~-])[A-Za-z0-9/+_.~-]{16,}+={0,2}")
_WORD = "(?:[0-9]{1,8}[A-Za-z]{0,2}|[A-Za-z]{1,24}[0-9]{0,5})"
NAME = re.compile(rf"{_WORD}(?>(?:[_.-]{_WORD})*)=*")
"""Words and numbers: ``REDIS_HOST_10_2=1``, ``${REDIS_HOST_10_2}``, ``is_base64_encoded``, ``gpt-4o-mini``."""
SCHEME_BACKWARDS = re.compile(r"(?:@[^\s/@]{1,200}//|/{0,2}):[A-Za-z0-9+.-]{1,20}[A-Za-z]")
"""Before the host of a URL, with a login before it or not, read from its end."""
"""Stands before the host and path of a URL, read from its end."""
ARN = re.compile(r"arn:[a-z-]{0,16}:[^\s\"']{0,256}")
"""The beginning of an ARN."""
ADDRESS_NEAR = 280
"""Characters before a match that may be the beginning of an address."""
FOLDER = re.compile(r"(?:[.~]{1,2}|/[^/]+)/")
MEMBER = re.compile(r"[a-z][a-z0-9]{1,20}(?:\.[A-Z][A-Za-z]{3,40})+")
"""``ed25519.PublicKey``: a name in a program."""
DIGEST = re.compile(r"sha(?:1|224|256|384|512)-")
"""The beginning of a digest (W3C, Subresource Integrity)."""
ALGORITHM = re.compile(r"(?:ssh|ecdsa|sk)-[\w@.-]{1,48} \Z")
HOST_IN_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*/")
"""``$SERVICE_URL/path``."""
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Names(NamedTuple):
    """The words of the names that matter."""

    secret: Words
    token: Words
    """Count only as the value's own name."""
    paging: Words
    """Names of tokens that are no secrets."""
    any: Words
    """The words of both secrets and tokens."""

    def tell(self, name: str) -> bool:
        """Return whether a value's own name says that it is a secret."""
        return self.secret.tell(name) or (self.token.tell(name) and not self.paging.tell(name))


def find(names: Names, text: str, keys: str) -> Ranges:
    """Yield random text beside a name that says secret."""
    is_told = any(map(names.any.tell, keys.split("\n")))
    for match in PATTERN.finditer(text) if is_told else names.any.matches(PATTERN, text):
        if text.startswith("(", match.end()) or _is_public(match):
            continue  # a call: Base64.encode64(
        if looks_random(match[0]) and not _is_name(names, match, keys) and _is_secret(names, match, keys):
            yield match.span()


def _is_public(match: re.Match[str]) -> bool:
    """Return whether a match is the public key of an SSH key pair: ``ssh-rsa AAAA…``."""
    start = match.start()
    return match[0].startswith("AAAA") and ALGORITHM.search(match.string, max(0, start - 64), start) is not None


def looks_random(text: str) -> bool:
    """Return whether letters and digits are mixed, and none of them is much more frequent than others."""
    digits = sum(map(str.isdigit, text))
    return digits > 1 and digits < len(text) and entropy(text) >= LEAST_ENTROPY


def _is_secret(names: Names, match: re.Match[str], keys: str) -> bool:
    text, at = match.string, match.start()
    if FOLDER.match(match[0]) or DIGEST.match(match[0]) or MEMBER.fullmatch(match[0]) or _in_address(text, at):
        return False
    name = name_of(text, at, keys)
    if names.paging.tell(name) or is_id_of_authorization(name, match[0]):
        return False
    if UUID.fullmatch(match[0]):  # most UUIDs are no secrets, whatever stands around them
        return names.tell(own_name(text, *match.span(), keys))
    if names.token.tell(name):
        return True
    return names.secret.beside(text, at, keys)


def _in_address(text: str, at: int) -> bool:
    """Return whether a match is the host and path of a URL, or a part of an ARN."""
    if text.startswith("$", at - 1) and HOST_IN_VARIABLE.match(text, at):
        return True
    before = text[max(0, at - ADDRESS_NEAR) : at].lower()
    if SCHEME_BACKWARDS.match(before[::-1]):
        return True
    arn = before.find("arn:")
    while arn >= 0 and not ARN.fullmatch(before, arn):
        arn = before.find("arn:", arn + 1)
    return arn >= 0


def _is_name(names: Names, match: re.Match[str], keys: str) -> bool:
    """Return whether the match is the name of the next value, of a variable, ``${NAME}``, or a key."""
    text, (start, end) = match.string, match.span()
    if not NAME.fullmatch(match[0]):
        return False
    if text[start - 2 : start] == "${" and text[end : end + 1] == "}":
        return True
    names_next = match[0].endswith("=") and text[end : end + 1].isalnum()
    name = name_before(text, start) or own_name(text, start, end, keys)
    counts = name.lower().endswith("tokens")  # of a model, and what it calls its models
    tells = names.secret.tell(name) or (names.tell(name) and not counts)
    return (names_next or "_" in match[0] or "-" in match[0]) and not tells


def secret(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for passwords, secrets and tokens."""
    words = vocabulary.words("password", "secret")
    names = Names(
        words,
        vocabulary.words("token"),
        vocabulary.words("paging"),
        vocabulary.words("password", "secret", "token"),
    )
    return Detector(
        "SECRET",
        (rb"[A-Za-z0-9/+_.~-]{16}",),
        16,
        partial(find, names),
        hints=(*words.hints, *names.token.hints),
        prefilter_shortest=16,
        common=True,
        is_generic=True,
        meaning="16 characters or more that look random: letters and digits, `+/_.~-`",
        example="token: Xk29fLq81mZtPw47",
        example_key="note",
    )
