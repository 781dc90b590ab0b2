"""Walk a JSON document, and the JSON in its strings, and say what to replace."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator

from extproc.codecs.json_units import Offsets, Path, quote, unquote
from extproc.codecs.strict_json import check_text
from extproc.codecs.unreadable import Unreadable
from extproc.detectors.analyzer import NOTHING_SEEN, Look
from extproc.masking.edits import Edit, apply
from extproc.masking.json.scanner import EVERYBODY, NOBODY, NOWHERE, Document, Known, Where
from extproc.masking.plan.compiled_plan import Plan, strictest
from extproc.masking.plan.json_path import Place, kept, render
from extproc.masking.plan.operators import FIELD, REDACTED
from extproc.masking.text.text_masker import Found, TextMask
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, MaskOperator

MAX_NESTED = 8
"""How many times JSON may stand in a string of JSON."""
Asked = Collection[int] | None
"""Detectors that could find something; None for all."""
NO_CREDENTIAL = Found([], [], [])
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_HIDING = re.compile(r"\\[u/]")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
ROOT = -1
"""The level of a text that is in no document."""
MAX_PLACES = 1_000
"""Places that findings tell apart; what is found beyond them is counted at the root."""
LABEL = re.compile(r"\[[A-Z_]+\]")
"""A mask of ours looks like JSON at first sight."""
MAX_FOUND = 50_000
"""Entities and fields in one document or event. More take longer than a call may; whoever wants them out pages."""
AROUND_JSON = " \t\n\r\ufeff"
ENDS = {"{": "}", "[": "]", '"': '"'}


def hides_text(text: str) -> bool:
    """Whether JSON in this text may spell letters and digits in other ways than as themselves."""
    return "\\" in text and _HIDING.search(text) is not None


class Walk:
    """One document, or all events of one stream, under one plan. Collects the findings."""

    def __init__(self, mask: TextMask, plan: Plan, *, max_depth: int, redact_all: Plan) -> None:
        """Walk by a plan.

        Args:
            mask: finds entities.
            plan: what to mask.
            max_depth: of arrays and objects, for each document by itself.
            redact_all: the plan that keys are masked by before a finding shows them.
        """
        self.mask = mask
        self.plan = plan
        self._max_depth = max_depth
        self._redact_all = redact_all
        self.suspects: frozenset[int] = NOBODY
        """Detectors that could find something in the text at hand."""
        self._looked_at = ""
        self._seen = NOTHING_SEEN
        self._found = 0
        self._counts: Counter[tuple[str, Path, str]] = Counter()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, in order of first appearance."""
        shown: dict[Path, str] = {}
        parts: dict[str | int, str | int] = {}
        for _, path, _ in self._counts:
            if path not in shown:
                parts |= {part: self._shown(part) for part in path if part not in parts}
                shown[path] = render(tuple(parts[part] for part in path))
        return tuple(Finding(entity, shown[path], how, n) for (entity, path, how), n in self._counts.items())

    def _shown(self, part: str | int) -> str | int:
        return part if isinstance(part, int) else self.mask.shown(part, self._redact_all)

    def document(self, text: str, look: Look | None = None) -> list[Edit]:
        """Edits of a document that ``check_text`` accepts; for ``look`` see ``text``."""
        root = self._begin(text, 0, look)
        return self.inside(text, (), root, 0) if root or self.suspects else []

    def text(self, text: str, look: Look | None = None) -> list[Edit]:
        """Edits of a text that may be JSON or not.

        Args:
            text: the text.
            look: what a look at it told; None: nobody looked at it yet.
        """
        return self._looked_into(text, self.plan.root, look)

    def plain(self, text: str, look: Look | None = None) -> list[Edit]:
        """As ``text``, by its entities alone: a header's value, a path, a comment."""
        return self._looked_into(text, None, look)

    def _looked_into(self, text: str, root: Place | None, look: Look | None) -> list[Edit]:
        is_json = self._is_json(text)
        live = self._begin(text, 0 if is_json else None, look)
        root = root if live else None
        if root is None and not self.suspects:
            return []
        return self.inside(text, (), root, 0) if is_json else self._flat(text, NOWHERE, root, self.suspects)

    def count(self, found: Found) -> list[Edit]:
        """Note what was found in a text that is in no document, and how it was masked: its edits."""
        return self._count(found, NOWHERE)

    def begin(self) -> None:
        """Begin another message of several: the limit of entities is each one's own."""
        self._found = 0

    def part(self, text: str, path: Path, place: Place | None, asked: frozenset[int] | None = None) -> list[Edit]:
        """Edits of one text of several that are a body together, as a form's values are.

        Args:
            text: JSON or not.
            path: where it stands.
            place: what paths say of that.
            asked: detectors that could find something in the body; None for all.
        """
        self.suspects = self.mask.detectors.everybody if asked is None else asked
        self._looked_at = ""
        at = Known(path)
        how = self._how(text, place, ROOT)
        if how is not None:
            return [Edit(0, len(text), self.field(how, text, at, asked) or "", FIELD)]
        return self.inner(text, at, place, ROOT, asked)

    def _begin(self, text: str, level: int | None, look: Look | None) -> Place | None:
        """Look at a whole document at once. Most hold nothing, and need no walk.

        Args:
            text: the document.
            level: in how many others it stands; None for text that is none.
            look: what a look at it told; None: nobody looked at it yet.

        Returns:
            Where to begin following the paths; None when none can match.
        """
        self._found = 0
        self._seen = look or self.mask.detectors.look(text)
        self._looked_at = text
        self.suspects = self._seen.suspects
        whole = text
        if level is not None and hides_text(text):
            spelled = list(self._spelled_out(text, level))
            whole = "\n".join([each for each, _ in spelled])
            self.suspects = self.mask.detectors.suspects(
                whole, "\n".join([each for each, is_text in spelled if is_text])
            )
            self._looked_at = ""
        return self.plan.root if self.plan.root and self.plan.may_match(whole) else None

    def sightings(self, text: str) -> Iterator[tuple[int, int]] | None:
        """Places in a document's text at which detectors, by their numbers, have to look; None for everywhere."""
        if not self.suspects:
            return iter(())
        seen = self._seen if text is self._looked_at else self.mask.detectors.look(text, self.suspects)
        if seen.sightings is None:
            return None
        if hides_text(text):
            hiding = [(match.start(), EVERYBODY) for match in _HIDING.finditer(text)]
            return iter(sorted(seen.sightings + hiding))
        return iter(seen.sightings)

    def _spelled_out(self, text: str, level: int) -> Iterator[tuple[str, bool]]:
        """A document, and those of its strings, and of the documents in them, that spell text in escapes.

        Each with whether it is no document.
        """
        yield text, False
        for match in _STRING.finditer(text) if hides_text(text) else ():
            if hides_text(match[0]):
                value = str(json.loads(match[0]))
                yield from (
                    self._spelled_out(value, level + 1) if self._is_document(value, level) else ((value, True),)
                )

    def inside(self, text: str, base: Path, root: Place | None, level: int) -> list[Edit]:
        """Edits of a document that stands in ``level`` others, at a path."""
        return Document(self, text, base, root, level).edits()

    def inner(self, text: str, at: Where, place: Place | None, level: int, asked: Asked = None) -> list[Edit]:
        """Edits of a string's decoded text, in its own offsets."""
        if self._is_document(text, level, live=place is not None):
            return self.inside(text, at.path(), place, level + 1)
        return self._flat(text, at, place, asked)

    def _flat(self, text: str, at: Where, place: Place | None, asked: Asked) -> list[Edit]:
        """Edits of a text that is no document."""
        how = self.plan.how_at(place) if place else None
        if how is not None and text.strip(AROUND_JSON) != "null":
            return [Edit(0, len(text), self.field(how, text, at, asked) or "", FIELD)]
        edits = self._count(self._find(text, at, asked), at)
        if edits and self._is_json(apply(text, edits), live=place is not None):
            return [
                Edit(0, len(text), REDACTED, edits[0].entity)
            ]  # what was around JSON is gone, and nobody looked inside it
        return edits

    def _is_document(self, text: str, level: int, *, live: bool = True) -> bool:
        """As ``_is_json``, for a string that stands in so many documents."""
        if not self._is_json(text, live=live):
            return False
        if level >= MAX_NESTED:
            raise MaskingError("JSON in strings of JSON is nested too deep")
        return True

    def _is_json(self, text: str, *, live: bool = True) -> bool:
        """Whether a text is a document by itself.

        Args:
            text: any text.
            live: whether paths could go on into it.

        Raises:
            MaskingError: other readers would take it for JSON, we cannot, and something may be hidden in it. One
                string must not have the rest of its document pass unmasked.
        """
        bare = text.strip(AROUND_JSON)
        if len(bare) < 2 or ENDS.get(bare[0]) != bare[-1] or LABEL.fullmatch(bare):  # noqa: PLR2004 - a pair
            return False
        try:
            check_text(text, max_depth=self._max_depth)
        except Unreadable as error:
            if ((live and self.plan.may_match(text)) or hides_text(text)) and _is_lenient_json(bare):
                raise MaskingError(f"JSON in a string is {error.kind}") from None
            return False
        return True

    def field(self, how: MaskOperator, text: str, at: Where, asked: Asked) -> str | None:
        """What comes in place of a whole field; None is null. The strictest way asked for in it wins."""
        found = self._find(text, at, asked)
        hows = [how, *(hit.how for hit in found.hits)]
        if self._looks_like_json(text):
            hows.append(MaskOperator.REDACT)
        how = strictest(hows) or how
        self._note(FIELD, at.path(), how)
        for span in found.spans:
            self._note(span.entity, at.path(), how)
        return None if how is MaskOperator.REMOVE else self.mask.ways.mask_field(how, text)

    @staticmethod
    def _looks_like_json(text: str) -> bool:
        bare = text.strip(AROUND_JSON)
        return len(bare) > 1 and ENDS.get(bare[0]) == bare[-1] and bare[0] != '"' and bare != REDACTED

    def container(self, how: MaskOperator, at: Where) -> str:
        """What comes in place of a whole array or object. Four of its last characters would say nothing useful."""
        how = MaskOperator.REMOVE if how is MaskOperator.REMOVE else MaskOperator.REDACT
        self._note(FIELD, at.path(), how)
        return "null" if how is MaskOperator.REMOVE else quote(REDACTED)

    def word(self, source: str, at: Where, place: Place | None, asked: Asked) -> tuple[str, str]:
        """What comes in place of a number or literal, and the entity that it was; empty where it stays."""
        if source == "null":
            return source, ""
        how = self.plan.how_at(place) if place else None
        if how is not None:
            masked = self.field(how, source, at, asked)
            return "null" if masked is None else quote(masked), FIELD
        edits = self._count(self._find(source, at, asked), at) if source[0] not in "tf" else []
        if not edits:
            return source, ""
        left = apply(source, edits)
        return quote(left) if left else "null", edits[0].entity

    def string(  # noqa: PLR0917 - one call site, in the innermost loop
        self, text: str, span: tuple[int, int], at: Where, place: Place | None, level: int, asked: Asked
    ) -> list[Edit]:
        """Edits of one string, in the document's offsets."""
        start, end = span
        value = unquote(text, start, end)
        if end - start - 2 != len(value):
            asked = None  # what is spelled otherwise was not seen
        how = self._how(value, place, level)
        if how is not None:
            masked = self.field(how, value, at, asked)
            return [Edit(start, end, "null" if masked is None else quote(masked), FIELD)]
        return carry(text, span, self.inner(value, at, place, level, asked))

    def _how(self, value: str, place: Place | None, level: int) -> MaskOperator | None:
        """How a text is masked as a whole; None where it is not, or where something in it may pass."""
        how = self.plan.how_at(place) if place else None
        if how is not None and self.plan.how_whole(place) is None and self._is_document(value, level):
            return None
        return how

    def key(self, key: str, at: Where, asked: Asked) -> str:
        """A key with its entities masked. It counts at the object that has it."""
        return apply(key, self._count(self._find(key, at, asked), at))

    def _find(self, text: str, at: Where, asked: Asked) -> Found:
        """All entities, or those of some detectors; ``None`` asks all."""
        if not self.suspects or (asked is not None and not asked):
            return NO_CREDENTIAL
        return self.mask.find(text, at.context, self.plan, asked)

    def _count(self, found: Found, at: Where) -> list[Edit]:
        if found.spans:
            path = at.path()
            for span, how in found.hows():
                self._note(span.entity, path, how)
        return found.edits

    def _note(self, entity: str, path: Path, how: MaskOperator | None) -> None:
        self._found += 1
        if self._found > MAX_FOUND:
            raise MaskingError(f"more than {MAX_FOUND} entities in one document")
        key = (entity, path, how.value if how else "")
        if key not in self._counts:
            key = (entity, kept(path), key[2])
            if len(self._counts) >= MAX_PLACES and key not in self._counts:
                key = (entity, (), key[2])
        self._counts[key] += 1


def _is_lenient_json(text: str) -> bool:
    try:
        json.loads(text, strict=False, parse_int=len, parse_float=len)  # however many digits
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def carry(text: str, span: tuple[int, int], edits: list[Edit]) -> list[Edit]:
    """Carry edits of a string's decoded text over to the document around it."""
    if not edits:
        return edits
    start, end = span
    if text.find("\\", start, end) < 0:
        first = start + 1
        return [Edit(first + at, first + until, _quoted(new), entity) for at, until, new, entity in edits]
    offsets = Offsets(text, start, end)
    return [Edit(offsets[at], offsets[until], _quoted(new), entity) for at, until, new, entity in edits]


def _quoted(text: str) -> str:
    """The inside of a string token."""
    return text if _PLAIN.fullmatch(text) else quote(text)[1:-1]
