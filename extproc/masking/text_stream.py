"""Mask streamed text. A prefix is released once no entity can reach across its end.

Theory of operation
===================

The stream goes through three phases, never back:

``Phase.INPUT_MAY_BE_JSON``
    The input so far may be the beginning of JSON, which is masked in another way (escapes, paths). Everything is
    held back. If the input ends in this phase, it is masked as a whole. A plan that masks the whole text, or a
    detector that needs the whole text, keeps the stream in this phase to the end.
``Phase.OUTPUT_MAY_BE_JSON``
    The input is not JSON, but the masked output so far may be the beginning of JSON: nobody would have looked
    inside it. Text is masked piece by piece, and the output is held back. If the input ends in this phase, the
    whole is masked once more, as JSON.
``Phase.RELEASING``
    Neither is JSON. Masked text is sent as soon as it can be.

Text is released at *breaks*: behind a line end, or behind a blank that follows a letter or mark with which no
entity continues. Between two breaks an entity is found without the text on the other side, except for words that
are its context: so the last ``CONTEXT`` characters before a break are scanned again with what follows. Two
entities reach across line ends: private keys, and groups of digits with line ends between them. A break is
skipped if something found reaches across it, or a number may (``may_reach``).

Each scan looks at all that is held back. To keep the work linear, a scan is made only if it may release something:
scanned characters stay below ``WORK`` times the received ones plus ``CREDIT``, and after a scan that could not
release the last break the next one waits for ``GATHER`` characters.
"""

import codecs
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import NamedTuple

from extproc.detectors.analyzer import MAX_DECODED
from extproc.detectors.detector_set import NONE
from extproc.detectors.fold import fold
from extproc.detectors.packed import LINE_SHORTEST, lines_that_are_one
from extproc.detectors.spellings import SOFT_BREAK, TAG_LONGEST, quoted_printable, spelled
from extproc.masking.edits import apply
from extproc.masking.formats import refuse_nul
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.json.position import KnownPosition
from extproc.masking.plan.json_path import Location
from extproc.masking.text.json_prefix import JsonPrefix
from extproc.masking.text.sql_values import unbroken
from extproc.masking.text.text_masker import Before, MergedMatch, ScanResult, merge_matches
from extproc.masking.text.text_tables import AT_START as NO_TABLE
from extproc.masking.text.text_tables import State, Tables
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable

CONTEXT = 128
"""Characters before a text that may be context: 40 for a word, 40 more for a label around it."""
CONTEXT_SPELLED = 4_096
"""The same where several characters may spell each of them, twice over: ``%26%23112%3B``."""
SLICE = 1 << 16
"""Most bytes that are processed together."""
WORK, CREDIT = 4, 1 << 16
"""Repeated scans of each character at most, because nothing could be released, and characters on top of
that."""
GATHER = 64
"""Characters to wait for when a line end could not be released and the next one looks the same."""
LINES_AHEAD = 3
"""Line ends in the longest number that reaches over lines."""
LINE = re.compile(r"\n")
WORD = re.compile(r"\n|(?<=[g-z,:!?]) ")
"""No entity continues with a blank behind these characters, however it is spelled. Digits and capitals are left
out, and a to f, which may end a percent-encoded one."""
NEAR = 64
"""Characters on each side of a line end that tell whether a number may reach across it."""
_MAY_SPELL = re.compile(r"[%&\\\x1b]|=[0-9A-F\r\n]|<[A-Za-z/!]")
_SPELLED_END = r"[%&\\]\S*\Z|<[bB][rR] ?/?>[ \t]?\Z"
_FIRST_GROUP = re.compile(rf"(?<![0-9._/])[0-9]{{3,4}}\Z|{_SPELLED_END}")
_GROUP_ALONE = re.compile(rf"(?:\A|\n)[0-9]{{2,6}}\Z|{_SPELLED_END}")
_MAY_BE_GROUP_ALONE = re.compile(r"[0-9]{2,6}(?:<[bB][rR] ?/?>)?\r?\n|[0-9]{0,6}\r?\Z|[0-9]*[%&\\<]")
_MAY_BE_GROUP = re.compile(r"[0-9%&\\]|\Z")
_WRAPPED = re.compile(r"(?<![0-9])[0-9]{4}(?P<more>[ -][0-9]{4,6})? ?\Z")
_MAY_BE_WRAPPED = re.compile(r"[ \t>]{0,8}(?:[0-9]{0,3}\Z|[0-9]{4})")
_MAY_BE_WRAPPED_GROUPS = re.compile(r"[ \t>]{0,8}(?:[0-9]{0,6}\Z|[0-9]{4,6}[ -](?:[0-9]{0,3}\Z|[0-9]{4}))")
"""Groups by blanks that go on in the next line."""
SOFT_LINES = 128
"""Line ends of quoted-printable that are no line ends, and may stand in one entity, such as a token."""
_IN_TAG = re.compile(rf"<[A-Za-z/!][^<>]{{0,{TAG_LONGEST + 16}}}\Z")
_ENDS_IN_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{LINE_SHORTEST}}}={{0,2}}\r?\n\Z")


