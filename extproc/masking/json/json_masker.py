r"""Mask a JSON document and the JSON in its strings; also a text that may or may not be JSON.

Theory of operation, for one document:

1. **Prescan.** The analyzer searches the document as a whole. The result names the detectors that could find
   something anywhere in it, and candidates: offsets near which they could. Most documents have none, and no path
   can match in them; they are not scanned at all.
2. **Escapes.** Text that JSON spells in ``\u`` or ``\/`` escapes is not seen by a prescan. It is decoded first,
   and every value with such an escape becomes a candidate for all detectors.
3. **Scan.** The scanner visits the values with a candidate, and those that a path may lead to.
4. **Edits.** Each visit becomes edits of the decoded value, carried over to offsets in the document. A string that
   is itself a document is scanned in the same way, one level deeper.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from extproc.codecs.json_units import Offsets, quote, unquote
from extproc.codecs.strict_json import check_text
from extproc.codecs.unreadable import Unreadable
from extproc.detectors.analyzer import Candidate, Prescan
from extproc.detectors.context import NO_NAME, last_name
from extproc.detectors.detector_set import ALL, NONE, DetectorSet
from extproc.detectors.fold import fold
from extproc.detectors.vocabulary.key_roles import KEY_LONGEST
from extproc.masking.edits import Edit, apply, joined
from extproc.masking.findings import FindingLog
from extproc.masking.json.encoded_values import EncodedValues, Where
from extproc.masking.json.message_places import MessagePlaces, encoded_values, may_hold_encoded
from extproc.masking.json.named_values import Layout, add_named
from extproc.masking.json.position import NO_LOCATION, KnownPosition, NamedPosition, Position, Span
from extproc.masking.json.scanner import ContainerVisit, KeysVisit, KeyVisit, ScalarVisit, Scanner
from extproc.masking.plan.compiled_plan import CompiledPlan
from extproc.masking.plan.entity_plan import strictest
from extproc.masking.plan.json_path import Location, PathState
from extproc.masking.plan.operators import FIELD, REDACTED
from extproc.masking.stream_masker import failed
from extproc.masking.text.text_masker import NOTHING_FOUND, ScanResult, TextMasker
from extproc.model.errors import MaskingError
from extproc.model.masking import OF_PROTOCOL, PASSED_UNMASKED, Finding, MaskOperator
from extproc.model.message_shape import NOWHERE, Holds, MessageShape

KEYS_CACHED = 4_096
"""Keys that are remembered as they are in the context."""
MAX_NESTED = 8
"""Levels of documents in strings of documents, at most."""
NO_DOCUMENT = -1
"""The level of a text that is not in a document."""
MARK = "\ufeff"
"""The byte order mark of a text."""
KEY = "KEY"
"""The entity of an edit that replaces a key."""
LABEL = re.compile(r"\[[A-Z_]+\]")
"""A label of masking looks like JSON at first sight."""
AROUND_JSON = " \t\n\r\ufeff"
ENDS = {"{": "}", "[": "]", '"': '"'}
_POINT_ZERO = re.compile(r"(?<=[0-9])\.0+\Z")
"""The end of an integer that was printed as a float."""
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_HIDING = re.compile(r"\\[u/]")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def hides_text(text: str) -> bool:
    """Return whether JSON in this text may spell letters and digits in escapes."""
    return "\\" in text and _HIDING.search(text) is not None


class _Around(NamedTuple):
    """The documents around a text."""

    level: int
    """Number of documents; ``NO_DOCUMENT`` for a text that is not in a document."""
    detectors: DetectorSet
    """Detectors that could find something in the outermost one."""
    places: MessagePlaces | None = None
    """Those of the document, if it is a message; None for any other text, such as JSON in a string."""


class JsonMasker:
    """Masks the texts of one body or stream by one plan, and logs the findings."""

    def __init__(
        self,
        text_masker: TextMasker,
        plan: CompiledPlan,
        log: FindingLog,
        *,
        max_depth: int,
        shape: MessageShape | None = None,
    ) -> None:
        """Mask by a plan.

        Args:
            text_masker: finds entities.
            plan: what to mask.
            log: takes the findings.
            max_depth: most nested arrays and objects, for each document by itself.
            shape: that of the documents, where they are messages of a protocol that has one.
        """
        self.shape = shape
        self._encoded = None if shape is None else EncodedValues(self, is_recorded=shape.is_recorded)
        self.text_masker = text_masker
        self.analyzer = text_masker.analyzer
        self.plan = plan
        self._log = log
        self._max_depth = max_depth
        self._context: tuple[Sequence[str], str] = ([], "")
        """The keys above the last text for which context was needed, and that context."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, in order of first appearance."""
        return self._log.findings

    @property
    def found_in_document(self) -> int:
        """Number of findings in the last document or text, masked or not."""
        return self._log.in_document

    def document(self, text: str, prescan: Prescan | None = None) -> list[Edit]:
        """Return the edits of a document that ``check_text`` accepts; for ``prescan`` see ``text``."""
        root, detectors, prescan = self._open(text, prescan, self.plan.root, is_document=True)
        if root is None and detectors is NONE and not self.may_hold_encoded(text):
            return []
        return self._scan(text, NO_LOCATION, root, _Around(0, detectors, self._places(text)), prescan)

    def text(self, text: str, prescan: Prescan | None = None, location: Location = ()) -> list[Edit]:
        """Return the edits of a text that may be JSON or not.

        Args:
            text: the text.
            prescan: its prescan; None if it was not prescanned yet.
            location: where it is in the documents that it comes from.
        """
        if text.startswith(MARK):  # readers skip it, also in front of JSON
            edits = self.text(text[len(MARK) :], None, location)
            return [each._replace(start=each.start + len(MARK), end=each.end + len(MARK)) for each in edits]
        state, at = self.plan.state_at(location), KnownPosition(location)
        return self._text(text, prescan, state, at, is_message=not location)

    def plain(self, text: str, prescan: Prescan | None = None) -> list[Edit]:
        """As ``text``, but without following paths: for a header's value, a URL, a comment."""
        return self._text(text, prescan, None, NO_LOCATION)

    def part(
        self,
        text: str,
        location: Location,
        state: PathState | None,
        detectors: DetectorSet = ALL,
        *,
        name: str = "",
    ) -> list[Edit]:
        """Return the edits of one of several texts that form a body, such as a form's values.

        Args:
            text: JSON or not.
            location: where it is.
            state: the state of the paths there.
            detectors: those that could find something in it.
            name: what another part of the body calls it; empty if none does.
        """
        around, at = _Around(NO_DOCUMENT, detectors), _position(location, name)
        operator = self._field_operator(text, state, around)
        if operator is not None:
            return [Edit(0, len(text), self._field(operator, text, at, state, detectors) or "", FIELD)]
        return self._inner(text, at, state, around, detectors)

    def redact_container(self, operator: MaskOperator, location: Location) -> MaskOperator:
        """Log an array, object or binary value that is masked as a whole; return how it is to be masked.

        Its last four characters would say nothing useful, so that everything but ``remove`` redacts it.
        """
        operator = MaskOperator.REMOVE if operator is MaskOperator.REMOVE else MaskOperator.REDACT
        self._log.add(FIELD, location, operator.value)
        return operator

    def log_passed(self, location: Location) -> None:
        """Log a value that could not be searched, and passes unmasked."""
        self._log.add(PASSED_UNMASKED.entity, location, PASSED_UNMASKED.how)

    def log(self, result: ScanResult, at: Position = NO_LOCATION) -> list[Edit]:
        """Log the matches in a text, and how they were masked; return its edits."""
        if result.matches:
            location = at.location()
            for match, how in result.outcomes():
                self._log.add(match.entity, location, how)
        return result.edits

    def begin_document(self) -> None:
        """Begin the next of several messages: the limit of entities is for each of them."""
        self._log.begin_document()

    def may_hold_encoded(self, text: str) -> bool:
        """Return whether a message may have something to decode that no prescan sees. Never wrongly false."""
        return self.shape is not None and may_hold_encoded(text)

    def _places(self, text: str) -> MessagePlaces | None:
        return None if self.shape is None else MessagePlaces(self.shape, text)

    def _text(
        self,
        text: str,
        prescan: Prescan | None,
        root: PathState | None,
        at: Position,
        *,
        is_message: bool = False,
    ) -> list[Edit]:
        is_json = self._is_json(text)
        root, detectors, prescan = self._open(text, prescan, root, is_document=is_json)
        if root is None and detectors is NONE and not self.may_hold_encoded(text):
            return []
        if is_json:
            places = self._places(text) if is_message else None
            return self._scan(text, at, root, _Around(0, detectors, places), prescan)
        return self._flat(text, at, root, detectors)

    def _open(
        self, text: str, prescan: Prescan | None, root: PathState | None, *, is_document: bool
    ) -> tuple[PathState | None, DetectorSet, Prescan | None]:
        """Begin a document or text: prescan it as a whole.

        Returns:
            The state of the paths at its root, None if no path can match. The detectors that could find something
            in it. Its prescan, None if candidates have to be looked for again, since the text has escapes.
        """
        self._log.begin_document()
        prescan = prescan or self.analyzer.prescan(text)
        detectors, whole = prescan.detectors, text
        has_escapes = is_document and hides_text(text)
        if has_escapes:
            spelled = list(self._spelled_out(text, 0))
            whole = "\n".join([each for each, _ in spelled])
            outside = "\n".join([each for each, is_outside in spelled if is_outside])
            detectors = self.analyzer.detectors_for(whole, outside)
        plan = self.plan
        if not (plan.may_match(whole) or (detectors is not NONE and plan.may_exempt(whole))):
            root = None
        return root, detectors, None if has_escapes else prescan

    def _spelled_out(self, text: str, level: int) -> Iterator[tuple[str, bool]]:
        """Yield a document, then its strings with escapes decoded, and those of the documents in them.

        Each comes with true if it is not a document.
        """
        yield text, False
        for match in _STRING.finditer(text) if hides_text(text) else ():
            if hides_text(match[0]):
                value = str(json.loads(match[0]))
                if self._is_document(value, level):
                    yield from self._spelled_out(value, level + 1)
                else:
                    yield value, True

    def _scan(
        self,
        text: str,
        base: Position,
        root: PathState | None,
        around: _Around,
        prescan: Prescan | None = None,
    ) -> list[Edit]:
        """Return the edits of a document.

        Args:
            text: the document.
            base: its position.
            root: the state of the paths there.
            around: the documents around it, with itself.
            prescan: its prescan; None if it was not prescanned yet, or has escapes.
        """
        places = around.places
        layout = Layout(self.analyzer, text, *base.keys()[-1:])
        candidates = self._candidates(text, around.detectors, prescan)
        scanner = Scanner(
            text,
            base=base,
            root=root,
            candidates=add_named(self.analyzer, layout, candidates),
            is_whole=lambda state: self.plan.container_operator_at(state) is not None,
        )
        edits: list[Edit] = []
        masked_keys: dict[int, str] = {}
        for visit in scanner.visits():
            match visit:
                case ScalarVisit():
                    if visit.detectors.meets(self.analyzer.contextual):
                        at = layout.position(visit.span[0], visit.at)
                        visit = visit if at is visit.at else visit._replace(at=at)  # noqa: PLW2901
                    edits += (
                        self._string(text, visit, around) if visit.is_string else self._word(text, visit, places)
                    )
                case ContainerVisit():
                    edits.append(self._container(visit))
                case KeyVisit():
                    found = self._find(visit.key, visit.at, None, visit.detectors & self.analyzer.finding)
                    if places is not None and places.keeps_keys(visit.at.location()):
                        self._log_kept(found, visit.at)
                        continue
                    masked = apply(visit.key, self.log(found, visit.at))
                    if masked != visit.key:
                        masked_keys[visit.start] = masked
                        scanner.keep_keys()
                case KeysVisit():
                    edits += _renamed(text, visit.keys, masked_keys)
        return sorted(edits)

    def _candidates(self, text: str, detectors: DetectorSet, prescan: Prescan | None) -> list[Candidate] | None:
        """Return the candidates in a document; None if every value has to be searched."""
        more = [] if self.shape is None else encoded_values(text)
        if detectors is NONE:
            return sorted(more, key=itemgetter(0))
        candidates = (prescan or self.analyzer.prescan(text, detectors)).candidates
        if candidates is None or not (more or hides_text(text)):
            return candidates
        hiding: list[Candidate] = [(match.start(), ALL) for match in _HIDING.finditer(text)]
        return sorted(candidates + hiding + more, key=itemgetter(0))

    def _string(self, text: str, visit: ScalarVisit, around: _Around) -> list[Edit]:
        """Return the edits of one string, in the document's offsets."""
        start, end = visit.span
        value, detectors = unquote(text, start, end), visit.detectors
        if end - start - 2 != len(value):  # a prescan does not see text that escapes spell
            detectors = NONE if around.detectors is NONE else ALL
        edits = self._placed(value, visit, around)
        if edits is None:
            operator = self._field_operator(value, visit.state, around)
            if operator is not None:
                masked = self._field(operator, value, visit.at, visit.state, detectors)
                return [Edit(start, end, "null" if masked is None else quote(masked), FIELD)]
            edits = self._inner(value, visit.at, visit.state, around, detectors)
        return _carried(text, visit.span, edits) if edits else edits

    def _placed(self, value: str, visit: ScalarVisit, around: _Around) -> list[Edit] | None:
        """Return the edits of a string that its place in a message sets apart; None if it has no such place."""
        places = around.places
        place = NOWHERE if places is None else places.at(visit.at.location())
        if places is None or place is NOWHERE or self._encoded is None:
            return None
        where = Where(visit.at, visit.state, around.level)
        match place.holds:
            case Holds.BLOB:
                return self._encoded.blob(value, places.mime_type(visit.at.location()), where)
            case Holds.URI:
                return self._encoded.uri(value, where)
        if self.plan.operator_at(visit.state) is not None or not places.passes_string(place, value):
            return None
        self._log_kept(self._find(value, visit.at, visit.state, ALL), visit.at)
        return []

    def _log_kept(self, result: ScanResult, at: Position) -> None:
        """Log what was found in a value that stays as it is because of its place."""
        for match in result.matches:
            self._log.add(match.entity, at.location(), OF_PROTOCOL if self.plan.masks else "")

    def keep(self, text: str) -> None:
        """Log what is in a text that stays as it is because its place is one for the protocol's own values."""
        self._log_kept(self._find(text, NO_LOCATION, None, ALL), NO_LOCATION)

    def value(self, text: str, where: Where) -> list[Edit]:
        """See ``Values.value``."""
        around = _Around(where.level, ALL)
        operator = self._field_operator(text, where.state, around)
        if operator is not None:
            masked = self._field(operator, text, where.at, where.state, ALL)
            return [Edit(0, len(text), masked or "", FIELD)]
        return self._inner(text, where.at, where.state, around, ALL)

    def found(self, text: str, where: Where) -> list[Edit]:
        """See ``Values.found``."""
        return self.log(self._find(text, where.at, where.state, ALL), where.at)

    def holds_entity(self, text: str) -> bool:
        """See ``Values.holds_entity``."""
        return bool(self._find(text, NO_LOCATION, None, ALL).matches)

    def log_unread(self, location: Location) -> bool:
        """See ``Values.log_unread``."""
        if self.plan.masks:
            self._log.add(FIELD, location, MaskOperator.REDACT.value)
        else:
            self._log.add(PASSED_UNMASKED.entity, location, "")
        return self.plan.masks

    def _word(self, text: str, visit: ScalarVisit, places: MessagePlaces | None) -> list[Edit]:
        """Return the edits of a number or literal."""
        start, end = visit.span
        word = text[start:end]
        if word == "null":
            return []
        operator = None if visit.state is None else self.plan.operator_at(visit.state)
        if operator is not None:
            masked = self._field(operator, word, visit.at, visit.state, visit.detectors)
            return [Edit(start, end, "null" if masked is None else quote(masked), FIELD)]
        if word[0] in "tf":
            return []
        if places is not None and places.passes_number(places.at(visit.at.location()), word):
            if self.plan.masks:  # policy is not told of ids: many look like cards
                self._log_kept(self._find(word, visit.at, visit.state, visit.detectors), visit.at)
            return []
        word = _POINT_ZERO.sub("", word)
        edits = self.log(self._find(word, visit.at, visit.state, visit.detectors), visit.at)
        if not edits:
            return []
        left = apply(word, edits)
        return [Edit(start, end, quote(left) if left else "null", edits[0].entity)]

    def _container(self, visit: ContainerVisit) -> Edit:
        operator = self.plan.container_operator_at(visit.state) or MaskOperator.REDACT
        removed = self.redact_container(operator, visit.at.location()) is MaskOperator.REMOVE
        return Edit(*visit.span, "null" if removed else quote(REDACTED), FIELD)

    def _inner(
        self, text: str, at: Position, state: PathState | None, around: _Around, detectors: DetectorSet
    ) -> list[Edit]:
        """Return the edits of a string's decoded text, in its own offsets."""
        if self._is_document(text, around.level, follows_paths=state is not None):
            whole = self._named_as_a_whole(text, at, state, detectors)
            return whole or self._scan(text, at, state, _Around(around.level + 1, around.detectors))
        return self._flat(text, at, state, detectors, around.level)

    def _named_as_a_whole(
        self, text: str, at: Position, state: PathState | None, detectors: DetectorSet
    ) -> list[Edit]:
        """Return the edits of a document whose name tells that all of it is a value: ``{"password": "[1]"}``."""
        if not detectors.meets(self.analyzer.naming):
            return []
        named = self.analyzer.named_by(last_name(self._context_of(at)))
        return [] if named is NONE else self.log(self._find(text, at, state, named), at)

    def _flat(
        self, text: str, at: Position, state: PathState | None, detectors: DetectorSet, level: int = 0
    ) -> list[Edit]:
        """Return the edits of a text that is not a document, and stands in ``level`` documents."""
        operator = None if state is None else self.plan.operator_at(state)
        if operator is not None and text.strip(AROUND_JSON) != "null":
            return [Edit(0, len(text), self._field(operator, text, at, state, detectors) or "", FIELD)]
        if self._encoded is not None and may_hold_encoded(text):
            read = self._encoded.data_uris(text, Where(at, None, level))
            searched = apply(text, [each._replace(text="." * (each.end - each.start)) for each in read])
            changed = [each for each in read if each.text != text[each.start : each.end]]
            edits = joined([*self.log(self._find(searched, at, state, detectors), at), *changed])
        else:
            edits = self.log(self._find(text, at, state, detectors), at)
        if edits and self._is_json(apply(text, edits), follows_paths=state is not None):
            # The text around JSON is gone, and nothing has searched inside the JSON.
            return [Edit(0, len(text), REDACTED, edits[0].entity)]
        return edits

    def _is_document(self, text: str, level: int, *, follows_paths: bool = True) -> bool:
        """As ``_is_json``, for a string that is nested in ``level`` documents."""
        if not self._is_json(text, follows_paths=follows_paths):
            return False
        if level >= MAX_NESTED:
            raise MaskingError("JSON in strings of JSON is nested too deep")
        return True

    def _is_json(self, text: str, *, follows_paths: bool = True) -> bool:
        """Return whether a text is a document by itself.

        Args:
            text: any text.
            follows_paths: a path could go on into it.

        Raises:
            MaskingError: other readers would accept it as JSON, the strict reader cannot, and something may be
                hidden in it. One string must not let the rest of its document pass unmasked.
        """
        bare = text.strip(AROUND_JSON)
        if len(bare) < 2 or ENDS.get(bare[0]) != bare[-1] or LABEL.fullmatch(bare):  # noqa: PLR2004 - a pair
            return False
        try:
            check_text(text, max_depth=self._max_depth)
        except Unreadable as error:
            may_hide = (follows_paths and self.plan.may_match(text)) or hides_text(text)
            if may_hide and _is_lenient_json(bare):
                raise failed(error, "JSON in a string") from None
            return False
        return True

    def _field_operator(self, value: str, state: PathState | None, around: _Around) -> MaskOperator | None:
        """Return the operator that masks a text as a whole; None if none does, or something in it may pass."""
        if state is None:
            return None
        operator = self.plan.operator_at(state)
        may_pass = operator is not None and self.plan.container_operator_at(state) is None
        return None if may_pass and self._is_document(value, around.level) else operator

    def _field(
        self, operator: MaskOperator, text: str, at: Position, state: PathState | None, detectors: DetectorSet
    ) -> str | None:
        """Return the replacement of a whole field; None is null.

        The strictest operator wins: that of the field, those of the entities in it, and redaction if it looks like
        an array or object. Where the connection names the field's path, its rules for entities do not count.
        """
        result, location = self._find(text, at, state, detectors), at.location()
        operators = [operator, *(each.operator for each in result.masked)]
        if _looks_like_container(text):
            operators.append(MaskOperator.REDACT)
        operator = strictest(operators) or operator
        self._log.add(FIELD, location, operator.value)
        for match in result.matches:
            self._log.add(match.entity, location, operator.value)
        if operator is MaskOperator.REMOVE:
            return None
        return self.text_masker.operators.mask_field(operator, text)

    def _find(self, text: str, at: Position, state: PathState | None, detectors: DetectorSet) -> ScanResult:
        if detectors is NONE:
            return NOTHING_FOUND
        plan = self.plan.entities_at(state)
        return self.text_masker.find(text, lambda: self._context_of(at), plan, detectors)

    def _context_of(self, at: Position) -> str:
        """Return the context of a value: the last keys above it, folded, one per line.

        The context of a value without such keys is a line end: it is a value of a document.
        """
        keys = at.keys()
        if not keys:
            return "" if isinstance(at, KnownPosition) else NO_NAME
        if self._context[0] != keys:
            self._context = keys, "\n".join([_in_a_line(key[-KEY_LONGEST:]) for key in keys])
        return self._context[1]


