"""Walk a JSON document, and the JSON in its strings, and say what to replace."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from extproc.codecs.errors import Unreadable
from extproc.codecs.json import Kind, Offsets, Path, Token, parse_text, quote, tokens, unquote
from extproc.masking.edits import Edit, apply
from extproc.masking.paths import State, render
from extproc.masking.plan import Plan
from extproc.masking.text import Found, TextMask
from extproc.masking.ways import FIELD, REDACTED
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, How

MAX_NESTED = 8
"""How many times JSON may stand in a string of JSON."""
NOTHING = Found([], [], [])
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
ROOT = -1
"""The level of a text that is in no document."""
MAX_PLACES = 1_000
"""Places that findings tell apart; what is found beyond them is counted at the root."""
AROUND_JSON = " \t\n\r\ufeff"
ENDS = {"{": "}", "[": "]", '"': '"'}


def hides_text(text: str) -> bool:
    """Whether JSON in this text may spell letters and digits in other ways than as themselves."""
    return "\\u" in text or "\\/" in text


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
        self._mask = mask
        self.plan = plan
        self._max_depth = max_depth
        self._redact_all = redact_all
        self.scanning = True
        """Whether the text at hand could hold an entity at all."""
        self._counts: Counter[tuple[str, Path, str]] = Counter()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, in order of first appearance."""
        shown: dict[Path, str] = {}
        for _, path, _ in self._counts:
            if path not in shown:
                shown[path] = render(tuple(self._shown(part) for part in path))
        return tuple(Finding(entity, shown[path], how, n) for (entity, path, how), n in self._counts.items())

    def _shown(self, part: str | int) -> str | int:
        return part if isinstance(part, int) else apply(part, self._mask.find(part, (), self._redact_all).edits)

    def document(self, text: str) -> list[Edit]:
        """Edits of a document that ``parse_text`` accepts."""
        start = self._begin(self._spelled_out(text, 0))
        return self._document(text, (), start, 0) if start or self.scanning else []

    def text(self, text: str) -> list[Edit]:
        """Edits of a text that may be JSON or not."""
        start = self._begin(self._spelled_out(text, 0) if self._is_json(text) else [text])
        return self._inner(text, (), start, ROOT) if start or self.scanning else []

    def plain(self, text: str) -> list[Edit]:
        """Edits of a text by its entities alone: a header's value, a path, a comment."""
        self._begin(self._spelled_out(text, 0) if self._is_json(text) else [text])
        return self._inner(text, (), (), ROOT) if self.scanning else []

    def _begin(self, texts: Iterable[str]) -> State:
        """Look at a whole document at once. Most hold nothing, and need no walk.

        Args:
            texts: between them they hold every string, key and number as a detector or a path would see it.

        Returns:
            Where to begin following the paths; empty when none can match.
        """
        whole = "\n".join(texts)
        self.scanning = self._mask.detectors.suspects(whole)
        return self.plan.paths.start if self.plan.may_match(whole) else ()

    def _spelled_out(self, text: str, level: int) -> Iterator[str]:
        """A document, and those of its strings, and of the documents in them, that spell text in escapes."""
        yield text
        for match in _STRING.finditer(text) if hides_text(text) else ():
            if hides_text(match[0]):
                value = str(json.loads(match[0]))
                yield from self._spelled_out(value, level + 1) if self._is_document(value, level) else (value,)

    def _document(self, text: str, base: Path, state: State, level: int) -> list[Edit]:
        return _Document(self, text, base, state, level).edits()

    def _inner(self, text: str, path: Path, state: State, level: int) -> list[Edit]:
        """Edits of a string's decoded text, in its own offsets."""
        if self._is_document(text, level):
            return self._document(text, path, state, level + 1)
        how = self.plan.how_at(state)
        if how is not None and text.strip(AROUND_JSON) != "null":
            return [Edit(0, len(text), self.field(how, text, path) or "")]
        edits = self._count(self._find(text, path), path)
        if edits and self._is_json(apply(text, edits)):
            return [Edit(0, len(text), REDACTED)]  # what was around JSON is gone, and nobody looked inside it
        return edits

    def _is_document(self, text: str, level: int) -> bool:
        """As ``_is_json``, for a string that stands in so many documents."""
        if not self._is_json(text):
            return False
        if level >= MAX_NESTED:
            raise MaskingError("JSON in strings of JSON is nested too deep")
        return True

    def _is_json(self, text: str) -> bool:
        """Whether a text is a document by itself.

        Raises:
            MaskingError: other readers would take it for JSON, we cannot, and something may be hidden in it.
        """
        bare = text.strip(AROUND_JSON)
        if len(bare) < 2 or ENDS.get(bare[0]) != bare[-1]:  # noqa: PLR2004 - an opening and a closing
            return False
        try:
            parse_text(text, max_depth=self._max_depth)
        except Unreadable as error:
            if (self.plan.may_match(text) or hides_text(text)) and _is_lenient_json(bare):
                raise MaskingError(f"JSON in a string is {error.kind}") from None
            return False
        return True

    def field(self, how: How, text: str, path: Path) -> str | None:
        """What comes in place of a whole field; None is null. The strictest way asked for in it wins."""
        found = self._find(text, path)
        hows = [how, *(hit.how for hit in found.hits)]
        if self._looks_like_json(text):
            hows.append(How.REDACT)
        how = max(hows, key=lambda one: one.strictness)
        self._note(FIELD, path, how)
        for span in found.spans:
            self._note(span.entity, path, how)
        return None if how is How.REMOVE else self._mask.ways.mask_field(how, text)

    @staticmethod
    def _looks_like_json(text: str) -> bool:
        bare = text.strip(AROUND_JSON)
        return len(bare) > 1 and ENDS.get(bare[0]) == bare[-1] and bare[0] != '"' and bare != REDACTED

    def container(self, how: How, path: Path) -> str:
        """What comes in place of a whole array or object. Four of its last characters would say nothing useful."""
        how = How.REMOVE if how is How.REMOVE else How.REDACT
        self._note(FIELD, path, how)
        return "null" if how is How.REMOVE else quote(REDACTED)

    def scalar(self, text: str, token: Token, path: Path, state: State, level: int) -> Iterator[Edit]:
        """Edits of one string, number or literal, in the document's offsets."""
        source = text[token.start : token.end]
        value = unquote(text, token.start, token.end) if token.kind is Kind.STRING else source
        how = self.plan.how_at(state)
        if how is not None:
            if source != "null":
                masked = self.field(how, value, path)
                yield Edit(token.start, token.end, "null" if masked is None else quote(masked))
        elif token.kind is Kind.STRING:
            yield from carry(text, token, self._inner(value, path, state, level))
        elif token.kind is Kind.NUMBER:
            found = self._find(value, path)
            if self._count(found, path):
                left = apply(value, found.edits)
                yield Edit(token.start, token.end, quote(left) if left else "null")

    def key(self, key: str, path: Path) -> str:
        """A key with its entities masked. It counts at the object that has it."""
        return apply(key, self._count(self._find(key, path), path))

    def could_hold(self, length: int) -> bool:
        """Whether so many characters could hold an entity, here and now."""
        return self.scanning and length >= self._mask.detectors.shortest

    def _find(self, text: str, path: Path) -> Found:
        return self._mask.find(text, path, self.plan) if self.scanning else NOTHING

    def _count(self, found: Found, path: Path) -> list[Edit]:
        for span in found.spans:
            self._note(span.entity, path, found.how(span))
        return found.edits

    def _note(self, entity: str, path: Path, how: How | None) -> None:
        key = (entity, path, how.value if how else "")
        if len(self._counts) >= MAX_PLACES and key not in self._counts:
            key = (entity, (), key[2])
        self._counts[key] += 1


