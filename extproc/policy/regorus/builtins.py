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
from extproc.policy.regorus.sprintf import sprintf

Replacement: TypeAlias = tuple[int, Callable[..., Any]]
"""Number of arguments, and the function."""

TRUSTED = {
    name: int(arguments)
    for name, arguments in (
        signature.split("/")
        for signature in """
        abs/1 ceil/1 floor/1 round/1 max/1 min/1 product/1 sum/1 sort/1 count/1 numbers.range/2
        numbers.range_step/3 to_number/1
        bits.and/2 bits.or/2 bits.xor/2 bits.negate/1 bits.lsh/2 bits.rsh/2
        array.concat/2 array.reverse/1 array.slice/3
        object.filter/2 object.get/3 object.keys/1 object.remove/2 object.subset/2 object.union/2
        object.union_n/1
        intersection/1 union/1
        concat/2 contains/2 endswith/2 format_int/2 indexof/2 indexof_n/2 lower/1 upper/1 replace/3 split/2
        startswith/2
        strings.any_prefix_match/2 strings.any_suffix_match/2 strings.reverse/1 substring/3
        trim/2 trim_left/2 trim_prefix/2 trim_right/2 trim_space/1 trim_suffix/2
        is_array/1 is_boolean/1 is_null/1 is_number/1 is_object/1 is_set/1 is_string/1 type_name/1
        json.filter/2 json.is_valid/1 json.marshal/1 json.patch/2 json.remove/2 json.unmarshal/1
        base64.decode/1 base64.encode/1 base64.is_valid/1 base64url.decode/1 base64url.encode/1
        base64url.encode_no_pad/1
        hex.decode/1 hex.encode/1 urlquery.decode/1 urlquery.encode/1
        time.add_date/4 time.clock/1 time.date/1 time.diff/2 time.now_ns/0 time.parse_duration_ns/1
        time.parse_rfc3339_ns/1
        time.weekday/1 semver.compare/2 semver.is_valid/1
        graph.reachable/2
        """.split()  # noqa: SIM905 - a hundred names read better so
    )
}
"""regorus's own functions that give OPA's results, and never panic, use the network or read the environment; each
with its number of arguments."""
REPLACED = {
    "glob.match": 3,
    "regex.is_valid": 1,
    "regex.match": 2,
    "regex.replace": 3,
    "regex.split": 2,
    "regex.find_n": 3,
    "regex.find_all_string_submatch_n": 3,
    "net.cidr_contains": 2,
    "net.cidr_is_valid": 1,
    "sprintf": 2,
    "strings.count": 2,
}
"""Functions that are implemented here, each with its number of arguments."""
ARITIES: Mapping[str, int] = TRUSTED | REPLACED
"""The number of arguments of each function that has a fixed one. One more is a name for the result."""
ALLOWED = ARITIES.keys() | {"print", "walk"}
"""Every built-in a policy may call."""


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
    functions: dict[str, Callable[..., Any]] = {
        "glob.match": patterns.glob_match,
        "regex.is_valid": patterns.is_valid,
        "regex.match": patterns.match,
        "regex.replace": patterns.replace,
        "regex.split": patterns.split,
        "regex.find_n": patterns.find_n,
        "regex.find_all_string_submatch_n": patterns.find_all_string_submatch_n,
        "net.cidr_contains": cidr_contains,
        "net.cidr_is_valid": cidr_is_valid,
        "sprintf": sprintf,
        "strings.count": strings_count,
    }
    return {name: (REPLACED[name], function) for name, function in functions.items()}


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


def install_builtins(engine: RegorusEngine, patterns: Patterns) -> None:
    """Replace the engine's functions.

    Args:
        engine: a new engine.
        patterns: matches regular expressions for this engine.
    """
    for name, (arguments, function) in (replacements(patterns) | dict(REFUSED)).items():
        engine.add_extension(name, arguments, function)
