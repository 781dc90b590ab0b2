"""Check the HTTP filters of a connection manager: the guard, its second lines of defence, and other filters."""

from collections.abc import Iterator
from importlib import resources

from extproc.envoy_config.lint.chain import (
    COMPRESSION,
    CUSTOM_RESPONSE,
    EXT_PROC,
    JWT,
    LUA,
    MCP,
    RBAC,
    ROUTER,
    TRANSLATORS,
    Chain,
)
from extproc.envoy_config.lint.check_others import check_others
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.render.filters import REFUSED_METHODS, RETRY_ON

BODY_MODES = ("NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC")
SEND_MODES = ("DEFAULT", "SEND", "SKIP")
RBAC_ACTIONS = ("ALLOW", "DENY", "LOG")


def check_chain(chain: Chain) -> Iterator[Problem]:
    """Find the dangers in a chain that has a guard."""
    for index in chain.protective_places:
        yield from _present(chain.filters[index])
    for _, config in chain.guards:
        yield from _guard_service(config)
        yield from check_ext_proc(config) if config.message == EXT_PROC else _ext_authz(config)
    yield from _methods(chain)
    yield from _request_marker(chain)
    if chain.guards_of(EXT_PROC):
        yield from _response_marker(chain)
        yield from _stream_guard(chain)
    yield from _tokens(chain)
    yield from check_others(chain)
    yield from _other_filters(chain)


def _present(each: Node) -> Iterator[Problem]:
    for name in ("disabled", "is_optional"):
        if each.flag(name):
            yield Problem("guard-disabled", each.get(name).path, f"{name} is true")


def check_ext_proc(config: Node) -> Iterator[Problem]:
    """Check an ext_proc filter."""
    if config.flag("failure_mode_allow"):
        yield Problem("failure-mode-allow", config.get("failure_mode_allow").path, "failure_mode_allow is true")
    if config.flag("observability_mode"):
        yield Problem("observability-mode", config.get("observability_mode").path, "observability_mode is true")
    if config.get("http_service"):
        yield Problem("http-service", config.get("http_service").path, "the guard is called over http_service")
    yield from _modes(config.get("processing_mode"))
    yield from _overrides(config)
    if config.seconds("message_timeout") == 0:
        yield Problem("message-timeout", config.get("message_timeout").path, "message_timeout is 0s")


def _modes(mode: Node) -> Iterator[Problem]:
    for way in ("request", "response"):
        body = mode.enum(BODY_MODES, f"{way}_body_mode")
        if body != "BUFFERED":
            yield Problem("body-mode", mode.get(f"{way}_body_mode").path, f"{way}_body_mode is {body}")
        if mode.enum(SEND_MODES, f"{way}_header_mode") == "SKIP":
            yield Problem("header-mode", mode.get(f"{way}_header_mode").path, f"{way}_header_mode is SKIP")
        if mode.enum(SEND_MODES, f"{way}_trailer_mode") != "SEND":
            yield Problem("trailer-mode", mode.get(f"{way}_trailer_mode").path, f"{way}_trailer_mode is not SEND")


def _overrides(config: Node) -> Iterator[Problem]:
    if not config.flag("allow_mode_override"):
        return
    allowed = list(config.each("allowed_override_modes"))
    if not allowed:
        yield Problem("override-modes", config.get("allow_mode_override").path, "any mode override is allowed")
    for mode in allowed:
        responses = mode.enum(BODY_MODES, "response_body_mode") in ("BUFFERED", "STREAMED")
        others = [
            each for each in _modes(mode) if not str(each.path[-1]).startswith(("response_body", "responseBody"))
        ]
        if others or not responses:
            yield Problem("override-modes", mode.path, "an allowed override is weaker than the strict mode")


