"""Envoy's jwt_authn filter: only verified tokens that expire, and only from the Authorization header."""

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn import v3 as jwt
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from extproc.envoy_config.render.building_blocks import CLAIMS_KEY, seconds
from extproc.envoy_config.render.clusters import keys_cluster
from extproc.settings.identity import IdentitySettings, Provider

CLOCK_SKEW_S = 30
KEYS_FETCH_TIMEOUT_S = 5.0
KEYS_KEPT_S = 300.0


def jwt_authn(identity: IdentitySettings) -> jwt.JwtAuthentication:
    """Require a token of one of the providers on every path. The expression also matches ``*`` (``OPTIONS *``)."""
    everything = route.RouteMatch(safe_regex=matcher.RegexMatcher(regex=".*"))
    rule = jwt.RequirementRule(match=everything, requires=_requirement(list(identity.providers)))
    providers = {name: _provider(name, each) for name, each in identity.providers.items()}
    return jwt.JwtAuthentication(providers=providers, rules=[rule])


def _requirement(names: list[str]) -> jwt.JwtRequirement:
    needs = [jwt.JwtRequirement(provider_name=name) for name in names]
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
        payload_in_metadata=CLAIMS_KEY,
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
