"""Compare an Envoy configuration with the guard's settings: what the one lacks makes calls of the other fail."""

from collections.abc import Iterator
from itertools import combinations

from extproc.config.schema import Settings
from extproc.config.summary import decide_only_notes
from extproc.envoy_config.lint.chain import CUSTOM_RESPONSE, EXT_AUTHZ, EXT_PROC, JWT, Chain
from extproc.envoy_config.lint.check_callers import check_claims
from extproc.envoy_config.lint.check_routes import route_actions
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.declared import Declarations, declarations
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import GuardClusters
from extproc.envoy_config.render.cut_off import ANSWER


def check_against_settings(root: Node, settings: Settings, known: GuardClusters) -> Iterator[Problem]:
    """Find what makes every call of a connection, a provider or a host fail.

    Args:
        root: the Envoy configuration.
        settings: the guard's settings, which the workers have.
        known: the guard's clusters.
    """
    managers = [node for node in root.walk() if node.get("http_filters")]
    guarded = [(node, chain) for node in managers if (chain := Chain.of_manager(node, known)).guards]
    for manager, chain in guarded:
        yield from _providers(chain, settings)
        yield from check_claims(chain, settings)
        yield from _masks(manager, chain, settings)
        yield from _ports(manager, settings)
        yield from _cut_off(manager, chain, settings)
    yield from _hosts([manager for manager, _ in guarded], settings, declarations(root, known))


def _providers(chain: Chain, settings: Settings) -> Iterator[Problem]:
    for _, config in chain.of(JWT):
        written = {each.text("issuer"): each for each in config.each("providers")}
        for name, provider in settings.identity.providers.items():
            if provider.issuer not in written:
                what = f"no provider has the issuer of identity.providers.{name}"
                yield Problem("provider-missing", config.get("providers").path, what)


def _masks(manager: Node, chain: Chain, settings: Settings) -> Iterator[Problem]:
    if chain.guards_of(EXT_PROC) or not chain.guards_of(EXT_AUTHZ):
        return
    if settings.envoy.guard_filter != "ext_authz":
        default = [name for name, each in settings.connections.items() if each.masking.response is None]
        for name in default:
            what = f"the default masking of {name}; `envoy.guard_filter: ext_authz` leaves it out"
            yield Problem("masks-with-ext-authz", manager.get("http_filters").path, what)
    for note in decide_only_notes(settings):
        yield Problem("masks-with-ext-authz", manager.get("http_filters").path, ".".join(map(str, note.path)))


def _cut_off(manager: Node, chain: Chain, settings: Settings) -> Iterator[Problem]:
    """Find where Envoy does not say what the guard left for calls of MCP that Envoy ends by itself."""
    if not chain.guards_of(EXT_PROC) or not any(each.protocol == "mcp" for each in settings.connections.values()):
        return
    places = [manager.get("local_reply_config"), *(config for _, config in chain.of(CUSTOM_RESPONSE))]
    for place in places:
        if not any(node.value == ANSWER for node in place.walk()):
            yield Problem("mcp-answers", place.path, f"no format is {ANSWER}")


def _hosts(guarded: list[Node], settings: Settings, declared: Declarations) -> Iterator[Problem]:
    """Compare hosts, where all routes are in the file."""
    if not guarded or any(manager.get(name) for manager in guarded for name in ("rds", "scoped_routes")):
        return
    known = {host: name for name, connection in settings.connections.items() for host in connection.hosts}
    served = [domain for manager in guarded for domain, _ in _domains(manager)]
    for host, name in known.items():
        if not any(serves(domain, host) for domain in served):
            yield Problem(
                "host-not-routed", guarded[0].get("route_config").path, f"{host} of the connection {name}"
            )
    yield from _unknown_hosts(guarded, known, declared)
    yield from _declared_hosts(guarded, known, declared)


def _declared_hosts(guarded: list[Node], known: dict[str, str], declared: Declarations) -> Iterator[Problem]:
    """Find hosts of connections whose calls a declaration keeps from the guard."""
    for manager in guarded:
        domains = list(_domains(manager))
        for host, name in known.items():
            serving = [each for each in domains if serves(each[0], host)]
            if not serving:
                continue
            domain, virtual_host = min(serving, key=_precedence)
            if all(declared.cover(route.path) for route in route_actions(virtual_host)):
                yield Problem("declared-host", virtual_host.path, f"{host} of the connection {name}, by {domain}")


def _precedence(serving: tuple[str, Node]) -> tuple[bool, bool, int]:
    """The order in which Envoy looks for a virtual host: exact, then the longest suffix, then prefix."""
    domain = serving[0]
    return "*" in domain, domain.endswith("*"), -len(domain)


def _unknown_hosts(guarded: list[Node], known: dict[str, str], declared: Declarations) -> Iterator[Problem]:
    for manager in guarded:
        for domain, host in _domains(manager):
            served = any(serves(domain, each) or serves(each, domain) for each in known)
            if not served and not declared.cover(host.path):
                yield Problem("host-without-connection", host.path, domain)


def _ports(manager: Node, settings: Settings) -> Iterator[Problem]:
    """Find names that Envoy routes without their port, and the guard looks up with it."""
    ignored = manager.get("route_config", "ignore_port_in_host_matching")
    if not manager.flag("route_config", "ignore_port_in_host_matching"):
        return
    owners = [(host, name) for name, connection in settings.connections.items() for host in connection.hosts]
    for (one, first), (other, second) in combinations(owners, 2):
        plain, same = one.partition(":")[0], other.partition(":")[0]
        if first != second and ":" in one + other and (serves(plain, same) or serves(same, plain)):
            yield Problem("ignored-ports", ignored.path, f"{one} of {first}, {other} of {second}")


def _domains(manager: Node) -> Iterator[tuple[str, Node]]:
    """Yield the domains of virtual hosts that forward calls, each with its virtual host."""
    for host in manager.each("route_config", "virtual_hosts"):
        if any(route_actions(host)):
            yield from ((str(each.value), host) for each in host.each("domains"))


def serves(domain: str, host: str) -> bool:
    """True if a virtual host's domain matches a Host header (config.route.v3.VirtualHost, ``domains``)."""
    if domain.startswith("*"):
        return domain == "*" or (host.endswith(domain[1:]) and len(host) > len(domain) - 1)
    if domain.endswith("*"):
        return host.startswith(domain[:-1]) and len(host) > len(domain) - 1
    return domain.lower() == host
