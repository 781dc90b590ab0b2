"""All built-in detectors together."""

import json
from pathlib import Path

import pytest

from extproc.detectors import catalogue
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.entities.national.alone import ALONE
from extproc.detectors.entities.national.beside import BESIDE
from extproc.detectors.entities.tokens.catalogue import TOKENS
from tests.unit.detectors.entities.checks import ANALYZER

RANDOM = "Xk29fLq81mZtPw47"
ANY_KEY = [
    "text",
    "chat",
    "format",
    "name",
    "status",
    "update",
    "paid",
    "curl",
    "url",
    "id",
    "conversion",
    "build_log",
]
ANY_KEY += ["release_notes", "version", "phone_id", "secret_name", "driver", "candidate"]
UNDER_ANY_KEY = [
    (f"my password is {RANDOM}", "SECRET", RANDOM),
    (f"curl -H 'X-Api-Key {RANDOM}'", "SECRET", RANDOM),
    ("call my mobile 0791234567", "PHONE_NUMBER", "0791234567"),
    ("connected to 10.1.2.3 and more", "IP_ADDRESS", "10.1.2.3"),
    ("host 2001:db8::8a2e:370:7334", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
]
"""A text, and the entity that is found in it by what the text itself says."""


def test_every_entity_has_a_module_and_a_test_or_a_row_of_a_table():
    entities = {detector.entity for detector in CATALOGUE}
    assert entities == ANALYZER.entities
    named = {each.entity for each in CATALOGUE if each.names}
    rows = {row.entity for row in (*TOKENS, *ALONE, *BESIDE)}
    for entity in entities - rows - named:
        assert (Path(__file__).parent / "entities" / f"test_{entity.lower()}.py").is_file()
        assert (Path(catalogue.__file__).parent / "entities" / f"{entity.lower()}.py").is_file()


def test_several_are_found_in_order():
    text = "a@b.co 4111111111111111 123-45-6789 c@d.co"
    assert [text[match.start : match.end] for match in ANALYZER.scan(text)] == text.split()


@pytest.mark.parametrize(("text", "entity", "part"), UNDER_ANY_KEY)
@pytest.mark.parametrize("key", ANY_KEY)
def test_words_in_a_text_count_under_any_key(text, entity, part, key):
    at = text.index(part)
    assert (at, at + len(part), entity) in ANALYZER.scan(text, lambda: key)
    assert entity in {match.entity for match in ANALYZER.scan(json.dumps({key: text}))}