class Phase(Enum):
    """The phases of a stream. See the module."""

    INPUT_MAY_BE_JSON = auto()
    OUTPUT_MAY_BE_JSON = auto()
    RELEASING = auto()


class _Pieces:
    """A text that grows by pieces, without being copied for each of them."""

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
        """Drop characters from the beginning."""
        self._pieces = [self.text()[characters:]]
        self.size -= characters


@dataclass(slots=True)
class _Undecided:
    """The text while it, or its masked form, may be JSON."""

    input: _Pieces = field(default_factory=_Pieces)
    input_prefix: JsonPrefix = field(default_factory=JsonPrefix)
    output: _Pieces = field(default_factory=_Pieces)
    output_prefix: JsonPrefix = field(default_factory=JsonPrefix)


@dataclass(slots=True)
class _Held:
    """Text that is not JSON and that is not released yet."""

    pieces: _Pieces = field(default_factory=_Pieces)
    last_character: str = ""
    """Its last character: a break may consist of it and the next one."""
    last_break: int = 0
    """Offset behind the last break in it; 0 if there is none."""

    def add(self, more: str, breaks: re.Pattern[str]) -> None:
        """Append text, and look for breaks in it."""
        known = self.pieces.size - len(self.last_character)
        found = next(_backwards(breaks, self.last_character + more), 0)
        self.last_break = known + found if found else self.last_break
        self.pieces.add(more)
        self.last_character = more[-1:] or self.last_character

    def drop(self, characters: int) -> None:
        """Drop characters that are released."""
        self.pieces.drop(characters)
        self.last_character = self.last_character if self.pieces.size else ""
        self.last_break = max(0, self.last_break - characters)


@dataclass(slots=True)
class _Effort:
    """Characters that came and were scanned: bounds the work."""

    received: int = 0
    scanned: int = 0
    received_at_last_scan: int = 0
    blocked: bool = False
    """The last scan could not release the last break."""

    def is_affordable(self) -> bool:
        """Return whether another scan stays within the bound."""
        return self.scanned < WORK * self.received + CREDIT

    def gathers(self) -> bool:
        """Return whether the last scan was blocked and few characters came since."""
        return self.blocked and self.received - self.received_at_last_scan < GATHER

    def scan(self, characters: int) -> None:
        """Count a scan."""
        self.scanned += characters
        self.received_at_last_scan = self.received


class _Tail(NamedTuple):
    """The end of the folded text between two breaks."""

    text: str
    spells: int
    """Fewest characters that it spells. No spelling reaches across a break."""


class _Context:
    """The end of the released text, as far as it may be context.

    It is ``CONTEXT`` characters, however they are spelled.
    """

    def __init__(self) -> None:
        self._tails: deque[_Tail] = deque()
        self._size = self._spells = 0
        self.text = ""

    def add(self, tail: _Tail) -> None:
        """Append released text, and forget text that is too far away."""
        self._tails.append(tail)
        self._size += len(tail.text)
        self._spells += tail.spells
        while self._is_enough_without(self._tails[0]):
            first = self._tails.popleft()
            self._size -= len(first.text)
            self._spells -= first.spells
        text = "".join([each.text for each in self._tails])
        if self._spells == self._size:
            text = text[-CONTEXT:]
        self.text = text[-CONTEXT_SPELLED:]

    def _is_enough_without(self, tail: _Tail) -> bool:
        return self._spells - tail.spells >= CONTEXT or self._size - len(tail.text) >= CONTEXT_SPELLED


