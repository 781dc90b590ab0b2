"""The built-in functions that a policy may call in the embedded engine.

regorus differs from OPA in the details of some. Functions whose details may change a decision are replaced here. A
function that is neither checked nor replaced is refused when a policy is loaded.
"""

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from extproc.policy.regorus.import_regorus import RegorusEngine
from extproc.policy.regorus.regex_builtins import BadArgument, Patterns, require_texts

Replacement: TypeAlias = tuple[int, Callable[..., Any]]
"""Number of arguments, and the function."""

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
"""regorus's own functions that give OPA's results, and never panic, use the network or read the environment."""
ARITIES = {"walk": 2, "glob.match": 3}
"""Functions that give OPA's results with this number of arguments only."""


def cidr_contains(cidr: Any, other: Any) -> bool:
    """OPA's ``net.cidr_contains``; an IPv4-mapped IPv6 address counts as its IPv4 address."""
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
    require_texts(text)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadArgument("not an address or network") from None
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None  # noqa: PLR2004 - the protocol
    if mapped is None or network.prefixlen < 96:  # noqa: PLR2004 - RFC 4291 section 2.5.5.2
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)


def strings_count(text: Any, needle: Any) -> int:
    """OPA's ``strings.count``: matches do not overlap; an empty needle counts the gaps between characters."""
    require_texts(text, needle)
    return str(text).count(needle)


def _refuse(*_: Any) -> Any:
    raise BadArgument("this function is not available here")


def replacements(patterns: Patterns) -> dict[str, Replacement]:
    """The functions that replace regorus's own."""
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
"""Functions that fail if called. The check at loading refuses them already; this is a second barrier."""
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


def install_builtins(engine: RegorusEngine, patterns: Patterns) -> None:
    """Replace the engine's functions.

    Args:
        engine: a new engine.
        patterns: matches regular expressions for this engine.
    """
    for name, (arguments, function) in (replacements(patterns) | dict(REFUSED)).items():
        engine.add_extension(name, arguments, function)
