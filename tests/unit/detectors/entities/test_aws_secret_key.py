"""AWS_SECRET_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import check_found_in_context, check_part_found

ENTITY = "AWS_SECRET_KEY"
AWS = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYaa"
FOUND_IN_CONTEXT = [
    ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_key"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_IN_PART = [(f"aws_secret_access_key={AWS}", AWS), (f"?aws_secret={AWS}&x=1", AWS)]
"""Text, and the part of it that is found."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)
