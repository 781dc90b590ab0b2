"""IP_ADDRESS: texts in which it is found, and texts in which it is not."""

import re

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    AROUND,
    check_found,
    check_nothing_found,
    check_part_found,
    found_in,
)

ENTITY = "IP_ADDRESS"
FOUND = [
    "192.0.2.44",
    "10.1.2.3",
    "2001:db8::8a2e:370:7334",
    "2001:0db8:0000:0000:0000:ff00:0042:8329",
    "::ffff:c000:22c",
    "64:ff9b::192.0.2.33",
    "::ffff:10.0.0.1",
    "fe80::1",
    "fd00::1",
    "A099::09C0:876A:130B",
]
FOUND_IN_CONTEXT = [("2001::1", "dns"), ("2620::1", "gateway"), ("a::b", "ip"), ("2001::1", "peer_addr")]
"""Text, and the key above it without which it is not an address."""
NETWORKS = ["10.1.2.3/24", "192.168.1.1/32", "2001:db8::/32", "2001::1/64", "2001::1%eth0", "fe80::1%25eth0"]
FOUND_IN_PART = (
    [
        (f"{before}{address}{behind}", address)
        for address in ("10.1.2.3", "2001:db8::8a2e:370:7334")
        for before, behind in [
            ("http://" if "." in address else "http://[", "/x" if "." in address else "]/x"),
            ("//", ""),
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
    + [
        (text, "10.1.2.3")
        for text in ("redis:10.1.2.3", "quobyte@10.1.2.3", "src_ip==10.1.2.3", "ip.addr == 10.1.2.3")
    ]
    + [("[2001::1]:443", "2001::1"), ("SSH to user@2001:db8::1", "2001:db8::1")]
    + [(text, "10.1.2.3") for text in ("https://10.1.2.3/a-1.2.3.4.zip", "ip-10.1.2.3", "GET /peers/10.1.2.3")]
)
"""Text, and the part of it that is found."""


NOT_FOUND = [
    "2001::1",
    "1::2",
    "12:30:45",
    "00:1a:2b:ff:fe:3c:4d:5e",
    "::ffff:127.0.0.1",
    "OID 2.5.29.15",
    "see version 4.0.0.1 of it",
    "section 4.0.0.1",
    "control:3.6.1.1",
    '{"control": "3.6.1.1"}',
    "name>=1.2.3.4",
    "name==1.2.3.4",
    "name ~> 1.2.3.4",
    '"^1.2.3.4"',
    "4.0.0.1-alpha",
    "11.2.0.2.v3",
    "image: nginx:1.25.3.1",
    "registry.example/library/nginx:1.25.3.1",
    "FROM nginx:1.25.3.1",
    "~[app-1.2.3.2.jar!/:1.2.3.0]",
    "Release 4.0.0.6",
    "chart: ingress-nginx-9.11.72.8",
    "Assembly, Version=1.2.3.4, Culture",
    "server db::add(1)",
]
OTHER_NAMES = [
    ("tag_name", "4.0.0.1"),
    ("image", "nginx:1.25.3.1"),
    ("helm.sh/chart", "ingress-nginx-9.11.72.8"),
    ("engineVersionDescription", "Db 11.2.0.2.v3"),
]
"""Keys, and what stands under them."""


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


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_a_short_address_is_found_beside_a_word(text, key):
    assert ANALYZER.scan(text, lambda: key) == [(0, len(text), ENTITY)]
    assert ENTITY in found_in(f"{key}: {text}") or not any(map(str.isdigit, text))


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


@pytest.mark.parametrize(("key", "text"), OTHER_NAMES)
def test_is_not_found_under_the_name_of_something_else(key, text):
    assert ANALYZER.scan(text, lambda: key) == []


@pytest.mark.parametrize("text", NETWORKS)
def test_the_length_of_a_prefix_and_a_zone_go_with_the_address(text):
    """What is left of an address says where its machine is."""
    assert ANALYZER.scan(text) == [(0, len(text), ENTITY)]
    assert ANALYZER.canonical(ENTITY, text) == re.split("[/%]", text)[0]


@pytest.mark.parametrize(
    "text", ["http://10.1.2.3/24", "10.1.2.3/24/x", "10.1.2.3/300", "2001:db8::8a2e:370:1/9999"]
)
def test_a_path_and_other_numbers_stay(text):
    assert [text[each.start : each.end] for each in ANALYZER.scan(text)] in (
        ["10.1.2.3"],
        ["2001:db8::8a2e:370:1"],
    )
