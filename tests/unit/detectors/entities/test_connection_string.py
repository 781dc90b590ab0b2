"""CONNECTION_STRING: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import check_part_found

ENTITY = "CONNECTION_STRING"
FOUND_IN_PART = [("postgres://app:hunter22@db.internal/x", "hunter22"), ("amqp://:s3cr3t@mq", "s3cr3t")]
"""Text, and the part of it that is found."""


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)