def _guard_service(config: Node) -> Iterator[Problem]:
    """Find retries that would replay a held call."""
    safe = set(RETRY_ON.split(","))
    service = config.get("grpc_service")
    for policy in (service.get("retry_policy"), service.get("envoy_grpc", "retry_policy")):
        unsafe = {each.strip() for each in policy.text("retry_on").split(",")} - safe - {""}
        if unsafe:
            yield Problem("guard-retries", policy.get("retry_on").path, f"retries on {', '.join(sorted(unsafe))}")


def _ext_authz(config: Node) -> Iterator[Problem]:
    if config.flag("failure_mode_allow"):
        yield Problem("failure-mode-allow", config.get("failure_mode_allow").path, "failure_mode_allow is true")
    body = config.get("with_request_body")
    if not body:
        yield Problem("authz-no-body", body.path, "with_request_body is missing")
    if body.flag("allow_partial_message"):
        yield Problem(
            "authz-partial-body", body.get("allow_partial_message").path, "allow_partial_message is true"
        )
    for name in ("filter_enabled", "filter_enabled_metadata", "shadow_mode"):
        if config.get(name).value not in (None, False):
            yield Problem("authz-sampled", config.get(name).path, f"{name} is set")


def _methods(chain: Chain) -> Iterator[Problem]:
    first = min(index for index, _ in chain.guards)
    for index, config in chain.of(RBAC):
        rules = config.get("rules")
        if index < first and rules.enum(RBAC_ACTIONS, "action") == "DENY" and _denies_methods(rules):
            return
    path = chain.filters[first].path
    yield Problem("methods", path, f"nothing before the guard denies {', '.join(REFUSED_METHODS)} and upgrades")


def _denies_methods(rules: Node) -> bool:
    headers = [node for node in rules.walk() if node.key == "header" and node.text("name")]
    denied = {each.text("string_match", "exact") for each in headers if each.text("name") == ":method"}
    upgrades = any(each.text("name") == "upgrade" and each.flag("present_match") for each in headers)
    return upgrades and denied.issuperset(REFUSED_METHODS)


def _request_marker(chain: Chain) -> Iterator[Problem]:
    last = max(index for index, _ in chain.guards)
    routers = [index for index, _ in chain.of(ROUTER)]
    end = min(routers, default=len(chain.filters))
    markers = [index for index, config in chain.of(RBAC) if _is_request_marker(config)]
    if not markers:
        yield Problem("request-marker", chain.filters[last].path, "no filter after the guard requires its marker")
    elif not any(last < index < end for index in markers):
        yield Problem(
            "request-marker-order",
            chain.filters[markers[0]].path,
            "the marker is required before the guard, or after the router",
        )


def _is_request_marker(config: Node) -> bool:
    """True if a request needs dynamic metadata to pass. Another permission in the rule would let others pass."""
    rules = config.get("rules")
    permissions = [each for policy in rules.each("policies") for each in policy.each("permissions")]
    return (
        rules.enum(RBAC_ACTIONS, "action") == "ALLOW"
        and bool(permissions)
        and all(_requires_marker(each) for each in permissions)
    )


def _requires_marker(permission: Node) -> bool:
    sourced, plain = permission.get("sourced_metadata", "metadata_matcher"), permission.get("metadata")
    matcher = sourced or plain
    exact = matcher.text("value", "string_match", "exact")
    return bool(matcher.text("filter") and exact and not matcher.flag("invert"))


def _response_marker(chain: Chain) -> Iterator[Problem]:
    first = min(index for index, _ in chain.guards_of(EXT_PROC))
    markers = [index for index, config in chain.of(CUSTOM_RESPONSE) if _requires_response_marker(config)]
    if not markers:
        yield Problem(
            "response-marker", chain.filters[first].path, "no filter requires the guard's response marker"
        )
    elif min(markers) > first:
        yield Problem(
            "response-marker-order", chain.filters[markers[0]].path, "custom_response is listed after ext_proc"
        )


