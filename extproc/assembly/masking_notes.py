"""Note masking settings that do nothing, and those that mask or let pass far more than they seem to."""

import math
from collections.abc import Iterator
from itertools import permutations

from extproc.codecs.located_yaml import KeyPath
from extproc.config.schema import Settings
from extproc.config.setting_note import Note
from extproc.detectors.presidio import highest_scores
from extproc.detectors.vocabulary.vocabulary import parts_about
from extproc.masking.plan.entity_plan import ANY_ENTITY
from extproc.masking.plan.json_path import Segment, compile_path
from extproc.settings.masking import ExemptionSettings, MaskingSettings, MaskRuleSettings, PresidioSettings

ORDINARY = frozenset({
    "address", "body", "comment", "content", "data", "email", "field", "id", "item", "items", "key", "label",
    "note", "number", "object", "param", "property", "record", "row", "string", "tag", "text", "token", "user",
    "val", "value",
})  # fmt: skip
"""Names, beside those that are about another thing, that fields of most documents have."""
LETTERS_LEAST = 3
"""Fewest letters of a word with a ``*``: a shorter one is a part of very many names."""
BY_NAME_ALONE = frozenset({"password", "pin", "secret", "token", "person", "address"})
"""Kinds of words whose values are masked whatever they look like."""


def masking_notes(settings: Settings) -> Iterator[Note]:
    """Yield the notes about the masking of all connections. The plans can be made."""
    for kind, words in settings.masking.words.items():
        yield from _word_notes(kind, words)
    for name, connection in settings.connections.items():
        path = ("connections", name, "masking")
        yield from _rule_notes(path, connection.masking)
        for index, exemption in enumerate(connection.masking.exempt):
            yield from _wide_exemption((*path, "exempt", index), exemption)
    if settings.masking.presidio:
        yield from _score_notes(settings.masking.presidio)


def _rule_notes(path: KeyPath, masking: MaskingSettings) -> Iterator[Note]:
    for side, rules in (("request", masking.request), ("response", masking.response)):
        told: set[int] = set()
        for (stronger, one), (weaker, other) in permutations(enumerate(rules or ()), 2):
            why = _why_useless(other, one, is_later=weaker > stronger)
            if why and weaker not in told:
                told.add(weaker)
                yield Note((*path, side, weaker), f"masking.{side}: {why}", "remove one of the two rules")


def _why_useless(rule: MaskRuleSettings, other: MaskRuleSettings, *, is_later: bool) -> str:
    """Return why a rule does nothing beside another one; empty if it may do something.

    Args:
        rule: the one that may be useless.
        other: another one of the same plan.
        is_later: the rule stands behind the other one. Of two rules that are equal, the later one is useless.
    """
    target, stronger = rule.path or rule.entity, other.path or other.entity
    same = False
    if rule.path and other.path:
        steps, others = compile_path(rule.path), compile_path(other.path)
        if len(others) > len(steps) or not _covers(others, steps[: len(others)]):
            return ""
        if len(others) < len(steps):
            return f"the rule for {target} does nothing: {stronger} masks everything below it"
        same = steps == others
    elif not rule.entity or other.entity not in (rule.entity, ANY_ENTITY):
        return ""
    else:
        same = rule.entity == other.entity
    if rule.how.strictness < other.how.strictness:
        return f"{target} {rule.how} never applies: the strictest wins, which is {stronger} {other.how}"
    return f"the rule for {target} is there twice" if same and is_later and rule.how is other.how else ""


def _covers(path: tuple[Segment, ...], other: tuple[Segment, ...]) -> bool:
    """Return whether a path selects all that another one of as many steps selects. May be wrongly false."""
    return all(
        one == each or (one.selector is None and not one.anywhere and not each.anywhere)
        for one, each in zip(path, other, strict=True)
    )


def _word_notes(kind: str, words: list[str]) -> Iterator[Note]:
    """Yield a note for each word that most documents have in names of fields."""
    for index, word in enumerate(words):
        letters = word.strip("*")
        is_part = "*" in word and len(letters) < LETTERS_LEAST and letters.isascii()
        is_ordinary = letters in ORDINARY | parts_about()
        if is_part or (is_ordinary and kind in BY_NAME_ALONE):
            what = f"masking.words.{kind}: most documents have fields whose names hold {word!r}"
            if kind in BY_NAME_ALONE:
                what += "; all their values are masked"
            yield Note(("masking", "words", kind, index), what, "write the whole name of the field: door_code")


def _wide_exemption(path: KeyPath, exemption: ExemptionSettings) -> Iterator[Note]:
    """Yield a note for an exemption of every entity at a place, passwords and keys too."""
    values = exemption.value or exemption.pattern or exemption.domain
    if exemption.entity == ANY_ENTITY and exemption.path not in (None, "$") and not values:
        below = " and below it" if str(exemption.path).startswith("$") else ""
        what = f"every entity passes at {exemption.path}{below}, passwords and keys too"
        yield Note((*path, "entity"), what, "name the entities")


def _score_notes(presidio: PresidioSettings) -> Iterator[Note]:
    """Yield a note for each entity whose recognizers reach the least score never, or only with a check digit."""
    scores = highest_scores(presidio.entities, presidio.language)
    for index, entity in enumerate(presidio.entities):
        highest = scores.get(entity)
        if highest is not None and highest < presidio.score:
            what = (
                f"masking.presidio: {entity} is never found: its patterns reach a score of {highest:.2f}"
                f" beside a telling key, and masking.presidio.score is {presidio.score:g}"
            )
            reached = math.floor(highest * 100) / 100  # 0.1 + 0.35 is a little less than 0.45
            hint = f"masking.presidio.score: {reached:.2f}, or a detector of your own"
            yield Note(("masking", "presidio", "entities", index), what, hint)
