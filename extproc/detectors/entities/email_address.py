"""EMAIL_ADDRESS: local part, at sign, and a domain with a top-level name; international ones too (RFC 6531)."""

import re
from functools import partial

from extproc.detectors.context import ends_with, last_name, name_endings, own_name
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.entities.connection_string import ends_password
from extproc.detectors.top_level_domains import is_top_level
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

LOCAL_MAX = 64
"""RFC 5321 section 4.5.3.1.1."""
LOCAL_REVERSED = re.compile(r"[\w.%+-]+(?:(?<=[^\W_])'(?=[^\W_])[\w.%+-]+)*")
"""An apostrophe counts between letters only: in ``'bob@example.com'`` it is a quote."""
QUOTED_REVERSED = re.compile(r'"[^\s"]{1,64}"?')
"""Only the last word of ``"bob smith"@example.com``: streamed text is released word by word."""
BOUNCE_REVERSED = re.compile(r"=[\w.=]{0,64}[+-][\w.=+-]{1,64}")
"""``list+bob=example.com@lists.example``, behind the at sign, read from its end: a bounce names the recipient."""
DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,126}[\w-]{2,63}")
LETTERS = re.compile(r"[A-Za-z]{2,63}(?![A-Za-z])(?![0-9])")
OTHER_LETTERS = re.compile(r"[^\W\d_]{2,63}")
MAIL_SCHEME = "mailto:"
SCALED = re.compile(r"[1-9](?:\.[0-9])?x\Z", re.IGNORECASE)
"""``icon@2x.ai`` is the file of a picture."""
MARK_ENCODED = re.compile(r"%(?:0[9AaDd]|2[0-24678CcFf9]|3[A-Fa-f]|5[B-Eb-e]|60|7[B-Db-d])(?=[^%])")
"""A blank, quotation mark or bracket: no part of an address that stands in a URL."""
SERVICE = re.compile(r"(?:git|svn|hg)\Z|org-[0-9]+\Z")
"""Users of code hosts, of whom there is one for everybody."""
REPOSITORY = re.compile(r":[^\s:;,'\"<>]{1,200}?\.git(?![A-Za-z0-9])")
ANY, ANY_OF_CLASS = re.compile(r"[.*+]+"), re.compile("[sSwWdD][*+]")
"""Any local part, in a pattern for addresses: ``.+@example.com``, and ``S+`` behind a backslash."""
MESSAGE_NAMES = name_endings(r"message_?ids?|msg_?ids?|in_reply_to|references|content_id")
OWN_ID = name_endings(r"message_?ids?|msg_?ids?")
"""Nobody's address stands there; who is answered, and whom a message refers to, may be named by one."""
MESSAGE_FIELD = re.compile(
    r"(?:[\w-]{1,64}-)?(?:message-id|in-reply-to|references|content-id)[ \t]*:", re.IGNORECASE
)
MESSAGE_LOCAL = re.compile(r"(?=[^0-9]*[0-9])[^\s<>]{12,}\Z")
MESSAGE_LOCAL_REVERSED = re.compile(r"[^\s<>]{1,128}")
"""An id has characters that no address has (RFC 5322 section 3.2.3); ``=40`` may be read as another one."""
LINE_MAX = 998
"""RFC 5322 section 2.1.1."""
LINE_OF_FIELD = re.compile(r"\n(?![ \t])")
"""A field goes on in lines that begin with a blank (RFC 5322 section 2.2.3)."""


def find(words: Words, text: str, keys: str) -> Ranges:
    """Yield an address around each at sign that has one."""
    at = text.find("@")
    while at >= 0:
        start = _local_start(text, at)
        end = _domain_end(words, text, start, at, keys) if start < at else at
        if end > at and not _is_other(text, start, at, end, keys):
            yield start, end
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
    before = text[max(0, at - LOCAL_MAX) : at][::-1]
    if before.startswith('"'):
        quoted = QUOTED_REVERSED.match(before)
        return at - quoted.end() if quoted else at
    local = LOCAL_REVERSED.match(before)
    if not local:
        return at
    start = _behind_mark(text, at - local.end(), at)
    if before.startswith("=", local.end()) and (bounce := BOUNCE_REVERSED.match(before, local.end())):
        _, dot, last = text[start:at].rpartition(".")
        if dot and is_top_level(last):
            return at - bounce.end()
    return at - len(text[start:at].lstrip("."))