def _tail_of(text: str) -> _Tail:
    folded = fold(text).text
    near = folded[-CONTEXT:]
    if not _MAY_SPELL.search(near):
        return _Tail(near, len(near))
    near = folded[-CONTEXT_SPELLED:]
    return _Tail(near, _spelled(near, MAX_DECODED))


def _spelled(text: str, depth: int) -> int:
    """Return the fewest characters that a text is when it is decoded up to ``depth`` times."""
    views = chain(spelled(text), quoted_printable(text)) if depth else ()
    inner = [_spelled(view.text, depth - 1) for view in views if view.text != text]
    return min([len(fold(text).text), *inner])


class TextStreamMasker:
    """Masks one text in UTF-8 (``extproc.masking.stream_masker.StreamMasker``).

    The output is that of masking the whole, wherever the text was cut. One thing differs: labels can look like a
    new entity together with the text beside them, of which a part may be released already. The rest is masked.
    """

    def __init__(self, make_masker: Callable[[], JsonMasker], *, limit: int, location: Location = ()) -> None:
        """Begin a text.

        Args:
            make_masker: makes a masker with an empty log, always by the same plan.
            limit: most characters that may be held back.
            location: where the text is in the documents that it comes from.
        """
        self._make_masker = make_masker
        self._location = location
        self._masker = make_masker()
        plan, analyzer = self._masker.plan, self._masker.analyzer
        self._plan = plan.entities_at(plan.state_at(location))
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._breaks = LINE if analyzer.join_words else WORD
        self._needs_whole = plan.operator_at(plan.state_at(location)) is not None or analyzer.need_whole
        self._phase = Phase.INPUT_MAY_BE_JSON
        self._undecided = _Undecided()
        self._held = _Held()
        self._effort = _Effort()
        self._raw, self._sent = _Context(), _Context()
        """The end of the released text, as it came and as it was sent."""
        self._tables = NO_TABLE
        self._sent_tables = NO_TABLE
        """What is remembered of the tables in the released text, as it came and as it was sent."""

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._feed(piece[at : at + SLICE]) for at in range(0, len(piece), SLICE))

    def finish(self) -> bytes:
        """See ``StreamMasker.finish``: releases all text that is held back."""
        return self._feed(b"", last=True)

    def feed_text(self, piece: str) -> str:
        """As ``feed``, for text that is decoded already. It may hold a NUL."""
        return "".join(self._advance(piece[at : at + SLICE], last=False) for at in range(0, len(piece), SLICE))

    def finish_text(self) -> str:
        """As ``finish``, for ``feed_text``."""
        return self._advance("", last=True)

    @property
    def held(self) -> int:
        """Characters that are held back."""
        return self._undecided.input.size + self._undecided.output.size + self._held.pieces.size

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._masker.findings

    def _feed(self, piece: bytes, *, last: bool = False) -> bytes:
        return self._advance(self._decoded(piece, last=last), last=last).encode()

    def _decoded(self, piece: bytes, *, last: bool) -> str:
        refuse_nul(piece)
        try:
            return self._decoder.decode(piece, final=last)
        except UnicodeDecodeError:
            raise Undecodable("body is not-utf8", Uninspectable.NOT_UTF8) from None

    def _advance(self, more: str, *, last: bool) -> str:
        """Take decoded text; return what may be sent, whatever the phase."""
        if self._phase is Phase.RELEASING:
            return self._released(more, last=last)
        undecided = self._undecided
        undecided.input.add(more)
        if undecided.input.size > self._limit:
            raise MaskingError("text that has to be masked as a whole is too-large")
        if self._phase is Phase.INPUT_MAY_BE_JSON and not (
            self._needs_whole or undecided.input_prefix.may_be_json_with(more)
        ):
            self._phase = Phase.OUTPUT_MAY_BE_JSON
            more = undecided.input.text()
        if self._phase is Phase.OUTPUT_MAY_BE_JSON:
            out = self._released(more, last=last)
            undecided.output.add(out)
            if not undecided.output_prefix.may_be_json_with(out):
                self._phase, self._undecided = Phase.RELEASING, _Undecided()
                return undecided.output.text()
        return self._masked_whole(undecided.input.text()) if last else ""

    def _masked_whole(self, whole: str) -> str:
        self._masker = self._make_masker()
        return apply(whole, self._masker.text(whole, location=self._location))

    def _released(self, more: str, *, last: bool) -> str:
        """Hold text that is not JSON; return the masked prefix that may be released."""
        held, effort = self._held, self._effort
        held.add(more, self._breaks)
        effort.received += len(more)
        if last:
            return self._release(held.pieces.text(), iter((held.pieces.size,)), last=True)
        out = ""
        if held.last_break and (held.pieces.size > self._limit or (effort.is_affordable() and not self._waits())):
            effort.scan(held.pieces.size)
            region = held.pieces.text()[: held.last_break]
            out = self._release(region, self._cuts(region))
            effort.blocked = held.last_break > 0
        if held.pieces.size > self._limit:
            raise MaskingError("text without a place to cut it is too-large")
        return out

    def _waits(self) -> bool:
        """Return whether to wait before the next scan.

        In a column of numbers it would release at most one line, and cost as much as a scan of many.
        """
        held = self._held
        if not self._effort.gathers() or held.pieces.size > 4 * GATHER:
            return False
        text = held.pieces.text()
        return text[held.last_break - 1] == "\n" and may_reach(text, held.last_break)

    def _cuts(self, region: str) -> Iterator[int]:
        """Yield breaks, last ones first, at which a region may be cut unless a match reaches across them."""
        held = self._held.pieces.text()
        packed: list[tuple[int, int]] | None = None
        ahead = 0
        for at in _backwards(self._breaks, region):
            is_line = region[at - 1] == "\n"
            if is_line and packed is None and _ENDS_IN_BASE64.search(region, max(0, at - 2 * LINE_SHORTEST), at):
                packed = list(_lines_of_base64(held))
            if packed and _is_in(packed, at, len(held)):
                reaches = True
            elif is_line:
                reaches = (ahead < LINES_AHEAD and may_reach(held, at)) or (
                    ahead < SOFT_LINES and SOFT_BREAK.search(region, max(0, at - NEAR), at) is not None
                )
            else:
                reaches = _IN_TAG.search(region, max(0, at - 2 * TAG_LONGEST), at) is not None
            if not reaches:
                yield at
            ahead += is_line

    def _release(self, region: str, cuts: Iterator[int], *, last: bool = False) -> str:
        """Mask and release held text up to the first of the cuts that no match reaches across."""
        cut = next(cuts, 0)
        if not cut:
            return ""
        before, plan, text_masker = self._before(), self._plan, self._masker.text_masker
        tables = Tables(region, self._tables)
        in_prose = text_masker.in_prose(region, str, plan, before.raw)
        matches = text_masker.in_cells(in_prose, region, str, tables)
        exempt = text_masker.exempt(matches, region, plan)
        masked = merge_matches(matches, plan, exempt)
        same = matches is in_prose and not exempt
        uncut = masked if same else merge_matches(sorted({*in_prose, *matches}), plan)
        unbroken = [] if last else self._unbroken(region)
        while (
            cut
            and not last
            and (
                _is_within(uncut, cut, len(region))
                or not tables.may_cut(cut)
                or _is_in(unbroken, cut, len(region))
            )
        ):
            cut = next(cuts, 0)
        result = ScanResult(
            [],
            [each for each in matches if each.start < cut],
            [each for each in masked if each.start < cut],
            exempt,
        )
        out = self._masked(region[:cut], result, before, tables.after(cut))
        self._held.drop(cut)
        return out

    def _unbroken(self, region: str) -> list[tuple[int, int]]:
        """Return the stretches of a region, apart from each other, in which it is not cut."""
        before, analyzer = self._raw.text, self._masker.analyzer
        statements = ((start + len(before), end + len(before)) for start, end in self._statements(region))
        spans = sorted([*analyzer.unbroken(before + region), *statements])
        ends = accumulate((end for _, end in spans), max)
        behind = [(start - len(before), end - len(before)) for (start, _), end in zip(spans, ends, strict=True)]
        return [each for each in behind if each[1] > 0]

    def _statements(self, region: str) -> Iterator[tuple[int, int]]:
        told_by = self._masker.analyzer.told_by
        return unbroken(region, lambda name: told_by(name) is not NONE)

    def _masked(self, text: str, result: ScanResult, before: Before, tables: State) -> str:
        """Mask a text with known matches, and log them.

        Args:
            text: the text.
            result: its matches.
            before: the text before it.
            tables: what has to be remembered of it.
        """
        text_masker, plan = self._masker.text_masker, self._plan
        self._masker.begin_document()
        edits = text_masker.edits(result.masked, text)
        out = apply(text, edits)
        if (edits or before.changed) and text_masker.merged(out, str, plan, before):
            # Labels formed new entities. Part by part, so that the output does not depend on the pieces.
            uncut = merge_matches(result.matches, plan)
            return "".join(map(self._masked_part, self._parts(text, uncut)))
        self._masker.log(result, KnownPosition(self._location))
        self._note_released(text, out, tables)
        return out

    def _masked_part(self, text: str) -> str:
        result = self._masker.text_masker.find(text, str, self._plan, before=self._before())
        out = apply(text, self._masker.log(result, KnownPosition(self._location)))
        self._note_released(text, out, Tables(text, self._tables).after(len(text)))
        return out

    def _parts(self, text: str, masked: list[MergedMatch]) -> Iterator[str]:
        """Cut a text at the breaks that no match and no row of a table reaches across."""
        tables = Tables(text, self._tables)
        unbroken = self._unbroken(text)
        cuts = (found.end() for found in self._breaks.finditer(text) if not _is_in(unbroken, found.end(), -1))
        inside = [at for at in cuts if at < len(text) and not _is_within(masked, at, -1) and tables.may_cut(at)]
        return (text[one:other] for one, other in pairwise([0, *inside, len(text)]))

    def _before(self) -> Before:
        return Before(self._raw.text, self._sent.text, self._tables, self._sent_tables)

    def _note_released(self, text: str, out: str, tables: State) -> None:
        tail = _tail_of(text)
        self._raw.add(tail)
        self._sent.add(tail if out == text else _tail_of(out))
        same = out == text and self._sent_tables == self._tables
        self._tables = tables
        self._sent_tables = tables if same else Tables(out, self._sent_tables).after(len(out))


