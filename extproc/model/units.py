"""Units of time: instants and spans are whole nanoseconds, settings and records also use other units."""

NANOSECONDS_PER_SECOND = 1_000_000_000
NANOSECONDS_PER_MILLISECOND = 1_000_000
