"""Make the masker: the detectors of the installation and its pseudonym keys."""

from dataclasses import dataclass, field

from extproc.assembly.keys import PSEUDONYM_KEY, make_own_key, read_key
from extproc.config.schema import Settings
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import catalogue
from extproc.detectors.custom import make_custom
from extproc.detectors.detector import Detector
from extproc.detectors.entities.phone_number import phone_number_of
from extproc.detectors.presidio import make_presidio
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.vocabulary import built_in as built_in_words
from extproc.masking.masker import Masker
from extproc.masking.plan.operators import REDACTED
from extproc.model.errors import ConfigError
from extproc.settings.masking import CustomDetector, InstallationMasking, PresidioSettings


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
    named = masking.pseudonym_key_file
    key = read_key(named) if named else make_own_key(settings.state / PSEUDONYM_KEY)
    old = tuple((key_id, read_key(path)) for key_id, path in masking.old_pseudonym_keys.items())
    return MaskerSource(masking, (limits.json_depth, limits.event, limits.response_body), key, old)


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
    settings: Settings, key: bytes, key_id: str = "k0", old_keys: dict[str, bytes] | None = None
) -> Masker:
    """Make the masker, with these pseudonym keys; reads and writes no key file.

    Raises:
        ConfigError: a detector that cannot be used.
    """
    return Masker(
        make_detectors(settings.masking),
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
            phones, or an extra that is missing.
    """
    built_in = catalogue(_vocabulary(masking.words))
    names = {detector.entity for detector in built_in}
    phones = _phones(masking.phone_regions) if masking.phone_regions else ()
    own = tuple(_own_detector(name, each, names) for name, each in masking.detectors.items())
    presidio = _presidio(masking.presidio, {*names, *masking.detectors}) if masking.presidio else ()
    return Analyzer((*built_in, *phones, *own, *presidio))


def _phones(regions: list[str]) -> tuple[Detector, ...]:
    """Make the detector for national phone numbers of the installation's regions."""
    try:
        return (phone_number_of(regions),)
    except ValueError as error:
        raise ConfigError(f"masking.phone_regions: {error}", key=("masking", "phone_regions")) from error


def _vocabulary(words: dict[str, list[str]]) -> Vocabulary:
    """Return the built-in words and those of the installation."""
    if not words:
        return built_in_words()
    for kind, more in words.items():
        try:
            Vocabulary({kind: more})
        except ValueError as error:
            raise ConfigError(f"masking.words: {error}", key=("masking", "words", kind)) from error
    return Vocabulary(words)


def _own_detector(name: str, settings: CustomDetector, built_in: set[str]) -> Detector:
    """Make a detector that the configuration defines."""
    key = ("masking", "detectors", name)
    if name in built_in:
        raise ConfigError(f"{'.'.join(key)}: a built-in detector has this name", key=key)
    try:
        return make_custom(
            name,
            settings.pattern,
            words=settings.context if settings.needs_context else (),
            whole=settings.whole,
            ignore_case=settings.ignore_case,
        )
    except ValueError as error:
        raise ConfigError(f"{'.'.join(key)}: {error}", key=(*key, "pattern")) from error


def _presidio(settings: PresidioSettings, taken: set[str]) -> tuple[Detector, ...]:
    """Make Presidio's detectors. Their names must not be those of other detectors, nor that of the mask."""
    try:
        return make_presidio(
            settings.entities,
            score=settings.score,
            language=settings.language,
            model=settings.model,
            longest=settings.longest,
            others=(*taken, REDACTED.strip("[]")),
        )
    except ImportError as error:
        raise ConfigError(
            "masking.presidio: Presidio is not installed",
            hint="pip install 'extproc[presidio]'",
            key=("masking", "presidio"),
        ) from error
    except ValueError as error:
        raise ConfigError(f"masking.presidio: {error}", key=("masking", "presidio")) from error
