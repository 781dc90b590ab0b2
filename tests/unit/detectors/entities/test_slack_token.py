"""SLACK_TOKEN: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_nothing_found

ENTITY = "SLACK_TOKEN"
FOUND = [
    "xoxb-123456789012-abcdef",
    "xoxe.xoxp-1-abcdefghijkl",
    "xapp-1-A0123-4567-abcdef",
]
NOT_FOUND = [
    "xoxb-short",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
