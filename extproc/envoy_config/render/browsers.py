"""Calls from browsers: Envoy refuses pages of other origins first of all, and answers preflights (CORS)."""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

import re

from envoy_data_plane.envoy.config.rbac import v3 as rbac_rules
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.cors import v3 as cors
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from extproc.config.schema import Settings
from extproc.envoy_config.render.building_blocks import to_hosts_of
from extproc.settings.connection import ConnectionSettings
from extproc.settings.cors import BrowserRules

CORS_FILTER = "envoy.filters.http.cors"
ORIGIN = "origin"


def refused_origins(settings: Settings) -> list[rbac_rules.Permission]:
    """Match the requests that a connection refuses by their origin. Two ``Origin`` fields are no listed one."""
    found = [(each, each.browser_rules) for each in settings.connections.values()]
    return [_refused(connection, rules) for connection, rules in found if rules]


def _refused(connection: ConnectionSettings, rules: BrowserRules) -> rbac_rules.Permission:
    parts = [to_hosts_of(connection), route.HeaderMatcher(name=ORIGIN, present_match=True)]
    permissions = [rbac_rules.Permission(header=each) for each in parts]
    if rules.origins:
        listed = matcher.StringMatcher(
            safe_regex=matcher.RegexMatcher(regex="|".join(map(re.escape, rules.origins)))
        )
        header = route.HeaderMatcher(name=ORIGIN, string_match=listed)
        permissions.append(rbac_rules.Permission(not_rule=rbac_rules.Permission(header=header)))
    return rbac_rules.Permission(and_rules=rbac_rules.PermissionSet(rules=permissions))


def answers_browsers(settings: Settings) -> bool:
    """True if some page may call some connection, so that Envoy needs its CORS filter."""
    return any(each.browser_rules and each.browser_rules.origins for each in settings.connections.values())


def cors_policy(connection: ConnectionSettings) -> cors.CorsPolicy | None:
    """Return the CORS filter's policy for a connection's virtual host; None where no page may call.

    Callers have tokens, and no cookies: browsers are never told to send credentials of their own.
    """
    rules = connection.browser_rules
    if not rules or not rules.origins:
        return None
    return cors.CorsPolicy(
        allow_origin_string_match=[matcher.StringMatcher(exact=each) for each in rules.origins],
        allow_methods=", ".join(rules.methods),
        allow_headers=", ".join(rules.sent),
        expose_headers=", ".join(rules.read),
        max_age=str(rules.max_age_s),
        forward_not_matching_preflights=False,
    )
