"""Make the masker: the detectors of the installation and its pseudonym keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from extproc.assembly.keys import PSEUDONYM_KEY, make_own_key, read_key
from extproc.config.schema import Settings
from extproc.config.validation_errors import combined
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import catalogue
from extproc.detectors.custom import make_custom
from extproc.detectors.detector import Detector
from extproc.detectors.entities.phone_number import phone_number_of
from extproc.detectors.presidio import ModelMissing, UnknownEntities, make_presidio
from extproc.detectors.vocabulary.vocabulary import Vocabulary, kinds
from extproc.detectors.vocabulary.vocabulary import built_in as built_in_words
from extproc.detectors.vocabulary.words import Words
from extproc.masking.masker import Masker
from extproc.masking.plan.operators import REDACTED
from extproc.model.errors import ConfigError
from extproc.policy.names.known_names import similar, suggestion
from extproc.settings.masking import CustomDetector, InstallationMasking, PresidioSettings

KEY, OLD_KEYS = ("masking", "pseudonym_key_file"), ("masking", "old_pseudonym_keys")
"""The settings that name files of pseudonym keys."""


@dataclass(frozen=True)
class MaskerSource:
    """Everything that a masker is made of: equal sources make equal maskers."""

    masking: InstallationMasking
    limits: tuple[int, int, int]
    key: bytes = field(repr=False)
    old_keys: tuple[tuple[str, bytes], ...] = field(repr=False)


def read_masker_source(settings: Settings) -> MaskerSource:
    """Read the pseudonym keys of the installation, and make its own key where none is named.

    Raises:
        ConfigError: a key that cannot be used.
    """
    masking, limits = settings.masking, settings.limits
    read = {setting: read_key(path, setting) for setting, path in _key_files(masking).items()}
    key = read.pop(KEY, None) or make_own_key(settings.state / PSEUDONYM_KEY)
    old = tuple((setting[-1], each) for setting, each in read.items())
    return MaskerSource(masking, (limits.json_depth, limits.event, limits.response_body), key, old)


def key_problems(settings: Settings) -> list[ConfigError]:
    """Return an error for each key file that the settings name and that cannot be used. Makes no key."""
    problems = []
    for setting, path in _key_files(settings.masking).items():
        try:
            read_key(path, setting)
        except ConfigError as error:
            problems.append(error)
    return problems


def _key_files(masking: InstallationMasking) -> dict[tuple[str, ...], Path]:
    """Return the key files that are named, by the setting that names each."""
    own = {KEY: masking.pseudonym_key_file} if masking.pseudonym_key_file else {}
    return own | {(*OLD_KEYS, key_id): path for key_id, path in masking.old_pseudonym_keys.items()}


def make_masker(settings: Settings, source: MaskerSource | None = None) -> Masker:
    """Make the masker, with the installation's pseudonym keys.

    Args:
        settings: the whole configuration.
        source: the keys, where they have been read.

    Raises:
        ConfigError: a detector or a key that cannot be used.
    """
    read = source or read_masker_source(settings)
    masker = make_masker_with(settings, read.key, settings.masking.pseudonym_key_id, dict(read.old_keys))
    masker.warm_up()
    return masker


def make_masker_with(
    settings: Settings,
    key: bytes,
    key_id: str = "k0",
    old_keys: dict[str, bytes] | None = None,
    *,
    detectors: Analyzer | None = None,
) -> Masker:
    """Make the masker, with these pseudonym keys; reads and writes no key file.

    Args:
        settings: the whole configuration.
        key: the pseudonym key.
        key_id: its id.
        old_keys: earlier keys by id.
        detectors: None: those of the settings.

    Raises:
        ConfigError: a detector that cannot be used.
    """
    return Masker(
        detectors or make_detectors(settings.masking),
        pseudonym_key=key,
        pseudonym_key_id=key_id,
        old_pseudonym_keys=old_keys or {},
        max_depth=settings.limits.json_depth,
        event_limit=settings.limits.event,
        text_limit=settings.limits.response_body,
    )


def make_detectors(masking: InstallationMasking) -> Analyzer:
    """Make the built-in detectors with the installation's words, its own detectors, and Presidio's.

    Raises:
        ConfigError: a pattern or word that cannot be used, a name that is taken or not known, a region without
            phones, or an extra that is missing; it holds all mistakes, each with its key.
    """
    detectors, problems = collect_detectors(masking)
    if problems:
        raise combined(problems)
    return Analyzer(detectors)


def collect_detectors(masking: InstallationMasking) -> tuple[tuple[Detector, ...], list[ConfigError]]:
    """Make all detectors that can be made, and return an error for each thing that is wrong.

    In the place of a detector that cannot be made, one with its name finds nothing: rules may name its entity.
    """
    problems: list[ConfigError] = []
    built_in = catalogue(_vocabulary(masking.words, problems))
    names = {detector.entity for detector in built_in}
    phones = _phones(masking.phone_regions, problems)
    own = tuple(_own_detector(name, each, problems) for name, each in _not_taken(masking, names, problems))
    presidio = _presidio(masking.presidio, {*names, *masking.detectors}, problems) if masking.presidio else ()
    return (*built_in, *phones, *own, *presidio), problems


def _phones(regions: list[str], problems: list[ConfigError]) -> tuple[Detector, ...]:
    """Make the detector for national phone numbers of the installation's regions."""
    known = []
    for index, region in enumerate(regions):
        try:
            phone_number_of([region])
            known.append(region)
        except ValueError as error:
            key = ("masking", "phone_regions", index)
            problems.append(ConfigError(f"masking.phone_regions: {error}", key=key))
    return (phone_number_of(known),) if known else ()