def _behind_mark(text: str, start: int, at: int) -> int:
    """Return an offset behind the last percent-encoded mark in a local part: ``%3Cbob``, ``to%20bob``."""
    if text.find("%", start, at) >= 0:
        for encoded in MARK_ENCODED.finditer(text, start, at):
            start = encoded.end()
    return start


def _domain_end(words: Words, text: str, start: int, at: int, keys: str) -> int:
    """Return the end of the longest domain behind an at sign; the at sign's offset if there is none."""
    match = DOMAIN.match(text, at + 1)
    if not match or SCALED.match(match[0].partition(".")[0]):
        return at
    end = match.end()
    while (dot := text.rfind(".", at + 1, end)) > at:
        if last := _top_level_end(text, dot + 1, end):
            return last
        end = dot
    label = OTHER_LETTERS.fullmatch(text, text.rindex(".", at + 1, match.end()) + 1, match.end())
    return match.end() if label and _is_mail(words, text, start, match.end(), keys) else at


def _top_level_end(text: str, start: int, end: int) -> int:
    """Return the end of the top-level name with which a label begins; 0 if there is none."""
    if label := LETTERS.match(text, start, end):
        if text.startswith("--", label.end()) and label[0].lower() == "xn":
            return end
        return label.end() if is_top_level(label[0]) else 0
    other = OTHER_LETTERS.match(text, start, end)
    return other.end() if other and not other[0][0].isascii() else 0


def _is_mail(words: Words, text: str, start: int, end: int, keys: str) -> bool:
    """Return whether an address is named as one, so that any top-level name will do."""
    return text.endswith(MAIL_SCHEME, 0, start) or words.tell(own_name(text, start, end, keys))


def _is_other(text: str, start: int, at: int, end: int, keys: str) -> bool:
    """Return whether a match is the user and host of a command or URL, or the id of a message."""
    local = text[start:at]
    if ANY.fullmatch(local) or (text.startswith("\\", start - 1) and ANY_OF_CLASS.fullmatch(local)):
        return True
    if SERVICE.match(local) or (text.startswith(":", end) and REPOSITORY.match(text, end)):
        return True
    if ends_password(text, at):
        return True
    if end - start == len(text) and ends_with(OWN_ID, last_name(keys)):
        return True
    before = MESSAGE_LOCAL_REVERSED.match(text[max(0, at - 2 * LOCAL_MAX) : at][::-1])
    first = at - before.end() if before else start
    return MESSAGE_LOCAL.match(text, first, at) is not None and _is_message_id(text, first, end, keys)


def _is_message_id(text: str, start: int, end: int, keys: str) -> bool:
    if ends_with(MESSAGE_NAMES, last_name(keys)):
        return True
    if text[start - 1 : start] != "<" or text[end : end + 1] != ">":
        return False
    field = LINE_OF_FIELD.split(text[max(0, start - LINE_MAX) : start])[-1]
    return MESSAGE_FIELD.match(field) is not None


def email_address(vocabulary: Vocabulary) -> Detector:
    """Make the detector with the words for mail."""
    return Detector(
        entity="EMAIL_ADDRESS",
        prefilter=(rb"[!-~\x80-\xff]@[\w\x80-\xff-]+\.[\w\x80-\xff-]",),
        shortest=6,
        find=partial(find, vocabulary.words("email")),
        canonical=str.lower,
        uses_context=True,
        meaning="an e-mail address, international ones too",
        proof="its form, and a top-level name that exists",
        example="bob@example.com",
        source="RFC 5321, RFC 6531",
    )
