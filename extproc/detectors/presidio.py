"""Presidio's own recognisers as detectors: an optional extra, for entities that nobody here finds.

They are asked about every text, since nothing tells beforehand in which they find something, and are slow. Two
things are changed in Presidio on loading. A pattern that takes too long ends the call: Presidio would go on
without. And the list of top-level domains is the one in its package: it would be fetched while a call waits.
"""

# ruff: noqa: PLC0415 - what is optional is imported where it is asked for

import inspect
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from extproc.detectors.detector import Detector, Ranges
from extproc.model.errors import MaskingError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

PATTERN_SECONDS = 1
"""For one pattern on one text."""
OTHERS = ("PhoneRecognizer", "ZaMobileNumberRecognizer", "ZaTelephoneNumberRecognizer")
"""Recognisers without patterns that need no model either."""
WORD = re.compile(r"[A-Za-z]+")


class NeverRaised(BaseException):
    """Takes the place of an exception that must not be caught."""


def make_presidio(
    entities: Collection[str],
    *,
    score: float,
    language: str,
    model: str,
    longest: int,
    others: Collection[str] = (),
) -> tuple[Detector, ...]:
    """A detector for each entity.

    Args:
        entities: by Presidio's names.
        score: what results must have at least, 0 to 1.
        language: of texts, as Presidio calls it.
        model: the name of a spaCy model that is installed; empty: patterns and check digits alone.
        longest: characters of a text; a longer one is refused.
        others: names beside these that masks leave as labels. Language models take some of them for names.

    Raises:
        ImportError: Presidio is not installed.
        ValueError: says what is wrong with a name.
    """
    asked = _Asked(
        _engine(entities, language, model), sorted(entities), score, language, longest, {*entities, *others}
    )
    return tuple(asked.detector(entity) for entity in asked.entities)


def _label(names: Collection[str]) -> re.Pattern[str]:
    """What masks leave, hidden by ``Labels`` or not, and nothing else in brackets: that may be a value."""
    name = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"\[(?:{name})\]|\[\*+\]|<\*+>|<(?:{name}):[a-z]{{1,8}}[0-9]{{0,3}}:[A-Z2-7]{{16}}>")


def _engine(entities: Collection[str], language: str, model: str) -> "AnalyzerEngine":
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider, NoOpNlpEngine

    _settle_presidio()
    known = _known(language, with_model=bool(model))
    missing = sorted(set(entities) - known.keys())
    if missing:
        raise ValueError(f"Presidio finds no {', '.join(missing)} here, but {', '.join(sorted(known))}")
    if model:
        _check_model(model)
        named = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
        nlp = NlpEngineProvider(nlp_configuration=named).create_engine()
    else:
        nlp = NoOpNlpEngine([{"lang_code": language, "model_name": ""}])
        nlp.load()
    wanted = {id(each): each for entity in entities for each in known[entity]}
    registry = RecognizerRegistry(recognizers=list(wanted.values()), supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])


def _settle_presidio() -> None:
    import tldextract
    from presidio_analyzer import pattern_recognizer
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

    for module in (pattern_recognizer, iban_recognizer):
        settled: Any = module
        settled.TimeoutError = NeverRaised
        settled.REGEX_TIMEOUT_SECONDS = PATTERN_SECONDS
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def _known(language: str, *, with_model: bool) -> "dict[str, list[EntityRecognizer]]":
    """Recognisers by what they find."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    others = (*OTHERS, "SpacyRecognizer") if with_model else OTHERS
    found: dict[str, list[EntityRecognizer]] = {}
    for name, each in inspect.getmembers(predefined_recognizers, inspect.isclass):
        if name in others or (issubclass(each, PatternRecognizer) and each is not PatternRecognizer):
            made: Any = each
            recogniser: EntityRecognizer = made(supported_language=language)
            for entity in recogniser.supported_entities:
                found.setdefault(entity, []).append(recogniser)
    return found


def _check_model(model: str) -> None:
    """Presidio would fetch a model that is not there."""
    import spacy.util

    if not spacy.util.is_package(model):
        raise ValueError(f"the model {model!r} is not installed")


class _Asked:
    """All recognisers together. Asked by several detectors about one text after the other, it looks once."""

    def __init__(  # noqa: PLR0917 - one call site
        self,
        engine: "AnalyzerEngine",
        entities: list[str],
        score: float,
        language: str,
        longest: int,
        labels: Collection[str],
    ) -> None:
        self.entities = entities
        self._engine = engine
        self._score = score
        self._language = language
        self._longest = longest
        self._label = _label(labels)
        self._last: tuple[tuple[str, str], list[tuple[str, int, int]]] = (("", ""), [])

    def detector(self, entity: str) -> Detector:
        """One entity's detector. There is a letter or digit in all that is found."""

        def find(text: str, context: str) -> Ranges:
            return ((start, end) for name, start, end in self._results(text, context) if name == entity)

        return Detector(
            entity,
            (rb"[0-9A-Za-z\x80-\xff]",),
            1,
            find,
            prefilter_shortest=1,
            heeds_context=True,
            needs_whole=True,
        )

    def _results(self, text: str, context: str) -> list[tuple[str, int, int]]:
        asked, found = self._last
        if asked != (text, context):
            found = list(self._look(text, context))
            self._last = (text, context), found
        return found

    def _look(self, text: str, context: str) -> Iterator[tuple[str, int, int]]:
        if len(text) > self._longest:
            raise MaskingError("a text is too-large for Presidio's recognisers")
        results = self._engine.analyze(
            text,
            self._language,
            entities=self.entities,
            score_threshold=self._score,
            context=WORD.findall(context.lower()),
        )
        labels = [label.span() for label in self._label.finditer(text)] if results else []
        for each in results:
            if not any(start <= each.start and each.end <= end for start, end in labels):
                yield each.entity_type, each.start, each.end
