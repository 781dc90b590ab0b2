"""Measures that tell random text from words."""

import math
from collections import Counter

LEAST_ENTROPY = 3.0
"""Bits per character of a text that looks random, by the frequencies of its own characters. Words joined by dashes
reach it too, but seldom contain digits."""


def entropy(text: str) -> float:
    """Return bits per character (Shannon 1948)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
