"""IP_ADDRESS: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found, check_part_found

ENTITY = "IP_ADDRESS"
FOUND = [
    "192.0.2.44",
    "10.1.2.3",
    "2001:db8::8a2e:370:7334",
    "2001:0db8:0000:0000:0000:ff00:0042:8329",
    "::ffff:c000:22c",
    "64:ff9b::192.0.2.33",
]
FOUND_IN_PART = (
    [
        (f"{before}{address}{behind}", address)
        for address in ("10.1.2.3", "2001:db8::8a2e:370:7334")
        for before, behind in [
            ("http://" if "." in address else "http://[", "/x" if "." in address else "]/x"),
            ("//", ""),
            ("", "/24"),
            ("", "-"),
            ("", "-fine"),
            ("", "-gateway"),
            ("", "_device"),
            ("", "-1.predator"),
            ("", "-debug2"),
            ("", "-10.1.2.9"),
            ("", "-2001:db8::8a2e:370:9999"),
            ("10.1.2.2-", ""),
            ("2001:db8::8a2e:370:1111-", ""),
            ("db/", " is up"),
            ("peers/", "/status"),
            ("from-", ""),
            ("from_", "_at_noon"),
            ("/", ""),
            ("", "."),
        ]
    ]
    + [(text, "10.1.2.3") for text in ("redis://10.1.2.3:6379/0", "Db/10.1.2.3:5432", "access-10.1.2.3.txt")]
    + [(text, "10.1.2.3") for text in ("https://10.1.2.3/a-1.2.3.4.zip", "ip-10.1.2.3", "GET /peers/10.1.2.3")]
)
"""Text, and the part of it that is found."""


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize(
    "key", ["conversion", "server", "driver", "approver", "building", "released_from", "build_host"]
)
def test_keys_that_only_sound_like_a_version_hide_no_address(key):
    assert [match.entity for match in ANALYZER.scan("10.1.2.3", lambda: key)] == [ENTITY]
    assert [match.entity for match in ANALYZER.scan(f"{key}=10.1.2.3")] == [ENTITY]
