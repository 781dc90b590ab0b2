"""MAC_ADDRESS: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    check_found_in_context,
    check_nothing_found,
    check_part_found,
)

ENTITY = "MAC_ADDRESS"
FOUND_IN_CONTEXT = [
    ("00:1A:2B:3C:4D:5E", "mac"),
    ("00-1a-2b-3c-4d-5e", "hwaddr"),
    ("0012.3456.789A", "mac_address"),
    ("00:1a:2b:ff:fe:3c:4d:5e", "mac_addr"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_IN_PART = [
    ("link/ether 08:00:27:4e:66:a1 brd ff:ff:ff:ff:ff:ff", "08:00:27:4e:66:a1"),
    ("Physical address is aabb.ccdd.eeff", "aabb.ccdd.eeff"),
    ("MACs: 00:11:22:33:44:55 and AA-BB-CC-DD-EE-FF", "AA-BB-CC-DD-EE-FF"),
]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "00:1A:2B:3C:4D:5E",
    "mac: FF:FF:FF:FF:FF:FF",
    "mac: 00:00:00:00:00:00",
    "mac: 00:1A:2B:3C:4D",
    "mac: 10:2F:33-AC-29-C3",
    "mac: 00:1A:2B:3C:4D:5E:6F",
    "eui64: 69-33-7b-0e-60-85-13-d0",
    "machine 00:1A:2B:3C:4D:5E",
]


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_all_spellings_have_one_canonical_form():
    assert ANALYZER.canonical(ENTITY, "00-1A-2B-3C-4D-5E") == ANALYZER.canonical(ENTITY, "001a.2b3c.4d5e")
