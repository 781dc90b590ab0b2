"""The analyzer: all detectors together.

A text is searched in two steps. The prefilter (``extproc.detectors.prefilter``) tells in one pass which detectors
may find something. Those detectors then search the text, each by its own rules. A document is prescanned as a
whole (``Analyzer.prescan``), and only its strings near a candidate are searched (``Analyzer.run``).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.context import last_name
from extproc.detectors.decoders import DECODERS, Decoder
from extproc.detectors.detector import Detector, Match, Together
from extproc.detectors.detector_set import NONE, DetectorSet
from extproc.detectors.fold import Folded, fold
from extproc.detectors.labels import Labels
from extproc.detectors.packed import RATIO, RATIO_FREE
from extproc.detectors.prefilter import Prefilter
from extproc.detectors.spellings import spelling_at
from extproc.detectors.views import View
from extproc.detectors.vocabulary.key_roles import KEY_LONGEST
from extproc.detectors.vocabulary.names import LETTER
from extproc.model.errors import MaskingError

CONTINUATION = 0x80
"""The first two bits of all bytes of a character but its first (UTF-8, RFC 3629)."""
NAMES_CACHED = 4_096
"""Names for which it is remembered which detectors they tell."""
Context = Callable[[], str]
"""Returns the keys above a text, folded, one per line."""
Candidate = tuple[int, DetectorSet]
"""The offset of a character, and the detectors that may find something there."""
SPELLING_MARKS = "%&\\\x1b"
"""Spellings that a match may begin or end in begin with one of them."""
MAX_DECODED = 3
"""Number of times that text in text is decoded."""


class Prescan(NamedTuple):
    """The result of prescanning a whole document."""

    detectors: DetectorSet
    """Detectors that could find something in some string, key or number; perhaps too many, never too few."""
    candidates: list[Candidate] | None
    """In ascending order. At least one of them lies within each string, key or number in which a detector finds
    something, and names that detector. None if there are too many to be of use: then every string may hold
    something."""


NOTHING_FOUND = Prescan(NONE, [])


class Analyzer:
    """Finds entities in text. Built once, shared by all calls; safe to use from several threads."""

    def __init__(self, detectors: Sequence[Detector] = CATALOGUE, decoders: Sequence[Decoder] = DECODERS) -> None:
        """Compile the prefilter of these detectors, and of the decoders that read text in text for them."""
        self._detectors = tuple(detectors)
        self._decoders = tuple(decoders)
        self._prefilter = Prefilter(self._detectors, self._decoders)
        count = len(self._detectors) + len(self._decoders)
        self._hinted = DetectorSet.of(self._prefilter.hinted)
        self._without_hint = DetectorSet.of(set(range(count)) - self._prefilter.hinted)
        uses_context = {number for number, each in enumerate(self._detectors) if each.hints or each.uses_context}
        self._uses_context = uses_context | set(range(len(self._detectors), count))
        self.naming = DetectorSet.of(number for number, each in enumerate(self._detectors) if each.names)
        """Detectors that find values by their names."""
        self.finding = DetectorSet.of(number for number in range(count) if number not in self.naming)
        """All other detectors, and decoders."""
        self.contextual = DetectorSet.of(self._uses_context)
        """Detectors that use the names of values, and decoders."""
        self._names = [(at, each.names) for at, each in enumerate(self._detectors) if each.names]
        self._names_below = [(at, each.names_below) for at, each in enumerate(self._detectors) if each.names_below]
        self._named: dict[str, DetectorSet] = {}
        self._named_below: dict[str, DetectorSet] = {}
        self._told: dict[str, DetectorSet] = {}
        self._unbroken = [(at, each.unbroken) for at, each in enumerate(self._detectors) if each.unbroken]
        self._giving_way = {each.entity for each in self._detectors if each.gives_way}
        named = {each.entity for each in self._detectors if each.is_generic}
        named -= {each.entity for each in self._detectors if not each.is_generic}
        self._generic = named | self._giving_way
        self._canonical = {detector.entity: detector.canonical for detector in reversed(self._detectors)}
        self._labels = Labels(self._canonical)
        self.join_words = any(detector.joins_words for detector in self._detectors)
        """True if a detector's ``joins_words`` is."""
        self.need_whole = any(detector.needs_whole for detector in self._detectors)
        """True if a detector's ``needs_whole`` is."""
        self.shortest = min((detector.shortest for detector in self._detectors), default=0)
        """Fewest characters of a match of any detector."""
        fold("\u00e9")  # builds its table now rather than in the first call

    def warm_up(self) -> None:
        """Compile now what detectors compile in their first search, so that no call waits for it."""
        shown = [(number, each) for number, each in enumerate(self._detectors) if each.example]
        examples = "\n".join(f"{each.example_key}: {each.example}" for _, each in shown)
        self.run(DetectorSet.of(number for number, _ in shown), examples)

    @property
    def entities(self) -> frozenset[str]:
        """The names of all entities that can be found."""
        return frozenset(self._canonical)

    def may_spell(self, text: str) -> bool:
        """Return whether a decoder may have something to decode in a document or text."""
        return bool(self._prefilter.spelled(_encoded(fold(text).text)))

    def labels_in(self, text: str) -> int:
        """Return the number of labels of masking in a text: of its own entities, and pseudonyms.

        If there is none as the text is written, those count that decoders read in it.

        Raises:
            MaskingError: text in it cannot be decoded.
        """
        count = self._labels.count(text)
        if count or not self._prefilter.has_decoders.search(text):
            return count
        layer = [text]
        budget = _Budget(RATIO * len(text) + RATIO_FREE)
        for _ in range(MAX_DECODED):
            layer = [view.text for each in layer for view in self._views(fold(each).text, budget)]
            if not layer or (count := sum(map(self._labels.count, layer))):
                break
        return count

    def _views(self, text: str, budget: "_Budget") -> Iterator[View]:
        """Yield what decoders read in a folded text.

        Raises:
            MaskingError: it is too large, or a decoder failed.
        """
        numbers = self._prefilter.spelled(_encoded(text))
        decoders = {self._decoders[number - len(self._detectors)].views: None for number in sorted(numbers)}
        for views in decoders:
            yield from _views(views, text, budget)

    def canonical(self, entity: str, found: str) -> str:
        """Return one form for all spellings of the same value, for pseudonyms."""
        return self._canonical[entity](fold(found).text)

    def finds_alone(self, value: str, entity: str) -> bool | None:
        """Return whether a text as a whole is found as an entity; None if that depends on words around it."""
        if any(each.hints or each.uses_context for each in self._detectors if each.entity == entity):
            return None
        return Match(0, len(value), entity) in self.scan(value)

    def readings(self, found: str) -> Iterator[str]:
        """Yield a value as it is written, folded, and as decoders read it where it is spelled in text.

        Views that can be replaced only as a whole are left out: they need not be all of the value.
        """
        layer = [fold(found).text]
        for depth in range(MAX_DECODED + 1):
            yield from layer
            if depth < MAX_DECODED:
                views = (view for text in layer for each in self._decoders for view in each.views(text))
                layer = [fold(view.text).text for view in views if not view.whole]

    def prescan(self, document: str, hinted: DetectorSet = NONE) -> Prescan:
        r"""Search a whole document once, to know which of its strings need no search.

        Args:
            document: JSON or any text, provided that JSON has no ``\u`` and no ``\/`` escapes: text that they
                spell is not seen, and of the escapes themselves only the first one.
            hinted: detectors whose hint is already found, around the document or in another spelling.
        """
        folded = fold(document)
        data = _encoded(folded.text)
        ends = self._prefilter.where(data, (hinted & self._hinted).numbers if hinted else ())
        if ends is None:
            return Prescan(DetectorSet.of(self._possible(data)), None)
        if not ends:
            return NOTHING_FOUND
        detectors = DetectorSet.union({each for _, each in ends})
        if self._folding_made_marks(detectors, document, folded):
            return Prescan(detectors, None)  # the marks are not in the document, so no candidate can tell where
        if len(data) == len(document) and folded.offsets is None:
            return Prescan(detectors, [(end - 1, each) for end, each in ends])
        return Prescan(detectors, _characters(ends, data, folded))

    def detectors_for(self, text: str, outside_documents: str | None = None) -> DetectorSet:
        """Return the detectors that could find something in a text, as ``prescan`` does.

        Args:
            text: documents or any text.
            outside_documents: the part of it that is not in a document; None for all of it. Marks of decoders mean
                nothing elsewhere.
        """
        folded = fold(text)
        possible = self._possible(_encoded(folded.text))
        if not possible:
            return NONE
        if outside_documents is not None and not self._folding_made_marks(possible, text, folded):
            marked = {mark.owner for mark in self._prefilter.marked(_encoded(outside_documents))}
            possible = possible - {owner for owner, _ in self._prefilter.marks if owner not in marked}
        return DetectorSet.of(possible)

    def scan(self, text: str, context: Context = str) -> list[Match]:
        """Find all entities.

        Args:
            text: any text.
            context: returns the keys above the text, folded, one per line.

        Returns:
            Matches by their start; they may overlap.

        Raises:
            MaskingError: a detector failed.
        """
        if len(text) < self.shortest:
            return []
        folded = fold(text)
        numbers, hinted = self._prefilter.which(_encoded(folded.text))
        name = last_name(context())
        numbers = numbers | {*self.named_by(name).numbers, *self.named_below(name).numbers}
        if not self._prefilter.hinted.isdisjoint(numbers) and not context():
            numbers = self._with_hint(numbers, hinted)
        return self._search(numbers, folded, context) if numbers else []

    def run(self, detectors: DetectorSet, text: str, context: Context = str) -> list[Match]:
        """Find the entities of some detectors. ``ALL`` is ``scan``."""
        if detectors.is_all:
            return self.scan(text, context)
        if detectors.meets(self._hinted) and LETTER.search(text) is None:  # only the context may have a hint
            detectors &= self._without_hint | self.told_by(context())
        return self._search(detectors.numbers, fold(text), context) if detectors else []

    def unbroken(self, text: str) -> list[tuple[int, int]]:
        """Return the ranges of a text, folded or not, in which streamed text is not cut: ``Detector.unbroken``."""
        owners = self._prefilter.which(_encoded(fold(text).text)).owners
        return [span for number, ranges in self._unbroken if number in owners for span in ranges(text)]

    def gives_way(self, entity: str) -> bool:
        """Return whether an entity of the same range that has a form of its own takes the place of this one."""
        return entity in self._giving_way

    def named_by(self, name: str) -> DetectorSet:
        """Return the detectors that find the value of a name because of the name; ``NONE`` itself if none does.

        Args:
            name: as it is written; folded or not.
        """
        if not name or not self.naming:
            return NONE
        return _telling(name, self._names, self._named)

    def named_below(self, name: str) -> DetectorSet:
        """Return the detectors for which a name may tell together with the key above it."""
        if not name or not self._names_below:
            return NONE
        return _telling(name, self._names_below, self._named_below)

    def tells(self, name: str) -> bool:
        """Return whether a name of any length tells what its value is."""
        return self.named_by(name[-KEY_LONGEST:]) is not NONE

    def told_by(self, names: str) -> DetectorSet:
        """Return the detectors that may find something because of names; ``NONE`` itself if none does.

        Args:
            names: those of a value, one per line, its own one last; folded or not.
        """
        found = self._told.get(names) if names else NONE
        if found is None:
            if len(self._told) >= NAMES_CACHED:
                self._told.clear()
            owners, hinted = self._prefilter.which(_encoded(f"{fold(names).text}\n"))
            may_name = any(number in self.naming for number in owners)
            found = DetectorSet.of(hinted) | (self.named_by(last_name(names)) if may_name else NONE)
            found = found or NONE
            self._told[names] = found
        return found

    def _possible(self, data: bytes) -> AbstractSet[int]:
        """Return the detectors whose patterns match, and whose hint does if they have one."""
        owners, hinted = self._prefilter.which(data)
        return self._with_hint(owners, hinted) if owners else owners

    def _with_hint(self, numbers: AbstractSet[int], hinted: AbstractSet[int]) -> AbstractSet[int]:
        """Return the detectors that have no hint, or whose hint matches."""
        return {each for each in numbers if each in hinted or each not in self._prefilter.hinted}

    def _folding_made_marks(self, numbers: DetectorSet | AbstractSet[int], text: str, folded: Folded) -> bool:
        """Return whether the folded text has marks of these decoders that the text itself does not have."""
        if folded.text is text:
            return False
        return any(
            number in numbers and folded.text.count(mark) > text.count(mark)
            for number, mark in self._prefilter.marks
        )

    def _search(self, numbers: Collection[int], folded: Folded, context: Context) -> list[Match]:
        keys = "" if self._uses_context.isdisjoint(numbers) else self._labels.hide(context())
        budget = _Budget(RATIO * len(folded.text) + RATIO_FREE)
        found = self._searched(numbers, folded, keys, _Depth(0, False, budget))
        return sorted(set(found), key=self.order) if len(found) > 1 else found

    def _searched(self, numbers: Collection[int], folded: Folded, keys: str, depth: "_Depth") -> list[Match]:
        without_labels = self._labels.hide(folded.text)
        if without_labels is not folded.text:
            folded = Folded(without_labels, folded.offsets)
        found: list[Match] = []
        decoders: dict[Callable[[str], Iterator[View]], None] = {}
        together: dict[Together, list[Detector]] = {}
        for number in numbers:
            if number >= len(self._detectors):
                decoders[self._decoders[number - len(self._detectors)].views] = None
            elif (detector := self._detectors[number]).together is None:
                found += _detected(detector, folded, keys, once=depth.once)
            else:
                together.setdefault(detector.together, []).append(detector)
        for search, detectors in together.items():
            found += _detected_together(search, detectors, folded, keys)
        if found and any(mark in folded.text for mark in SPELLING_MARKS):
            found = list(_without_broken_spellings(found, folded.text))
        found = _original(found, folded)
        for views in decoders if depth.level < MAX_DECODED else ():
            found += self._decoded(views, folded, keys, depth)
        return found

    def order(self, match: Match) -> tuple[int, int, bool, str]:
        """Sort matches by their place; of one place, the most telling entity comes first."""
        return match.start, match.end, match.entity in self._generic, match.entity

    def _decoded(
        self, views: Callable[[str], Iterator[View]], folded: Folded, keys: str, depth: "_Depth"
    ) -> list[Match]:
        """Find matches in the decoded views of a text, and map them back to offsets in the original."""
        found: list[Match] = []
        told = self.told_by(keys)
        with _decoding():
            for view in _views(views, folded.text, depth.budget):
                inner = fold(view.text)
                owners, hinted = self._prefilter.which(_encoded(inner.text))
                if numbers := self._with_hint(owners, {*hinted, *told.numbers}):
                    matches = self._searched(numbers, inner, keys, depth.deeper(once=view.whole))
                    ranges = {(view.original(start, end), entity) for start, end, entity in matches}
                    found += [Match(*folded.original(*each), entity) for each, entity in ranges]
        return found


