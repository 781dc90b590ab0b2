"""Presidio's recognizers as detectors: an optional extra, for entities that no built-in detector finds.

They are slow, and they search every text, since no prefilter tells beforehand in which texts they find something.
Loading changes two things in Presidio. A pattern that takes too long fails the call: Presidio would go on without
that pattern. The list of top-level domains is the one in its package: Presidio would fetch it while a call waits.
"""

# ruff: noqa: PLC0415 - optional packages are imported only where they are used

import inspect
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from extproc.detectors.detector import Detector, Ranges
from extproc.model.errors import MaskingError

PATTERN_SECONDS = 1
"""Time limit for one pattern on one text."""
OTHERS = ("PhoneRecognizer", "ZaMobileNumberRecognizer", "ZaTelephoneNumberRecognizer")
"""Recognizers that use neither patterns nor a language model."""
CONTEXT_ADDS = 0.35
"""What a word of context adds to a score: Presidio's ``context_similarity_factor``."""
WORD = re.compile(r"[A-Za-z]+")


class Result(Protocol):
    """The part of Presidio's ``RecognizerResult`` that is used here."""

    entity_type: str
    start: int
    end: int


class Engine(Protocol):
    """The part of Presidio's ``AnalyzerEngine`` that is used here."""

    def analyze(
        self, text: str, language: str, *, entities: list[str], score_threshold: float, context: list[str]
    ) -> Sequence[Result]:
        """Find entities in a text."""
        ...


class NeverRaised(BaseException):
    """Replaces an exception that Presidio must not catch."""


class UnknownEntities(ValueError):
    """No recognizer finds some entities."""

    def __init__(self, names: Collection[str], known: Collection[str]) -> None:
        """Take the names that are not known, and all names that are."""
        super().__init__(f"Presidio cannot find {', '.join(names)} here; it can find {', '.join(sorted(known))}")
        self.names, self.known = names, known


class ModelMissing(ValueError):
    """The language model is not installed."""


def make_presidio(
    entities: Collection[str],
    *,
    score: float,
    language: str,
    model: str,
    longest: int,
    others: Collection[str] = (),
) -> tuple[Detector, ...]:
    """Make a detector for each entity.

    Args:
        entities: by Presidio's names.
        score: least score of a result, 0 to 1.
        language: language of texts, as Presidio calls it.
        model: name of an installed spaCy model; empty: use patterns and check digits alone.
        longest: most characters of a text; a longer text is refused.
        others: names of other entities in labels. Language models take some labels for names of people.

    Raises:
        ImportError: Presidio is not installed.
        UnknownEntities: there are no such entities.
        ModelMissing: the model is not installed.
    """
    analysis = _SharedAnalysis(
        _engine(entities, language, model),
        sorted(entities),
        score=score,
        language=language,
        longest=longest,
        labels={*entities, *others},
    )
    return tuple(analysis.detector(entity) for entity in analysis.entities)


def _label(names: Collection[str]) -> re.Pattern[str]:
    """Match labels of masking, hidden by ``Labels`` or not. Other text in brackets may be a value."""
    name = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"\[(?:{name})\]|\[\*+\]|<\*+>|<(?:{name}):[a-z]{{1,8}}[0-9]{{0,3}}:[A-Z2-7]{{16}}>")


def _engine(entities: Collection[str], language: str, model: str) -> Engine:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider, NoOpNlpEngine

    _configure_presidio()
    known = _known(language, with_model=bool(model))
    missing = sorted(set(entities) - known.keys())
    if missing:
        raise UnknownEntities(missing, known)
    if model:
        _check_model(model)
        named = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
        nlp = NlpEngineProvider(nlp_configuration=named).create_engine()
    else:
        nlp = NoOpNlpEngine([{"lang_code": language, "model_name": ""}])
        nlp.load()
    wanted = {id(each): each for entity in entities for each in known[entity]}
    registry = RecognizerRegistry(recognizers=list(wanted.values()), supported_languages=[language])
    engine: Engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])
    return engine


def _configure_presidio() -> None:
    import tldextract
    from presidio_analyzer import pattern_recognizer
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

    for module in (pattern_recognizer, iban_recognizer):
        settled: Any = module
        settled.TimeoutError = NeverRaised
        settled.REGEX_TIMEOUT_SECONDS = PATTERN_SECONDS
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def _known(language: str, *, with_model: bool) -> dict[str, list[Any]]:
    """Return recognizers by the entities that they find."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    others = (*OTHERS, "SpacyRecognizer") if with_model else OTHERS
    found: dict[str, list[Any]] = {}
    for name, each in inspect.getmembers(predefined_recognizers, inspect.isclass):
        if name in others or (issubclass(each, PatternRecognizer) and each is not PatternRecognizer):
            make: Any = each
            recognizer = make(supported_language=language)
            for entity in recognizer.supported_entities:
                found.setdefault(entity, []).append(recognizer)
    return found


def highest_scores(entities: Collection[str], language: str) -> dict[str, float]:
    """Return the highest score that matches of entities can have, for those that only patterns find.

    Entities whose recognizers check a match (a check digit makes it sure) are left out. Presidio is installed.
    """
    from presidio_analyzer import PatternRecognizer

    found = {}
    for entity, recognizers in _known(language, with_model=False).items():
        if entity in entities and all(_is_by_pattern_alone(each, PatternRecognizer) for each in recognizers):
            found[entity] = max(
                min(1.0, pattern.score + (CONTEXT_ADDS if each.context else 0))
                for each in recognizers
                for pattern in each.patterns
            )
    return found


def _is_by_pattern_alone(recognizer: Any, base: Any) -> bool:
    """Return whether the score of a recognizer's match is that of its pattern, and what its context adds."""
    kind = type(recognizer)
    return (
        isinstance(recognizer, base)
        and bool(recognizer.patterns)
        and kind.validate_result is base.validate_result
        and kind.analyze is base.analyze
    )


def _check_model(model: str) -> None:
    """Refuse a model that is not installed: Presidio would fetch it."""
    import spacy.util

    if not spacy.util.is_package(model):
        raise ModelMissing(f"the model {model!r} is not installed")


class _SharedAnalysis:
    """All recognizers together. Several detectors ask about the same text in turn: it is analysed once."""

    def __init__(
        self,
        engine: Engine,
        entities: list[str],
        *,
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
        """Make the detector of one entity. Every match contains a letter or digit."""

        def find(text: str, keys: str) -> Ranges:
            return ((start, end) for name, start, end in self._results(text, keys) if name == entity)

        return Detector(
            entity,
            (rb"[0-9A-Za-z\x80-\xff]",),
            1,
            find,
            prefilter_shortest=1,
            uses_context=True,
            needs_whole=True,
        )

    def _results(self, text: str, keys: str) -> list[tuple[str, int, int]]:
        analysed, results = self._last
        if analysed != (text, keys):
            results = list(self._analyse(text, keys))
            self._last = (text, keys), results
        return results

    def _analyse(self, text: str, keys: str) -> Iterator[tuple[str, int, int]]:
        if len(text) > self._longest:
            raise MaskingError("the text is too-large for Presidio's recognizers")
        results = self._engine.analyze(
            text,
            self._language,
            entities=self.entities,
            score_threshold=self._score,
            context=WORD.findall(keys.lower()),
        )
        labels = [label.span() for label in self._label.finditer(text)] if results else []
        for each in results:
            if not any(start <= each.start and each.end <= end for start, end in labels):
                yield each.entity_type, each.start, each.end