def may_reach(text: str, at: int) -> bool:
    """Return whether a number may reach across the line end before an offset. Text may be missing at the end.

    Such a number has a separate line on one side: its first group of digits stands at the end of a line,
    its last group at the beginning of a line, and all others alone.
    """
    near = text[max(0, at - 1 - NEAR) : at - 1]
    behind = fold(near).text
    if len(behind) < len(near):
        return True
    behind = behind.removesuffix("\r")
    ahead = fold(text[at : at + NEAR]).text
    wrapped = _WRAPPED.search(behind)
    if wrapped and (_MAY_BE_WRAPPED if wrapped["more"] else _MAY_BE_WRAPPED_GROUPS).match(ahead):
        return True
    first = _FIRST_GROUP.search(behind) and _MAY_BE_GROUP_ALONE.match(ahead)
    return bool(first or (_GROUP_ALONE.search(behind) and _MAY_BE_GROUP.match(ahead)))


def _backwards(breaks: re.Pattern[str], text: str) -> Iterator[int]:
    """Yield the offsets behind breaks, last ones first."""
    end, width = len(text), NEAR
    while end > 0:
        start = max(0, end - width)
        yield from reversed([found.end() for found in breaks.finditer(text, start, end)])
        end, width = start, 4 * width


def _lines_of_base64(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of Base64 in lines that are one text, as detectors see them: in folded text."""
    folded = fold(text)
    for start, end in lines_that_are_one(folded.text):
        first, last = folded.original(start, end)
        yield first, len(text) if end == len(folded.text) else last


def _is_in(stretches: list[tuple[int, int]], at: int, end: int) -> bool:
    """Return whether an offset is within one of some stretches, or at the end of one that may go on."""
    number = bisect_left(stretches, at, key=itemgetter(0)) - 1
    return number >= 0 and (stretches[number][1] > at or stretches[number][1] == at == end)


def _is_within(masked: list[MergedMatch], at: int, end: int) -> bool:
    """Return whether an offset is within a match, or behind one that ends at ``end`` and may continue there."""
    number = bisect_left(masked, at, key=lambda match: match.start) - 1
    return number >= 0 and (masked[number].end > at or masked[number].end == end)