def _vocabulary(words: dict[str, list[str]], problems: list[ConfigError]) -> Vocabulary:
    """Return the built-in words and those of the installation."""
    good: dict[str, list[str]] = {}
    for kind, more in words.items():
        if kind not in kinds():
            meant = similar(kind, kinds())
            hint = f'did you mean "{meant}"?' if meant else f"kinds are {', '.join(kinds())}"
            what = f"masking.words: {kind!r} is not a kind of words"
            problems.append(ConfigError(what, hint=hint, key=("masking", "words", kind)))
            continue
        for index, word in enumerate(more):
            try:
                Words([word])
                good.setdefault(kind, []).append(word)
            except ValueError as error:
                key = ("masking", "words", kind, index)
                problems.append(ConfigError(f"masking.words.{kind}: {error}", key=key))
    return Vocabulary(good) if good else built_in_words()


def _not_taken(
    masking: InstallationMasking, built_in: set[str], problems: list[ConfigError]
) -> Iterator[tuple[str, CustomDetector]]:
    """Yield the detectors that the configuration defines, but for those with the name of a built-in one."""
    for name, settings in masking.detectors.items():
        if name in built_in:
            key = ("masking", "detectors", name)
            what = f"{'.'.join(key)}: a built-in detector has this name"
            problems.append(ConfigError(what, hint="choose another name", key=key))
        else:
            yield name, settings


def _own_detector(name: str, settings: CustomDetector, problems: list[ConfigError]) -> Detector:
    """Make a detector that the configuration defines."""
    try:
        return make_custom(
            name,
            settings.pattern,
            words=settings.context if settings.needs_context else (),
            whole=settings.whole,
            ignore_case=settings.ignore_case,
        )
    except ValueError as error:
        key = ("masking", "detectors", name)
        problems.append(ConfigError(f"{'.'.join(key)}: {error}", key=(*key, "pattern")))
        return _stand_in(name)


def _stand_in(entity: str) -> Detector:
    """Make a detector that stands for one that cannot be made. It is never used for a call."""
    return make_custom(entity, "x", words=("x",))


def _presidio(settings: PresidioSettings, taken: set[str], problems: list[ConfigError]) -> tuple[Detector, ...]:
    """Make Presidio's detectors. Their names must not be those of other detectors, nor that of the mask."""
    key: tuple[str, ...] = ("masking", "presidio")
    try:
        return make_presidio(
            settings.entities,
            score=settings.score,
            language=settings.language,
            model=settings.model,
            longest=settings.longest,
            others=(*taken, REDACTED.strip("[]")),
        )
    except ImportError:
        hint = "pip install 'extproc[presidio]'"
        problems.append(ConfigError("masking.presidio: Presidio is not installed", hint=hint, key=key))
    except UnknownEntities as error:
        for index, name in enumerate(settings.entities):
            if name in error.names:
                meant = suggestion(name, error.known)
                hint = "" if meant else f"it can find {', '.join(sorted(error.known))}"
                what = f"masking.presidio.entities: Presidio cannot find {name} here{meant}"
                problems.append(ConfigError(what, hint=hint, key=(*key, "entities", index)))
    except ModelMissing as error:
        hint = f"python -m spacy download {settings.model}; without a network: pip install the model's wheel"
        problems.append(ConfigError(f"masking.presidio.model: {error}", hint=hint, key=(*key, "model")))
    except ValueError as error:
        problems.append(ConfigError(f"masking.presidio: {error}", key=key))
    return tuple(_stand_in(each) for each in settings.entities if each not in taken)