class _Budget:
    """The bytes that decompression may still add to one text, however deep it is packed."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, added: int) -> None:
        self._left -= added
        if self._left < 0:
            raise MaskingError("compressed text in Base64 is too-large")


def _views(views: Callable[[str], Iterator[View]], text: str, budget: _Budget) -> Iterator[View]:
    """Yield what a decoder reads in a folded text, but for the text itself.

    Raises:
        MaskingError: it is too large, or the decoder failed.
    """
    with _decoding():
        for view in views(text):
            budget.take(view.inflated)
            if view.text != text:
                yield view


@contextmanager
def _decoding() -> Iterator[None]:
    """Make an error of masking of whatever a decoder or its view raises: the call must not pass."""
    try:
        yield
    except MaskingError:
        raise
    except Exception as error:  # noqa: BLE001 - any of them
        raise MaskingError(f"a decoder failed: {type(error).__name__}") from None


class _Depth(NamedTuple):
    """The decodings that made a text of the original one."""

    level: int
    """Number of times."""
    once: bool
    """It is replaced as a whole, so that one match of each entity is enough."""
    budget: _Budget

    def deeper(self, *, once: bool) -> "_Depth":
        return _Depth(self.level + 1, self.once or once, self.budget)


def _telling(
    name: str, tells: Sequence[tuple[int, Callable[[str], bool]]], known: dict[str, DetectorSet]
) -> DetectorSet:
    """Return the detectors that a name tells something, and remember them.

    Args:
        name: as it is written.
        tells: detectors, each with what says whether a folded name tells.
        known: what is remembered.
    """
    found = known.get(name)
    if found is None:
        if len(known) >= NAMES_CACHED:
            known.clear()
        folded = fold(name).text
        found = known[name] = DetectorSet.of(number for number, each in tells if each(folded))
    return found


def _detected(detector: Detector, folded: Folded, keys: str, *, once: bool) -> list[Match]:
    entity = detector.entity
    try:
        ranges = detector.find(folded.text, keys)
        matches = [Match(start, end, entity) for start, end in (islice(ranges, 1) if once else ranges)]
    except MaskingError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
        raise _failed(entity, error) from None
    return matches


def _detected_together(search: Together, detectors: list[Detector], folded: Folded, keys: str) -> list[Match]:
    finds = [each.find for each in detectors]
    try:
        matches = [Match(start, end, detectors[at].entity) for at, start, end in search(finds, folded.text, keys)]
    except MaskingError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a detector does, the call must not pass
        raise _failed(detectors[0].entity, error) from None
    return matches


def _failed(entity: str, error: Exception) -> MaskingError:
    return MaskingError(f"detector {entity} failed: {type(error).__name__}")


def _without_broken_spellings(matches: list[Match], text: str) -> Iterator[Match]:
    """Yield matches without the parts of spellings at their ends: of ``ESC [ 31 m`` and the text behind it."""
    for start, end, entity in matches:
        begun, cut = spelling_at(text, start), spelling_at(text, end)
        start, end = begun[1] if begun else start, cut[0] if cut else end  # noqa: PLW2901
        if start < end:
            yield Match(start, end, entity)


def _original(matches: list[Match], folded: Folded) -> list[Match]:
    if folded.offsets is None:
        return matches
    return [Match(*folded.original(start, end), entity) for start, end, entity in matches]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _characters(ends: list[Candidate], data: bytes, folded: Folded) -> list[Candidate]:
    """Map ends in bytes of the folded text to offsets of characters in the original text."""
    characters: list[Candidate] = []
    passed = count = 0
    for found, owner in ends:
        end = _character_end(found, data)
        count += len(data[passed:end].decode("utf-8", "surrogatepass"))
        passed = end
        offset = count - 1
        characters.append((offset if folded.offsets is None else folded.offsets[offset], owner))
    return characters


def _character_end(at: int, data: bytes) -> int:
    """Return the end of the character of which a match may have taken only the first bytes."""
    while at < len(data) and data[at] & 0xC0 == CONTINUATION:
        at += 1
    return at
