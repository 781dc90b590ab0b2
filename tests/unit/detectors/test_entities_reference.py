"""The page of entities says what the catalogue says, and its examples are masked."""

import json
from pathlib import Path

import pytest

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.entities_reference import render_reference
from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "entities.md"
MASKER = make_masker()


def test_the_page_is_made_from_the_catalogue():
    """After a change of a detector: ``make reference``."""
    assert PAGE.read_text() == render_reference()


@pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.entity)
def test_every_example_is_masked_as_its_entity(detector):
    """Give each new detector a ``meaning``, an ``example``, and an ``example_key`` if it needs context."""
    assert detector.meaning
    assert "|" not in detector.meaning + detector.proof + detector.source
    body = json.dumps({detector.example_key or "v": detector.example}).encode()
    masked = MASKER.mask(body, "application/json", MASK_EVERYTHING)
    assert f"[{detector.entity}]" in masked.body.decode()
    assert detector.entity in {finding.entity for finding in masked.findings}


@pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.entity)
def test_every_example_is_masked_behind_an_escape_as_behind_a_line_end(detector):
    """A word's first character is then behind the letter of an escape."""
    text = f"hello\n{detector.example_key or 'v'}: {detector.example}\n"
    as_text = MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body
    body = json.dumps({"note": text}, ensure_ascii=False).encode()
    assert json.loads(MASKER.mask(body, "application/json", MASK_EVERYTHING).body)["note"] == as_text.decode()


@pytest.mark.parametrize("detector", [each for each in CATALOGUE if each.hints], ids=lambda each: each.entity)
def test_entities_with_context_have_an_example_with_a_key(detector):
    assert detector.example_key
