"""Built-in functions under the embedded engine: which are right, and which we replace to make them right.

The engine (regorus) differs from OPA in the details of some. Those whose details decide are replaced here; what
is neither checked nor replaced is refused when a policy is loaded.
"""

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from extproc.policy.regorus.regex_builtins import BadArgument, Patterns, texts

Replacement: TypeAlias = tuple[int, Callable[..., Any]]
"""Number of arguments, and our function."""

TRUSTED = frozenset(
    """
    abs ceil floor round max min product sum sort count numbers.range numbers.range_step to_number
    bits.and bits.or bits.xor bits.negate bits.lsh bits.rsh
    array.concat array.reverse array.slice
    object.filter object.get object.keys object.remove object.subset object.union object.union_n
    intersection union
    concat contains endswith format_int indexof indexof_n lower upper replace split sprintf startswith
    strings.any_prefix_match strings.any_suffix_match strings.reverse substring
    trim trim_left trim_prefix trim_right trim_space trim_suffix
    is_array is_boolean is_null is_number is_object is_set is_string type_name
    json.filter json.is_valid json.marshal json.patch json.remove json.unmarshal
    base64.decode base64.encode base64.is_valid base64url.decode base64url.encode base64url.encode_no_pad
    hex.decode hex.encode urlquery.decode urlquery.encode
    time.add_date time.clock time.date time.diff time.now_ns time.parse_duration_ns time.parse_rfc3339_ns
    time.weekday semver.compare semver.is_valid
    graph.reachable walk print
    """.split()  # noqa: SIM905 - a hundred names read better so
)
"""Built-ins that give OPA's results, and cannot be made to panic, reach out or guess."""
ARITIES = {"walk": 2, "glob.match": 3}
"""Functions that are right with this many arguments only."""


def cidr_contains(cidr: Any, other: Any) -> bool:
    """OPA's ``net.cidr_contains``; an IPv4-mapped address counts as the IPv4 address it is."""
    outer, inner = _network(cidr), _network(other)
    return outer.version == inner.version and outer[0] <= inner[0] and inner[-1] <= outer[-1]  # type: ignore[operator]


def cidr_is_valid(cidr: Any) -> bool:
    """OPA's ``net.cidr_is_valid``: an address with a prefix length."""
    try:
        return "/" in cidr and _network(cidr) is not None
    except (BadArgument, TypeError):
        return False


@lru_cache(maxsize=1_024)
def _network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    texts(text)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadArgument("not an address or network") from None
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None  # noqa: PLR2004 - the protocol
    if mapped is None or network.prefixlen < 96:  # noqa: PLR2004 - RFC 4291 section 2.5.5.2
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)


def strings_count(text: Any, needle: Any) -> int:
    """OPA's ``strings.count``: without overlap; an empty needle counts the gaps between characters."""
    texts(text, needle)
    return str(text).count(needle)


def _refuse(*_: Any) -> Any:
    raise BadArgument("this function is not available here")


def replacements(patterns: Patterns) -> dict[str, Replacement]:
    """All that is put in the place of an engine's own function."""
    return {
        "glob.match": (3, patterns.glob_match),
        "regex.is_valid": (1, patterns.is_valid),
        "regex.match": (2, patterns.match),
        "regex.replace": (3, patterns.replace),
        "regex.split": (2, patterns.split),
        "regex.find_n": (3, patterns.find_n),
        "regex.find_all_string_submatch_n": (3, patterns.find_all_string_submatch_n),
        "net.cidr_contains": (2, cidr_contains),
        "net.cidr_is_valid": (1, cidr_is_valid),
        "strings.count": (2, strings_count),
    }


REFUSED: Mapping[str, Replacement] = {
    "http.send": (1, _refuse),
    "opa.runtime": (0, _refuse),
    "rand.intn": (2, _refuse),
    "uuid.rfc4122": (1, _refuse),
    "net.cidr_expand": (1, _refuse),
    "regex.template_match": (4, _refuse),
    "trace": (1, _refuse),
}
"""A second lock behind the check at loading."""
ALLOWED = TRUSTED | {
    "glob.match",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.find_n",
    "regex.find_all_string_submatch_n",
    "net.cidr_contains",
    "net.cidr_is_valid",
    "strings.count",
}
"""Every built-in a policy may call."""


def install(engine: Any, patterns: Patterns) -> None:
    """Put our functions in the place of the engine's."""
    for name, (arguments, function) in (replacements(patterns) | dict(REFUSED)).items():
        engine.add_extension(name, arguments, function)
