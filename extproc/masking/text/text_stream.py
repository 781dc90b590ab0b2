"""Mask a text that comes in pieces, and send on what can be no part of anything that is still to come.

Text is cut behind a line end, or behind a blank that follows a letter or mark with which no entity goes on. What
stands on one side of a cut is found without the other side, but for words that tell what a number is: so the last
``CONTEXT`` characters before a cut are looked at again. Two entities reach over line ends: private keys, and
groups of digits with line ends between them. Nothing is sent that could be the beginning of one.

A text that may turn out to be JSON is held back until that is known, since JSON is read in another way.
"""

import codecs
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from extproc.detectors.analyzer import DECODED_DEEPEST
from extproc.detectors.decoders import escapes, percent, references
from extproc.detectors.fold import fold
from extproc.masking.edits import apply
from extproc.masking.formats import refuse_nul
from extproc.masking.json.json_masker import Walk
from extproc.masking.text.json_prefix import JsonPrefix
from extproc.masking.text.text_masker import Before, Found, Hit, hits_of
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable

CONTEXT = 128
"""Characters before a text that may tell what is in it: 40 for a word, 40 more for a label around that."""
CONTEXT_SPELLED = 4_096
"""The same where each may be spelled by several, also twice over: ``%26%23112%3B``."""
SLICE = 1 << 16
"""Bytes that are looked at together."""
WORK, CREDIT = 4, 1 << 16
"""How often each character may be looked at because nothing could be sent, and characters on top of that."""
GATHER = 64
"""Characters that are waited for where a line end could not be sent and the next one looks the same."""
LINES_AHEAD = 3
"""Line ends in the longest number that reaches over lines."""
LINE = re.compile(r"\n")
WORD = re.compile(r"\n|(?<=[g-z,:!?]) ")
"""No entity goes on with a blank behind these, in whatever spelling: digits and capitals are left out, and a to f,
which may end a percent-encoded one."""
NEAR = 64
"""Characters on each side of a line end that tell whether a number may reach over it."""
_FIRST_GROUP = re.compile(r"(?<![0-9._/])[0-9]{3,4}\Z|[%&\\]\S*\Z")
_GROUP_ALONE = re.compile(r"(?:\A|\n)[0-9]{2,6}\Z|[%&\\]\S*\Z")
_MAY_BE_GROUP_ALONE = re.compile(r"[0-9]{2,6}\r?\n|[0-9]{0,6}\r?\Z|[0-9]*[%&\\]")
_MAY_BE_GROUP = re.compile(r"[0-9%&\\]|\Z")


