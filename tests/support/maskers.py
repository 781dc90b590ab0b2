"""Maskers for tests: a fixed pseudonym key, the built-in detectors, and limits that a test may change."""

from typing import TypeVar

from extproc.detectors.analyzer import Analyzer
from extproc.masking.masker import Masker
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING

DETECTORS = Analyzer()
KEY = b"k" * 32
M = TypeVar("M", bound=Masker)


class FaultyMasker(Masker):
    """Fails in one operation, on texts that hold a given part."""

    operation, part, fault = "", "", MaskingError("a detector failed")

    def fail(self, operation, part="", fault=fault):
        self.operation, self.part, self.fault = operation, part, fault
        return self

    def mask(self, body, *others, **options):
        self._strike("mask", body.decode())
        return super().mask(body, *others, **options)

    def trial(self, body, *others):
        self._strike("trial", body.decode())
        return super().trial(body, *others)

    def may_hold(self, text):
        self._strike("may_hold", text)
        return super().may_hold(text)

    def _strike(self, operation, text):
        if operation == self.operation and self.part in text:
            raise self.fault


def make_masker(
    detectors: Analyzer = DETECTORS,
    *,
    kind: type[M] = Masker,
    key: bytes = KEY,
    key_id: str = "k1",
    max_depth: int = 64,
    event_limit: int = 1 << 16,
    text_limit: int | None = None,
) -> M:
    """Make a masker, or a double of that kind. Two maskers with the same key make the same pseudonyms."""
    return kind(
        detectors,
        pseudonym_key=key,
        pseudonym_key_id=key_id,
        max_depth=max_depth,
        event_limit=event_limit,
        text_limit=text_limit,
    )


WITH_LONG_EVENTS = make_masker(event_limit=1 << 20)


def mask(body: str, content_type: str = "text/plain") -> str:
    """Mask every entity in a body."""
    return WITH_LONG_EVENTS.mask(body.encode(), content_type, MASK_EVERYTHING).body.decode()


def streamed(text: str, size: int) -> str:
    """Mask every entity in a text that arrives in pieces of some bytes."""
    stream = WITH_LONG_EVENTS.stream("text/plain", MASK_EVERYTHING)
    raw = text.encode()
    pieces = [stream.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
    return b"".join([*pieces, stream.finish()]).decode()
