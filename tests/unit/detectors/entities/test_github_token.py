"""GITHUB_TOKEN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_nothing_found

ENTITY = "GITHUB_TOKEN"
FOUND = [
    "ghp_" + "a1B2" * 9,
    "ghs_" + "x" * 36,
    "github_pat_11ABCDEFG0_abcdefghijklmnop",
]
NOT_FOUND = [
    "ghp_" + "a" * 35,
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