def _is_lenient_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def carry(text: str, token: Token, edits: list[Edit]) -> Iterator[Edit]:
    """Carry edits of a string's decoded text over to the document around it."""
    if not edits:
        return
    offsets = Offsets(text, token.start, token.end)
    for start, end, replacement in edits:
        yield Edit(offsets[start], offsets[end], quote(replacement)[1:-1])


class _Document:
    """The walk through one document."""

    def __init__(self, walk: Walk, text: str, base: Path, state: State, level: int) -> None:
        self._walk = walk
        self._text = text
        self._base = base
        self._root = state
        self._level = level
        self._states: list[State] = []
        self._keys: list[list[tuple[Token, str, str]]] = []
        self._edits: list[Edit] = []

    def edits(self) -> list[Edit]:
        """All edits, sorted."""
        stream = tokens(self._text)
        for token in stream:
            if token.kind is Kind.CLOSE:
                self._states.pop()
                self._rename(self._keys.pop())
            elif token.kind is Kind.KEY:
                self._key(token)
            else:
                self._value(token, stream)
        return sorted(self._edits)

    def _value(self, token: Token, stream: Iterator[Token]) -> None:
        walk, path = self._walk, self._base + token.path
        state = walk.plan.paths.step(self._states[-1], token.path[-1]) if self._states else self._root
        if token.kind is not Kind.OPEN:
            if not state and not walk.could_hold(token.end - token.start):
                return
            self._edits += walk.scalar(self._text, token, path, state, self._level)
            return
        how = walk.plan.how_at(state)
        if how is None:
            self._states.append(state)
            self._keys.append([])
            return
        end = _skip(stream)
        self._edits.append(Edit(token.start, end, walk.container(how, path)))

    def _key(self, token: Token) -> None:
        if not self._walk.scanning:
            return
        key = str(token.path[-1])
        self._keys[-1].append((token, key, self._walk.key(key, self._base + token.path[:-1])))

    def _rename(self, keys: list[tuple[Token, str, str]]) -> None:
        """Masked keys that became equal get a number: a duplicate key would hide a value."""
        if all(key == masked for _, key, masked in keys):
            return
        taken = {key for _, key, masked in keys if key == masked}
        following: dict[str, int] = {}
        for token, key, masked in keys:
            if key == masked:
                continue
            number = following.get(masked, 1)
            while (name := masked if number == 1 else f"{masked}#{number}") in taken:
                number += 1
            following[masked] = number + 1
            taken.add(name)
            self._edits.append(Edit(token.start, token.end, quote(name)))


def _skip(stream: Iterator[Token]) -> int:
    """Go to the end of a container that has just been opened; returns the offset behind it."""
    depth = 1
    for token in stream:
        depth += (token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE)
        if not depth:
            return token.end
    raise MaskingError("a container has no end")
