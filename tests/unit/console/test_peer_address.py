"""The address of a caller: a proxy is believed only if the settings name it."""

from ipaddress import ip_network

import pytest

from extproc.console.peer_address import HOPS_MOST, UNKNOWN, peer_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.9"], "192.0.2.7"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["evil\r\nname, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, <script>"], UNKNOWN),
        ("10.0.0.1", [""], UNKNOWN),
        ("::1", ["2001:DB8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("no address", ["203.0.113.9"], UNKNOWN),
        ("10.0.0.1", [", ".join(["203.0.113.9", *["10.0.0.2"] * (HOPS_MOST + 5)])], "10.0.0.2"),
    ],
)
def test_the_nearest_address_that_is_no_proxys_counts(peer, forwarded, address):
    assert peer_address(peer, forwarded, PROXIES) == address


def test_without_a_setting_nobody_is_believed():
    assert peer_address("10.0.0.1", ["203.0.113.9"], []) == "10.0.0.1"
