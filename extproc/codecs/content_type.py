"""Reads the parts of a content-type (RFC 9110 section 8.3). Its users decide how strict they are."""

import re

EVENT_STREAM = "text/event-stream"
LINES = frozenset(
    f"{group}/{name}"
    for group in ("application", "text")
    for name in ("x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines")
)
"""Media types with a JSON document on each line. None is registered; servers use all of them."""
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\";\s]*)")


def essence(content_type: str) -> str:
    """Return the type without its parameters, in lower case, even if it is malformed."""
    return content_type.partition(";")[0].strip().lower()


def charsets(content_type: str) -> list[str]:
    """Return all charsets in a content-type or its parameters, in lower case."""
    return _CHARSET.findall(content_type.lower())
