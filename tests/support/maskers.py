"""Maskers for tests: a fixed pseudonym key, the built-in detectors, and limits that a test may change."""

from extproc.detectors.analyzer import Analyzer
from extproc.masking.masker import Masker

DETECTORS = Analyzer()
KEY = b"k" * 32


def make_masker(
    detectors: Analyzer = DETECTORS,
    *,
    key: bytes = KEY,
    key_id: str = "k1",
    max_depth: int = 64,
    event_limit: int = 1 << 16,
    text_limit: int | None = None,
) -> Masker:
    """Make a masker. Two maskers with the same key make the same pseudonyms."""
    return Masker(
        detectors,
        pseudonym_key=key,
        pseudonym_key_id=key_id,
        max_depth=max_depth,
        event_limit=event_limit,
        text_limit=text_limit,
    )