class _Pieces:
    """A text that grows, and is not copied each time."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.size = 0

    def add(self, more: str) -> None:
        self._pieces.append(more)
        self.size += len(more)

    def text(self) -> str:
        if len(self._pieces) != 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def drop(self, characters: int) -> None:
        """Take so many away from its beginning."""
        self._pieces = [self.text()[characters:]]
        self.size -= characters


class _Part(NamedTuple):
    """What stands between two cuts, folded, or its end."""

    text: str
    told: int
    """Characters that it spells, at least: nothing is spelled over a cut."""


class _Passed:
    """The end of what is gone, as far as it may tell what follows: ``CONTEXT`` characters, however spelled."""

    def __init__(self) -> None:
        self._parts: deque[_Part] = deque()
        self._size = self._told = 0
        self.text = ""

    def add(self, part: _Part) -> None:
        """This went, too."""
        self._parts.append(part)
        self._size += len(part.text)
        self._told += part.told
        while (
            self._told - self._parts[0].told >= CONTEXT or self._size - len(self._parts[0].text) >= CONTEXT_SPELLED
        ):
            first = self._parts.popleft()
            self._size -= len(first.text)
            self._told -= first.told
        text = "".join([each.text for each in self._parts])
        if self._told == self._size:
            text = text[-CONTEXT:]
        self.text = text[-CONTEXT_SPELLED:]


def _part(text: str) -> _Part:
    folded = fold(text).text
    near = folded[-CONTEXT:]
    if not any(mark in near for mark in "%&\\"):
        return _Part(near, len(near))
    near = folded[-CONTEXT_SPELLED:]
    return _Part(near, _spelled(near, DECODED_DEEPEST))


def _spelled(text: str, deep: int) -> int:
    """How many characters it is when it is decoded so often, at least."""
    views = [view.text for decoder in (percent, references, escapes) for view in decoder(text)] if deep else []
    return min([len(fold(text).text), *(_spelled(view, deep - 1) for view in views)])


class TextStreamMasker:
    """Masks one text in UTF-8 (``extproc.masking.stream_masker.StreamMasker``).

    Whatever is found in the whole is masked in the same way, wherever the text was cut. One thing differs: what
    masks leave can look like a new entity together with what is beside it, and of that a part may be sent already.
    The rest of it is masked.
    """

    def __init__(self, make_walk: Callable[[], Walk], *, limit: int) -> None:
        """Begin a text.

        Args:
            make_walk: masks and collects findings, by one plan.
            limit: characters that may be held back.
        """
        self._make_walk = make_walk
        self._walk = make_walk()
        plan, detectors = self._walk.plan, self._walk.mask.detectors
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._break = LINE if detectors.join_words else WORD
        by_path = plan.root is not None and plan.how_at(plan.root) is not None
        self._needs_whole = by_path or detectors.need_whole
        self._came = JsonPrefix()
        self._goes = JsonPrefix()
        self._whole: _Pieces | None = _Pieces()
        """All of it, while what came or what would go may be JSON; None when neither can."""
        self._is_text = False
        """What came is no JSON."""
        self._waiting = _Pieces()
        """What would go, meanwhile."""
        self._held = _Pieces()
        self._tail = ""
        """Its last character."""
        self._end = 0
        """Where the last break in that is."""
        self._raw, self._sent = _Passed(), _Passed()
        """What came before, as it came and as it went."""
        self._looked = self._got = self._got_then = 0
        self._kept = False
        """Whether the last look left a break where it was."""

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._some(piece[at : at + SLICE]) for at in range(0, len(piece), SLICE))

    def finish(self) -> bytes:
        """See ``StreamMasker.finish``: what was held back."""
        return self._some(b"", last=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._walk.findings

    def _some(self, piece: bytes, *, last: bool = False) -> bytes:
        return self._next(self._decoded(piece, last=last), last=last).encode()

    def _decoded(self, piece: bytes, *, last: bool) -> str:
        refuse_nul(piece)
        try:
            return self._decoder.decode(piece, final=last)
        except UnicodeDecodeError:
            raise Undecodable("body is not-utf8", Uninspectable.NOT_UTF8) from None

    def _next(self, more: str, *, last: bool) -> str:
        if self._whole is None:
            return self._released(more, last=last)
        self._whole.add(more)
        if self._whole.size > self._limit:
            raise MaskingError("a text that may be JSON, or is needed as a whole, is too-large")
        if not self._is_text and not self._needs_whole and not self._came.goes_on(more):
            self._is_text = True
            more = self._whole.text()
        if self._is_text:
            out = self._released(more, last=last)
            self._waiting.add(out)
            if not self._goes.goes_on(out):
                self._whole = None
                return self._waiting.text()
        return self._masked_whole(self._whole.text()) if last else ""

    def _masked_whole(self, whole: str) -> str:
        self._walk = self._make_walk()
        return apply(whole, self._walk.text(whole))

    def _released(self, more: str, *, last: bool) -> str:
        """What may go now."""
        known = self._held.size - len(self._tail)
        found = next(_backwards(self._break, self._tail + more), 0)
        self._end = known + found if found else self._end
        self._held.add(more)
        self._tail = more[-1:] or self._tail
        self._got += len(more)
        if last:
            return self._send(self._held.text(), iter((self._held.size,)), last=True)
        too_much = self._held.size > self._limit
        out = ""
        if self._end and (too_much or (self._looked < WORK * self._got + CREDIT and not self._is_early())):
            self._looked += self._held.size
            self._got_then = self._got
            region = self._held.text()[: self._end]
            out = self._send(region, self._cuts(region))
            self._kept = self._end > 0
        if self._held.size > self._limit:
            raise MaskingError("text that cannot be cut is too-large")
        return out

    def _is_early(self) -> bool:
        """Whether a look would send at most a line of a column of numbers, and cost as much as one at many."""
        if not self._kept or self._got - self._got_then >= GATHER or self._held.size > 4 * GATHER:
            return False
        held = self._held.text()
        return held[self._end - 1] == "\n" and may_reach(held, self._end)

    def _cuts(self, region: str) -> Iterator[int]:
        """Where a region may be cut unless something that is found in it reaches over that; last ones first."""
        ahead = 0
        for at in _backwards(self._break, region):
            if region[at - 1] != "\n" or ahead >= LINES_AHEAD or not may_reach(self._held.text(), at):
                yield at
            ahead += region[at - 1] == "\n"

    def _send(self, region: str, cuts: Iterator[int], *, last: bool = False) -> str:
        """Mask the beginning of what is held, up to the first of the cuts that nothing reaches over."""
        cut = next(cuts, 0)
        if not cut:
            return ""
        before, plan = self._before(), self._walk.plan
        spans = self._walk.mask.spans(region, str, plan, before.raw)
        hits = hits_of(spans, plan)
        while cut and not last and _is_within(hits, cut, len(region)):
            cut = next(cuts, 0)
        text = region[:cut]
        found = Found(
            [], [each for each in spans if each.start < cut], [each for each in hits if each.start < cut]
        )
        out = self._masked(text, found, before)
        self._held.drop(cut)
        self._tail = self._tail if self._held.size else ""
        self._end = max(0, self._end - cut)
        return out

    def _masked(self, text: str, found: Found, before: Before) -> str:
        """Mask a text of which is known what is in it."""
        mask, plan = self._walk.mask, self._walk.plan
        self._walk.begin()
        edits = mask.edits(found.hits, text)
        out = apply(text, edits)
        if (edits or before.changed) and hits_of(mask.spans(out, str, plan, before.sent), plan):
            # New entities came of that. Part by part, so that what is done about it does not depend on the pieces.
            return "".join(map(self._masked_part, _parts(text, self._break, found.hits)))
        self._walk.count(found)
        self._passed(text, out)
        return out

    def _masked_part(self, text: str) -> str:
        found = self._walk.mask.find(text, str, self._walk.plan, before=self._before())
        out = apply(text, self._walk.count(found))
        self._passed(text, out)
        return out

    def _before(self) -> Before:
        return Before(self._raw.text, self._sent.text)

    def _passed(self, text: str, out: str) -> None:
        part = _part(text)
        self._raw.add(part)
        self._sent.add(part if out == text else _part(out))


def may_reach(text: str, at: int) -> bool:
    """Whether a number may reach over the line end before an offset; the rest of the text may be missing.

    A number that does has a line of its own on one side: its first group of digits stands at the end of a line,
    the last one at the beginning of one, and all others alone.
    """
    near = text[max(0, at - 1 - NEAR) : at - 1]
    behind = fold(near).text
    if len(behind) < len(near):
        return True
    behind = behind.removesuffix("\r")
    ahead = fold(text[at : at + NEAR]).text
    first = _FIRST_GROUP.search(behind) and _MAY_BE_GROUP_ALONE.match(ahead)
    return bool(first or (_GROUP_ALONE.search(behind) and _MAY_BE_GROUP.match(ahead)))


def _backwards(breaks: re.Pattern[str], text: str) -> Iterator[int]:
    """Where breaks end, last ones first."""
    end, width = len(text), NEAR
    while end > 0:
        start = max(0, end - width)
        yield from reversed([found.end() for found in breaks.finditer(text, start, end)])
        end, width = start, 4 * width


def _is_within(hits: list[Hit], at: int, end: int) -> bool:
    """Whether an offset is within something that was found, or behind something that may go on at the end."""
    number = bisect_left(hits, at, key=lambda hit: hit.start) - 1
    return number >= 0 and (hits[number].end > at or hits[number].end == end)


def _parts(text: str, breaks: re.Pattern[str], hits: list[Hit]) -> Iterator[str]:
    cuts = (found.end() for found in breaks.finditer(text))
    inside = [at for at in cuts if at < len(text) and not _is_within(hits, at, -1)]
    return (text[one:other] for one, other in pairwise([0, *inside, len(text)]))
