"""SLACK_WEBHOOK: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "SLACK_WEBHOOK"
FOUND = [
    "hooks.slack.com/services/T" + "0" * 8 + "/B" + "0" * 8 + "/" + "x" * 24,
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
