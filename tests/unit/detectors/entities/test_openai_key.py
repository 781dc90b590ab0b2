"""OPENAI_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_nothing_found

ENTITY = "OPENAI_KEY"
FOUND = [
    "sk-" + "a1b2c3d4" * 6,
    "sk-proj-abc_DEF-123456789012345",
    "sk-ant-api03-abcdefghijklmnop",
]
NOT_FOUND = [
    "task-list-of-many-words-in-one-name",
    "sk-some-long-name-without-digits",
    "sk-short1",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
