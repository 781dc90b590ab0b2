"""Identifiers of calls. Time and randomness are arguments."""

from collections.abc import Callable

from extproc.model.units import NANOSECONDS_PER_MILLISECOND


def uuid7(now_ns: int, random_bytes: bytes) -> str:
    """Make a UUIDv7: sortable by time, otherwise unguessable.

    Args:
        now_ns: wall-clock time, nanoseconds since the Unix epoch.
        random_bytes: 10 bytes; 74 of their bits are used.

    Source: RFC 9562 section 5.7.
    """
    milliseconds = now_ns // NANOSECONDS_PER_MILLISECOND
    random_a = int.from_bytes(random_bytes[:2], "big") & 0x0FFF
    random_b = int.from_bytes(random_bytes[2:10], "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def envoys_id(request_id: str) -> str:
    """Return Envoy's request id as the id of a call without a known id of the guard.

    Callers may choose their request ids. A request id that could be one of the guard's own ids is not used: it
    would put an entry into the record of another call.

    Args:
        request_id: ``x-request-id``. Envoy's own ids have another version digit.

    Returns:
        The request id; empty if it must not be used.
    """
    return "" if request_id[VERSION_AT : VERSION_AT + 1] == "7" else request_id


VERSION_AT = 14
"""Offset of the version digit in a UUID's text (RFC 9562 section 4)."""
Clock = Callable[[], int]
"""Returns wall-clock nanoseconds since the Unix epoch (``time.time_ns``)."""

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes (``os.urandom``)."""