def _position(location: Location, name: str) -> Position:
    at = KnownPosition(location)
    return NamedPosition(at, name) if name else at


@lru_cache(KEYS_CACHED)
def _in_a_line(key: str) -> str:
    """Return a key, folded, without line ends: it is one line of the context."""
    return fold(key).text.replace("\n", " ")


def _looks_like_container(text: str) -> bool:
    bare = text.strip(AROUND_JSON)
    return len(bare) > 1 and ENDS.get(bare[0]) == bare[-1] and bare[0] != '"' and bare != REDACTED


def _is_lenient_json(text: str) -> bool:
    try:
        json.loads(text, strict=False, parse_int=len, parse_float=len)  # numbers of any length
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _renamed(text: str, keys: list[Span], masked: dict[int, str]) -> Iterator[Edit]:
    """Yield edits of an object's masked keys. Keys that became equal get a number: a duplicate would hide a value.

    Args:
        text: the document.
        keys: the tokens of all keys of the object.
        masked: masked keys by the offset of their token.
    """
    taken = {unquote(text, *span) for span in keys if span[0] not in masked}
    following: dict[str, int] = {}
    for start, end in keys:
        if start not in masked:
            continue
        key = masked[start]
        number = following.get(key, 1)
        while (name := key if number == 1 else f"{key}#{number}") in taken:
            number += 1
        following[key] = number + 1
        taken.add(name)
        yield Edit(start, end, quote(name), KEY)


def _carried(text: str, span: Span, edits: list[Edit]) -> list[Edit]:
    """Carry edits of a string's decoded text over to the document around it."""
    start, end = span
    if text.find("\\", start, end) < 0:
        first = start + 1
        return [Edit(first + at, first + until, _quoted(new), entity) for at, until, new, entity in edits]
    offsets = Offsets(text, start, end)
    return [Edit(offsets[at], offsets[until], _quoted(new), entity) for at, until, new, entity in edits]


def _quoted(text: str) -> str:
    """Return the inside of a string token."""
    return text if _PLAIN.fullmatch(text) else quote(text)[1:-1]
