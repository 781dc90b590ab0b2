"""FI_PERSONAL_IDENTITY_CODE: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found

ENTITY = "FI_PERSONAL_IDENTITY_CODE"
FOUND = [
    "131052-308T",
    "131052A308T",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)
