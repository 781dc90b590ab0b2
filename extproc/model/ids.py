"""Identifiers. Time and randomness are arguments."""

from collections.abc import Callable

from extproc.model.units import NANOSECONDS_PER_MILLISECOND


def uuid7(now_ns: int, random_bytes: bytes) -> str:
    """Make a UUIDv7: sortable by time, unguessable in the rest.

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
    """An id for a call that the guard gave none, or none that anybody knows.

    Callers may name their requests as they like. What could be one of our own ids is none: it would put an entry
    into the record of another call.

    Args:
        request_id: ``x-request-id``. Envoy's own have another digit where the version is.

    Returns:
        The request id; empty when it is not to be used.
    """
    return "" if request_id[VERSION_AT : VERSION_AT + 1] == "7" else request_id


VERSION_AT = 14
"""Where the version is in a UUID's text (RFC 9562 section 4)."""
Clock = Callable[[], int]
"""Returns wall-clock nanoseconds since the Unix epoch (``time.time_ns``)."""

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes (``os.urandom``)."""
