"""Presidio's recognizers as detectors: the same findings, closed where Presidio is open."""

import json
import os
import socket
import sys

import pytest

from extproc.assembly.make_masker import make_detectors
from extproc.assembly.masking_notes import masking_notes
from extproc.config.load import load_settings
from extproc.model.errors import ConfigError, MaskingError
from extproc.model.masking import MaskOperator, MaskRule
from extproc.settings.masking import InstallationMasking, PresidioSettings
from tests.support.maskers import make_masker

pytestmark = pytest.mark.slow

try:
    import presidio_analyzer
except ImportError:
    if os.environ.get("CI"):
        raise
    presidio_analyzer = None

needs_presidio = pytest.mark.skipif(presidio_analyzer is None, reason="the extra presidio is not installed")
JSON, TEXT = "application/json", "text/plain"
EVERYTHING = (MaskRule(MaskOperator.REDACT, entity="*"),)
ENTITIES = [
    "MEDICAL_LICENSE",
    "US_DRIVER_LICENSE",
    "EMAIL_ADDRESS",
    "CREDIT_CARD",
    "UK_NINO",
    "PHONE_NUMBER",
    "URL",
]
LICENSE = "BA9876547"
"""A number of the Drug Enforcement Administration: its check digit is right."""


@pytest.fixture(scope="module")
def masker():
    return masker_with()


def masker_with(**more):
    settings = PresidioSettings.model_validate({"entities": ENTITIES, **more})
    return make_masker(make_detectors(InstallationMasking(presidio=settings)), event_limit=1 << 20)


def masked(masker, body, content_type=JSON, rules=EVERYTHING):
    return masker.mask(body.encode(), content_type, rules).body.decode()


@needs_presidio
def test_what_only_presidio_knows_is_found(masker):
    body = '{"note": "licence BA9876547 of Ann", "n": 7}'
    result = masker.mask(body.encode(), JSON, EVERYTHING)
    assert result.body.decode() == '{"note": "licence [MEDICAL_LICENSE] of Ann", "n": 7}'
    assert [(each.entity, each.path) for each in result.findings] == [("MEDICAL_LICENSE", "$.note")]


@needs_presidio
def test_keys_are_context_that_raises_the_score(masker):
    """A weak pattern counts where the key says what it is."""
    assert masked(masker, '{"driver_license": "H12234567"}') == '{"driver_license": "[US_DRIVER_LICENSE]"}'
    assert masked(masker, '{"order": "H12234567"}') == '{"order": "H12234567"}'


@needs_presidio
def test_text_in_text_and_other_scripts_are_seen_through(masker):
    assert masked(masker, "licence BA98765%34%37", TEXT) == "licence [MEDICAL_LICENSE]"
    assert masked(masker, "licence BA987654\uff17", TEXT) == "licence [MEDICAL_LICENSE]"


@needs_presidio
@pytest.mark.parametrize("how", list(MaskOperator))
def test_masks_are_not_masked_again(masker, how):
    rules = (MaskRule(how, entity="*"),)
    body = f"licence {LICENSE}, card 4111111111111111, ann@example.com, see https://example.com/x"
    once = masked(masker, body, TEXT, rules)
    assert LICENSE not in once
    assert masked(masker, once, TEXT, rules) == once


@needs_presidio
@pytest.mark.parametrize("around", ["[{}]", "<{}:k1:ABCDEFGHIJKLMNOP>", "[[{}]]", "[{}_]"])
def test_what_looks_like_a_label_and_is_a_value_is_masked(masker, around):
    assert LICENSE not in masked(masker, f"licence {around.format(LICENSE)}", TEXT)
    assert LICENSE not in masked(masker, f'{{"a": "{around.format(LICENSE)}"}}')


@needs_presidio
def test_pseudonyms_of_what_both_know_do_not_depend_on_the_spelling(masker):
    rules = (MaskRule(MaskOperator.PSEUDONYM, entity="*"),)
    assert masked(masker, "4111 1111 1111 1111", TEXT, rules) == masked(masker, "4111111111111111", TEXT, rules)


@needs_presidio
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_and_text_that_streams(masker, size):
    for content_type, end in (("text/event-stream", "\n\n"), (TEXT, "\n"), ("application/x-ndjson", "\n")):
        note = f'{{"note": "licence {LICENSE}"}}' if "json" in content_type else f"data: licence {LICENSE}"
        stream, raw = masker.stream(content_type, EVERYTHING), (note + end).encode()
        out = b"".join(stream.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + stream.finish()
        assert out.decode() == note.replace(LICENSE, "[MEDICAL_LICENSE]") + end


@needs_presidio
def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(MaskingError, match="too-large for Presidio"):
        masked(masker_with(longest=10), "it is long enough", TEXT)


@needs_presidio
def test_a_pattern_that_takes_too_long_ends_the_call(monkeypatch):
    """Presidio would leave it out, and find nothing."""
    from presidio_analyzer import pattern_recognizer

    masker = masker_with(entities=["URL", "MEDICAL_LICENSE"])
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1e-9)
    with pytest.raises(MaskingError, match="TimeoutError"):
        masked(masker, f"licence {LICENSE} " * 2_000, TEXT)


