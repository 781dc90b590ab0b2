"""The guard never finds another connection than Envoy would route to."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.settings.hosts import find_host, host_problems

LABELS = st.lists(st.sampled_from(["a", "b", "com", "a-b"]), min_size=1, max_size=4).map(".".join)
PORTS = st.sampled_from(["", ":1", ":80"])
DOMAINS = st.one_of(
    st.builds("{}{}".format, LABELS, PORTS),
    st.builds("*.{}{}".format, LABELS, PORTS),
    st.builds("{}:*".format, LABELS),
)
AUTHORITIES = st.one_of(
    st.builds("{}{}".format, LABELS, PORTS),
    DOMAINS,
    st.builds("{}{}{}{}".format, LABELS, st.sampled_from([",", "@", ":", ".", "", "*", "\u212a"]), LABELS, PORTS),
    st.text(max_size=8),
).flatmap(lambda text: st.sampled_from([text, text.upper()]))


def envoys(owners, authority):
    """Envoy's lookup of a virtual host: config.route.v3.VirtualHost, ``domains``."""
    host = "".join(each.lower() if each.isascii() else each for each in authority)
    if host in owners and "*" not in host:
        return owners[host]
    wild = sorted((each for each in owners if "*" in each), key=len, reverse=True)
    for domain in wild:
        if domain[0] == "*" and len(host) >= len(domain) and host.endswith(domain[1:]):
            return owners[domain]
    for domain in wild:
        if domain[-1] == "*" and len(host) >= len(domain) and host.startswith(domain[:-1]):
            return owners[domain]
    return None


@given(st.dictionaries(DOMAINS, st.sampled_from(["x", "y", "z"]), max_size=8), AUTHORITIES)
def test_the_guard_finds_envoys_connection_or_none(owners, authority):
    found = find_host(owners, authority)
    assert found is None or found == envoys(owners, authority)


@given(
    st.dictionaries(DOMAINS, st.sampled_from(["x", "y", "z"]), max_size=8), st.builds("{}{}".format, LABELS, PORTS)
)
def test_a_plain_host_finds_exactly_envoys_connection(owners, authority):
    assert find_host(owners, authority) == envoys(owners, authority)


@given(
    st.dictionaries(DOMAINS, st.sampled_from(["x", "y", "z"]), max_size=8), st.builds("{}{}".format, LABELS, PORTS)
)
def test_without_problems_the_order_of_kinds_decides_nothing(owners, authority):
    """No request matches wildcards of both kinds of different connections, unless an exact host wins."""
    if list(host_problems(owners)) or authority in owners:
        return
    kinds = [
        {owner for domain, owner in owners.items() if domain[at] == "*" and envoys({domain: "x"}, authority)}
        for at in (0, -1)
    ]
    assert not kinds[0] or not kinds[1] or len(kinds[0] | kinds[1]) == 1 or _longest_is_same(owners, authority)


def _longest_is_same(owners, authority):
    """Several wildcards of names match: the longest wins, and it is the port's connection too."""
    by_name = {domain: owner for domain, owner in owners.items() if domain[0] == "*"}
    by_port = {domain: owner for domain, owner in owners.items() if domain[-1] == "*"}
    return envoys(by_name, authority) == envoys(by_port, authority)
