"""What all readers of a content-type take from it alike (RFC 9110 section 8.3). How strict to be is theirs."""

import re

EVENT_STREAM = "text/event-stream"
LINES = frozenset(
    f"{group}/{name}"
    for group in ("application", "text")
    for name in ("x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines")
)
"""A document on each line. None of the names is registered; servers use all of them."""
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\";\s]*)")


def essence(content_type: str) -> str:
    """The type without its parameters, in lower case, well-formed or not."""
    return content_type.partition(";")[0].strip().lower()


def charsets(content_type: str) -> list[str]:
    """Every charset that a content-type, or its parameters, names, in lower case."""
    return _CHARSET.findall(content_type.lower())