def _requires_response_marker(config: Node) -> bool:
    """True if the filter matches the mere absence of dynamic metadata, as ``extproc envoy render`` writes it."""
    matchers = config.get("custom_response_matcher", "matcher_list").each("matchers")
    negated = (each.get("predicate", "not_matcher") for each in matchers)
    return any(each.message.endswith(".DynamicMetadataInput") for node in negated for each in node.walk())


def _stream_guard(chain: Chain) -> Iterator[Problem]:
    first, config = min(chain.guards_of(EXT_PROC), key=lambda found: found[0])
    ours = [index for index, lua in chain.of(LUA) if is_stream_guard(lua)]
    if ours and min(ours) > first:
        yield Problem(
            "response-marker-order", chain.filters[ours[0]].path, "the stream guard is listed after ext_proc"
        )
    if not ours and config.flag("allow_mode_override"):
        path = config.get("allow_mode_override").path
        yield Problem("stream-guard", path, "mode overrides are allowed, but no filter checks the stream")


def is_stream_guard(lua: Node) -> bool:
    """True if this is exactly the script of this package: a changed one may let bytes pass after an error."""
    script = (
        resources.files("extproc.envoy_config.render").joinpath("stream_guard.lua").read_text(encoding="utf-8")
    )
    written = (lua.text("default_source_code", "inline_string"), lua.text("inline_code"))
    return script.strip() in [each.strip() for each in written]


def _tokens(chain: Chain) -> Iterator[Problem]:
    first = min(index for index, _ in chain.guards)
    for index, config in chain.of(JWT):
        if index > first:
            yield Problem("jwt-order", chain.filters[index].path, "jwt_authn is listed after the guard")
        for node in config.walk():
            if node.key in OPEN_REQUIREMENTS and node.path != config.path:
                yield Problem("jwt-allow-missing", node.path, f"{node.key} is set")
        for provider in config.each("providers"):
            yield from _provider(provider)


OPEN_REQUIREMENTS = {
    *("allow_missing", "allow_missing_or_failed", "extract_only_without_validation"),
    *("allowMissing", "allowMissingOrFailed", "extractOnlyWithoutValidation"),
}


def _provider(provider: Node) -> Iterator[Problem]:
    if not provider.text("issuer"):
        yield Problem("jwt-issuer", provider.get("issuer").path, "issuer is missing")
    if not provider.flag("require_expiration"):
        path = provider.get("require_expiration").path
        yield Problem("jwt-expiration", path, "require_expiration is not true")
    if provider.get("from_params") or not provider.get("from_headers"):
        what = (
            "from_params is set"
            if provider.get("from_params")
            else "without from_headers, Envoy accepts ?access_token="
        )
        yield Problem("jwt-from-params", provider.get("from_params").path, what)
    if provider.flag("forward"):
        yield Problem("jwt-forward", provider.get("forward").path, "forward is true")


def _translators(chain: Chain) -> Iterator[Problem]:
    last = max(index for index, _ in chain.guards)
    for index, config in chain.of(*TRANSLATORS):
        if index > last:
            what = f"{chain.filters[index].text('name') or config.message} is listed after the guard"
            yield Problem("translator", chain.filters[index].path, what)


def _other_filters(chain: Chain) -> Iterator[Problem]:
    for index, config in chain.of(*COMPRESSION):
        yield Problem(
            "decompressor", chain.filters[index].path, f"{config.message.rpartition('.')[2]} in the chain"
        )
    yield from _translators(chain)
    for index, config in chain.of(LUA):
        if not is_stream_guard(config):
            yield Problem("lua-fail-open", chain.filters[index].path, "a Lua filter that is not the stream guard")
    for _, config in chain.of(MCP):
        for node in config.walk():
            if node.key in ("attribute_source", "attributeSource") and node.value == "HEADERS":
                yield Problem("mcp-headers", node.path, "attribute_source is HEADERS")
    for each in chain.filters:
        if each.get("config_discovery"):
            yield Problem("dynamic-config", each.get("config_discovery").path, "this filter is loaded at run time")
