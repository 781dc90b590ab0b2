"""AWS_ACCESS_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found, check_nothing_found

ENTITY = "AWS_ACCESS_KEY"
FOUND = [
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
]
NOT_FOUND = [
    "AKIAIOSFODNN7EXAMPL",
    "AKIAIOSFODNN7EXAMPLES",
    "XAKIAIOSFODNN7EXAMPLE",
    "akiaiosfodnn7example",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_text_beside_it_hides_nothing():
    assert [match.entity for match in ANALYZER.scan("id=AKIAIOSFODNN7EXAMPLE&x")] == [ENTITY]
