"""Odd but common bodies that cannot be read: which of them it is, and what to do, in one line each.

Callers, records, logs and ``extproc mask`` show these lines. They hold nothing of the body. A new one is
documented in ``docs/reference/reasons.md`` (a test compares the two).
"""

from enum import StrEnum

from extproc.model.reasons import Uninspectable


class Odd(StrEnum):
    """A body that cannot be read, and what to do."""

    NAN = "JSON has no NaN and no Infinity: send null, or the word in quotes"
    LONE_SURROGATE = r"half of a surrogate pair (\ud83d alone) is no character: send the whole pair, or \ufffd"
    NUMBER = "a number is out of range (1e400, 1e-400): send it in quotes, or with fewer digits in its exponent"
    LONG_INTEGER = "an integer has more than 1,000 digits: send it in quotes"
    UTF16 = "the text is UTF-16 or UTF-32: send UTF-8"
    NUL_KEY = "two keys of an object are one up to a NUL: send one of them"
    SAME_KEY = "an object has the same key twice: send one of them"
    SIMILAR_KEY = "two keys of an object differ only in letter case or in form: send one of them"
    LINES = "there are several JSON documents: send one, or name the type application/x-ndjson"
    XML = "the type is XML: name it in masking.text_types, and it is masked as text"
    YAML = "the type is YAML: name it in masking.text_types, and it is masked as text"
    CSV = "the type is CSV: name it in masking.text_types, or send it as text/csv"
    SCRIPT = "the type is JavaScript: name it in masking.text_types, or send it as text/javascript"
    BINARY = "the type is binary: only masking.undecodable lets such a body pass, and unmasked"
    OTHER_TYPE = "the type is not known: if it is text, name it in masking.text_types"
    NO_TYPE = "the content-type is missing or malformed: send one"
    CHARSET = "the charset is not UTF-8: send UTF-8"
    DECLARED = "the XML declaration names another encoding than UTF-8: send UTF-8"
    UNKNOWN_CODING = "the content-encoding is none of gzip, deflate, br and zstd: send one of them, or none"
    SEVERAL_CODINGS = "there is more than one content-encoding: send one, or none"
    DAMAGED_CODING = "the bytes are not what the content-encoding says: send the right one, or none"


REMEDIES = {
    Uninspectable.TOO_LARGE: "the body is too large once it is decoded: send less, or raise the limit",
    Uninspectable.TRUNCATED: "the body ends too early: send it again",
    Uninspectable.CONTENT_TYPE: "the function has no body of this content-type: send the type that it has",
    Uninspectable.NOT_UTF8: "the bytes are not UTF-8: send UTF-8",
    Uninspectable.NOT_JSON: "the body is not JSON (RFC 8259): send JSON, or name its own type",
    Uninspectable.DUPLICATE_KEYS: Odd.SAME_KEY.value,
    Uninspectable.NUMBER_OUT_OF_RANGE: Odd.NUMBER.value,
    Uninspectable.HEADER_BODY_MISMATCH: "a header field says something else than the body: send the same in both",
    Uninspectable.TOO_DEEP: "the body is nested too deep: send it flatter, or raise limits.json_depth",
}
"""Advice for the facts of which nothing more is known."""


def remedy(kind: Uninspectable, odd: Odd | None) -> str:
    """Return the line about a body that cannot be read; empty where nothing helpful can be said."""
    return odd.value if odd else REMEDIES.get(kind, "")
