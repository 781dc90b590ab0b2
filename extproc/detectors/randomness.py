"""Measures that tell random text from words."""

import math

LEAST_ENTROPY = 3.0
"""Bits per character of a text that looks random, by the frequencies of its own characters. Words joined by dashes
reach it too, but seldom contain digits."""


def entropy(text: str) -> float:
    """Return bits per character (Shannon 1948)."""
    length = len(text)
    if not length:
        return 0
    counts = [text.count(each) for each in set(text)]
    return round(math.log2(length) - sum([n * math.log2(n) for n in counts]) / length, 9)
