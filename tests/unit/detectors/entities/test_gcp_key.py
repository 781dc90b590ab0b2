"""GCP_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_nothing_found

ENTITY = "GCP_KEY"
FOUND = [
    "AIza" + "Sy0-_" * 7,
    "ya29." + "a0Af_-" * 5,
    "GOCSPX-" + "a1_-" * 7,
]
NOT_FOUND = [
    "AIza" + "a" * 34,
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