@needs_presidio
def test_a_recognizer_that_fails_ends_the_call(monkeypatch):
    def fail(*_):
        raise RuntimeError(LICENSE)

    monkeypatch.setattr(presidio_analyzer.PatternRecognizer, "analyze", fail)
    with pytest.raises(MaskingError) as caught:
        masked(masker_with(), f"licence {LICENSE}", TEXT)
    assert LICENSE not in str(caught.value)


@needs_presidio
def test_text_that_streams_waits_for_its_end(masker):
    """Nothing tells how far a recognizer looks."""
    stream = masker.stream(TEXT, EVERYTHING)
    assert stream.feed(b"one line, and\nanother\n") == b""
    assert stream.finish() == b"one line, and\nanother\n"


@needs_presidio
def test_nothing_is_fetched(monkeypatch, tmp_path):
    """Presidio's e-mail addresses would ask for a list of domains."""
    import tldextract

    asked = []

    def refuse(*where, **_more):
        asked.append(where)
        raise OSError("no network")

    fresh = tldextract.TLDExtract(cache_dir=str(tmp_path))
    monkeypatch.setattr(tldextract.tldextract, "TLD_EXTRACTOR", fresh)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert masked(masker_with(), "ann@example.com", TEXT) == "[EMAIL_ADDRESS]"
    assert asked == []


@needs_presidio
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"entities": ["NO_SUCH"]}, "cannot find NO_SUCH here\n  it can find .*UK_NINO"),
        ({"entities": ["PERSON"]}, "cannot find PERSON here"),
        ({"entities": ["PERSON"], "model": "en_none"}, "the model 'en_none' is not installed"),
    ],
)
def test_what_is_not_there_is_said_at_the_start(settings, message):
    with pytest.raises(ConfigError, match=message):
        masker_with(**settings)


def test_a_missing_extra_is_said_with_the_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(ConfigError, match=r"pip install 'extproc\[presidio\]'"):
        masker_with()


@pytest.fixture
def small_model(tmp_path, monkeypatch):
    """A spaCy model that knows two names, installed as a package as models are."""
    import spacy

    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": "Maria Garcia"}, {"label": "GPE", "pattern": [{"LOWER": "leeds"}]}]
    )
    package = tmp_path / "en_small_names"
    nlp.to_disk(package)
    loads = "from spacy.util import load_model_from_path\n\n\n"
    loads += "def load(**options):\n    return load_model_from_path(Path(__file__).parent, **options)\n"
    (package / "__init__.py").write_text("from pathlib import Path\n\n" + loads)
    about = tmp_path / "en_small_names-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: en_small_names\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return package.name


@needs_presidio
def test_a_language_model_finds_names(small_model):
    masker = masker_with(entities=["PERSON", "LOCATION"], model=small_model)
    body = '{"note": "Maria Garcia moved to Leeds", "id": 7}'
    assert masked(masker, body) == '{"note": "[PERSON] moved to [LOCATION]", "id": 7}'
    assert masked(masker, "ask Maria Garcia", TEXT) == "ask [PERSON]"


@needs_presidio
def test_a_score_that_an_entitys_patterns_never_reach_is_noted(tmp_path):
    """A check digit makes a match sure; a telling key adds to a weak pattern."""
    entities = ["UK_POSTCODE", "US_DRIVER_LICENSE", "MEDICAL_LICENSE", "URL"]
    notes = list(_notes(tmp_path, entities=entities))
    assert [note.path for note in notes] == [("masking", "presidio", "entities", 0)]
    assert "UK_POSTCODE is never found" in str(notes[0])
    assert list(_notes(tmp_path, entities=entities, score=0.44)) == []


def _notes(tmp_path, **presidio):
    file = tmp_path / "e.yaml"
    file.write_text(CONFIGURATION + f"masking: {{presidio: {json.dumps(presidio)}}}\n")
    return masking_notes(load_settings(file))


CONFIGURATION = """\
version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  files: {protocol: mcp, hosts: [f.test], upstream: {address: "127.0.0.1:1"}, tools: [a]}
"""


@needs_presidio
@pytest.mark.parametrize(
    ("presidio", "key", "words"),
    [
        ({"entities": ["URL", "UK_NHSS"]}, ("entities", 1), 'cannot find UK_NHSS here; did you mean "UK_NHS"?'),
        ({"entities": ["PERSON"], "model": "xx_none"}, ("model",), "python -m spacy download xx_none"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_to_do(presidio, key, words):
    with pytest.raises(ConfigError) as caught:
        masker_with(**presidio)
    assert caught.value.key == ("masking", "presidio", *key)
    assert words in str(caught.value)
