"""Envoy's jwt_authn filter: only verified tokens that expire, and only from the Authorization header."""

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn import v3 as jwt
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Empty

from extproc.config.schema import Settings
from extproc.envoy_config.render.building_blocks import seconds, to_hosts_of
from extproc.envoy_config.render.clusters import keys_cluster
from extproc.settings.connection import ConnectionSettings, TokenRule
from extproc.settings.identity import Provider

CLOCK_SKEW_S = 30
KEYS_FETCH_TIMEOUT_S = 5.0
KEYS_KEPT_S = 300.0


def jwt_authn(settings: Settings) -> jwt.JwtAuthentication:
    """Require a token of one of the providers on every path, but for functions that need no identity.

    The last rule's expression also matches ``*`` (``OPTIONS *``).
    """
    everything = route.RouteMatch(safe_regex=_regex(".*"))
    rules = [
        jwt.RequirementRule(match=_requests(connection, each), requires=_requirement(settings, needed=each.needed))
        for connection in settings.connections.values()
        for each in connection.token_rules
    ]
    last = jwt.RequirementRule(match=everything, requires=_requirement(settings, needed=True))
    providers = {name: _provider(name, each) for name, each in settings.identity.providers.items()}
    return jwt.JwtAuthentication(providers=providers, rules=[*rules, last])


def _regex(text: str) -> matcher.RegexMatcher:
    return matcher.RegexMatcher(regex=text)


def _requests(connection: ConnectionSettings, rule: TokenRule) -> route.RouteMatch:
    """Match the connection's requests with this method and path."""
    headers = [to_hosts_of(connection)]
    if rule.method:
        exact = matcher.StringMatcher(exact=rule.method)
        headers.append(route.HeaderMatcher(name=":method", string_match=exact))
    return route.RouteMatch(safe_regex=_regex(rule.path), headers=headers)


def _requirement(settings: Settings, *, needed: bool) -> jwt.JwtRequirement:
    """Require a token, where it is needed, of callers without a certificate: the guard checks for one of the two.

    Where it is not needed it may be missing, but a bad one is refused (``allow_missing``).
    """
    needs = [jwt.JwtRequirement(provider_name=name) for name in settings.identity.providers]
    if not needed or settings.identity.mtls:
        needs.append(jwt.JwtRequirement(allow_missing=Empty()))
    if len(needs) == 1:
        return needs[0]
    return jwt.JwtRequirement(requires_any=jwt.JwtRequirementOrList(requirements=needs))


def _provider(name: str, provider: Provider) -> jwt.JwtProvider:
    """Verify a provider's tokens. ``forward: false`` removes the token: neither guard nor backend sees it."""
    made = jwt.JwtProvider(
        issuer=provider.issuer,
        audiences=list(provider.audiences),
        require_expiration=True,
        forward=False,
        from_headers=[jwt.JwtHeader(name="authorization", value_prefix="Bearer ")],
        payload_in_metadata=provider.metadata_key,
        clock_skew_seconds=CLOCK_SKEW_S,
    )
    if provider.jwks_file:
        made.local_jwks = core.DataSource(filename=str(provider.jwks_file))
    else:
        made.remote_jwks = _remote_keys(name, provider.jwks_url or "")
    return made


def _remote_keys(name: str, url: str) -> jwt.RemoteJwks:
    """Fetch the keys before the listener opens, and again before they expire."""
    uri = core.HttpUri(uri=url, cluster=keys_cluster(name), timeout=seconds(KEYS_FETCH_TIMEOUT_S))
    return jwt.RemoteJwks(http_uri=uri, cache_duration=seconds(KEYS_KEPT_S), async_fetch=jwt.JwksAsyncFetch())
