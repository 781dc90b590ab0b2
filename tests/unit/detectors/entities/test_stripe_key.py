"""STRIPE_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import AROUND, check_found, check_nothing_found

ENTITY = "STRIPE_KEY"
FOUND = [
    "sk_live_" + "a1B2c3D4e5",
    "rk_test_" + "a1B2c3D4e5",
    "whsec_" + "a" * 24,
]
NOT_FOUND = [
    "pk_live_" + "a1B2c3D4e5",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
