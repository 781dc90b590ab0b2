"""The HTTP filters, in order. Requests pass them from first to last, responses from last to first.

``docs/reference/envoy.md`` gives the reasons for the settings.
"""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from betterproto2 import Message
from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.rbac import v3 as rbac_rules
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.cors import v3 as cors
from envoy_data_plane.envoy.extensions.filters.http.custom_response import v3 as custom_response
from envoy_data_plane.envoy.extensions.filters.http.ext_authz import v3 as ext_authz
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.lua import v3 as lua
from envoy_data_plane.envoy.extensions.filters.http.rbac import v3 as rbac
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.http.custom_response.local_response_policy import v3 as local_response
from envoy_data_plane.envoy.extensions.matching.common_inputs.network import v3 as inputs
from envoy_data_plane.envoy.extensions.matching.input_matchers.metadata import v3 as metadata_input
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any
from envoy_data_plane.xds.type.matcher import v3 as xds

from extproc.config.schema import Settings
from extproc.envoy_config.render.browsers import CORS_FILTER, answers_browsers, refused_origins
from extproc.envoy_config.render.building_blocks import (
    AUTHZ_METADATA,
    CUT_OFF,
    GUARD_CLUSTER,
    GUARD_METADATA,
    JWT_METADATA,
    seconds,
    xds_extension,
)
from extproc.envoy_config.render.cut_off import ANSWERED, JSON, LEFT, answer_format
from extproc.envoy_config.render.jwt_authn import jwt_authn
from extproc.settings.limits import LimitSettings
from extproc.wire.attribute_names import INITIAL_METADATA, REQUEST_ATTRIBUTES

REFUSED_METHODS = ("CONNECT", "TRACE", "TRACK")
RESPONSE_ATTRIBUTES = [
    "request.id",
    "request.method",
    "request.scheme",
    "request.host",
    "request.path",
    "source.address",
    "response.code_details",
]
LONGEST_HOLD_S = 3_600.0
"""The longest ``max_message_timeout`` that Envoy accepts."""
HOLD_SLACK_S = 60.0
NOTHING: Mapping[str, str] = MappingProxyType({})
ANYBODY = [rbac_rules.Principal(any=True)]
RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""Never ``reset`` or ``unavailable``: a held stream would be replayed to another worker, and decided twice."""
UNRELEASED = 502
PROBLEM = (
    '{"type":"urn:extproc:reason:guard-error","title":"The guard did not release this response","status":502,'
    '"reason":"guard-error","request_id":"%STREAM_ID%"}\n'
)


def full_guard_filters(settings: Settings) -> list[hcm.HttpFilter]:
    """Return the filters of the full guard: it decides and masks, and no message without its marker passes."""
    return [
        *_first(settings),
        _filter("envoy.filters.http.lua", _stream_guard()),
        _filter("envoy.filters.http.custom_response", _release_only_marked()),
        _filter(JWT_METADATA, jwt_authn(settings)),
        _filter("envoy.filters.http.ext_proc", _ext_proc(settings.limits)),
        _filter("envoy.filters.http.rbac.marked", _forward_only_marked(GUARD_METADATA, "req")),
        _filter("envoy.filters.http.router", router.Router(suppress_envoy_headers=True)),
    ]


def decide_only_filters(settings: Settings) -> list[hcm.HttpFilter]:
    """Return the filters for ext_authz: the guard decides on the request, and does not see the response."""
    return [
        *_first(settings),
        _filter(JWT_METADATA, jwt_authn(settings)),
        _filter(AUTHZ_METADATA, _ext_authz(settings.limits)),
        _filter("envoy.filters.http.rbac.marked", _forward_only_marked(AUTHZ_METADATA, GUARD_METADATA)),
        _filter("envoy.filters.http.router", router.Router(suppress_envoy_headers=True)),
    ]


def _first(settings: Settings) -> list[hcm.HttpFilter]:
    """Return the filters that refuse or answer what no token and no policy can change."""
    refusing = _filter("envoy.filters.http.rbac.methods", _deny(settings))
    return [refusing, _filter(CORS_FILTER, cors.Cors())] if answers_browsers(settings) else [refusing]


def _filter(name: str, config: Message) -> hcm.HttpFilter:
    return hcm.HttpFilter(name=name, typed_config=Any.pack(config))


def longest_hold(limits: LimitSettings) -> float:
    """Return the seconds that Envoy must wait for one reply."""
    return min(LONGEST_HOLD_S, limits.hold + HOLD_SLACK_S)


def _deny(settings: Settings) -> rbac.Rbac:
    """Refuse tunnels, echoes, and pages of other origins than a connection lists."""
    refused = {"refused-methods": [_methods()], "refused-origins": refused_origins(settings)}
    return _rbac("refused-methods", rbac_rules.RbacAction.DENY, refused)


def _methods() -> rbac_rules.Permission:
    """Match tunnels and echoes: the guard would not see the bytes of an upgraded connection."""
    rules = [_header(":method", matcher.StringMatcher(exact=method)) for method in REFUSED_METHODS]
    rules.append(rbac_rules.Permission(header=route.HeaderMatcher(name="upgrade", present_match=True)))
    return rbac_rules.Permission(or_rules=rbac_rules.PermissionSet(rules=rules))


def _header(name: str, value: matcher.StringMatcher) -> rbac_rules.Permission:
    return rbac_rules.Permission(header=route.HeaderMatcher(name=name, string_match=value))


def _rbac(
    name: str, action: rbac_rules.RbacAction, permissions: Mapping[str, list[rbac_rules.Permission]]
) -> rbac.Rbac:
    """Make a filter with a policy for each name that has permissions."""
    policies = {
        each: rbac_rules.Policy(permissions=matched, principals=ANYBODY)
        for each, matched in permissions.items()
        if matched
    }
    return rbac.Rbac(rules=rbac_rules.Rbac(action=action, policies=policies), rules_stat_prefix=f"{name}.")


def _forward_only_marked(namespace: str, key: str) -> rbac.Rbac:
    """Forward a request only with the marker that the guard's last reply of the request phase sets."""
    expected = matcher.MetadataMatcher(
        filter=namespace,
        path=[matcher.MetadataMatcherPathSegment(key=key)],
        value=matcher.ValueMatcher(string_match=matcher.StringMatcher(exact="done")),
    )
    sourced = rbac_rules.SourcedMetadata(
        metadata_matcher=expected, metadata_source=rbac_rules.MetadataSource.DYNAMIC
    )
    permission = rbac_rules.Permission(sourced_metadata=sourced)
    name = "marked-by-the-guard"
    return _rbac(name, rbac_rules.RbacAction.ALLOW, {name: [permission]})


def _stream_guard() -> lua.Lua:
    code = resources.files("extproc.envoy_config.render").joinpath("stream_guard.lua").read_text(encoding="utf-8")
    return lua.Lua(default_source_code=core.DataSource(inline_string=code))


def _release_only_marked() -> custom_response.CustomResponse:
    """Replace a response without the guard's marker. Listed before the guard, so it runs after it."""
    released = matcher.StringMatcher(safe_regex=matcher.RegexMatcher(regex="done|hdr|[0-9]+"))
    marked = _metadata("resp", "guard-marker", "released", matcher.ValueMatcher(string_match=released))
    unmarked = xds.MatcherMatcherListPredicate(not_matcher=marked)
    told = _metadata(CUT_OFF, "answer", "left-by-the-guard", LEFT)
    both = xds.MatcherMatcherListPredicatePredicateList(predicate=[unmarked, told])
    matchers = [
        _replacing(xds.MatcherMatcherListPredicate(and_matcher=both), ANSWERED, answer_format(), JSON),
        _replacing(unmarked, UNRELEASED, _text(PROBLEM), "application/problem+json"),
    ]
    rules = xds.Matcher(matcher_list=xds.MatcherMatcherList(matchers=matchers))
    return custom_response.CustomResponse(custom_response_matcher=rules)


def _metadata(key: str, what: str, how: str, value: matcher.ValueMatcher) -> xds.MatcherMatcherListPredicate:
    """Match what the guard wrote under a key."""
    path = [inputs.DynamicMetadataInputPathSegment(key=key)]
    single = xds.MatcherMatcherListPredicateSinglePredicate(
        input=xds_extension(what, inputs.DynamicMetadataInput(filter=GUARD_METADATA, path=path)),
        custom_match=xds_extension(how, metadata_input.Metadata(value=value)),
    )
    return xds.MatcherMatcherListPredicate(single_predicate=single)


def _replacing(
    predicate: xds.MatcherMatcherListPredicate, status: int, body: core.SubstitutionFormatString, kind: str
) -> xds.MatcherMatcherListFieldMatcher:
    field = core.HeaderValueOption(
        header=core.HeaderValue(key="content-type", value=kind),
        append_action=core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    replacement = local_response.LocalResponsePolicy(
        status_code=status, body_format=body, response_headers_to_add=[field]
    )
    action = xds.MatcherOnMatch(action=xds_extension("replace", replacement))
    return xds.MatcherMatcherListFieldMatcher(predicate=predicate, on_match=action)


def _text(text: str) -> core.SubstitutionFormatString:
    return core.SubstitutionFormatString(text_format_source=core.DataSource(inline_string=text))


def _strictest_mode() -> ext_proc.ProcessingMode:
    """Send all headers, whole bodies and trailers of requests and responses to the guard."""
    headers = ext_proc.ProcessingModeHeaderSendMode.SEND
    body = ext_proc.ProcessingModeBodySendMode.BUFFERED
    return ext_proc.ProcessingMode(
        request_header_mode=headers,
        request_body_mode=body,
        request_trailer_mode=headers,
        response_header_mode=headers,
        response_body_mode=body,
        response_trailer_mode=headers,
    )


def _streaming_mode() -> ext_proc.ProcessingMode:
    """The only allowed override: response bodies piece by piece."""
    mode = _strictest_mode()
    mode.response_body_mode = ext_proc.ProcessingModeBodySendMode.STREAMED
    return mode


def _ext_proc(limits: LimitSettings) -> ext_proc.ExternalProcessor:
    """Make the guard's filter. ``RETAIN``: the route from before the decision is used after it too."""
    namespaces = ext_proc.MetadataOptionsMetadataNamespaces
    return ext_proc.ExternalProcessor(
        grpc_service=_guard_service(initial_metadata=INITIAL_METADATA),
        stat_prefix="guard",
        failure_mode_allow=False,
        status_on_error=envoy_type.HttpStatus(code=envoy_type.StatusCode.ServiceUnavailable),
        processing_mode=_strictest_mode(),
        allow_mode_override=True,
        allowed_override_modes=[_streaming_mode()],
        message_timeout=seconds(limits.message_timeout),
        max_message_timeout=seconds(longest_hold(limits)),
        mutation_rules=_mutation_rules(),
        route_cache_action=ext_proc.ExternalProcessorRouteCacheAction.RETAIN,
        request_attributes=list(REQUEST_ATTRIBUTES),
        response_attributes=RESPONSE_ATTRIBUTES,
        metadata_options=ext_proc.MetadataOptions(
            forwarding_namespaces=namespaces(untyped=[JWT_METADATA]),
            receiving_namespaces=namespaces(untyped=[GUARD_METADATA]),
        ),
    )


def _guard_service(
    timeout_s: float | None = None, initial_metadata: Mapping[str, str] = NOTHING
) -> core.GrpcService:
    return core.GrpcService(
        envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=GUARD_CLUSTER),
        timeout=None if timeout_s is None else seconds(timeout_s),
        retry_policy=core.RetryPolicy(retry_on=RETRY_ON, num_retries=3),
        initial_metadata=[core.HeaderValue(key=key, value=value) for key, value in initial_metadata.items()],
    )


def _mutation_rules() -> mutation.HeaderMutationRules:
    """Let the guard set header fields, even ``authorization``. Changing host, scheme or method is an error."""
    return mutation.HeaderMutationRules(allow_all_routing=False, allow_envoy=False, disallow_is_error=True)


def _ext_authz(limits: LimitSettings) -> ext_authz.ExtAuthz:
    """Send the whole body (else 413), raw header bytes, verified claims and the peer's certificate."""
    return ext_authz.ExtAuthz(
        grpc_service=_guard_service(longest_hold(limits)),
        transport_api_version=core.ApiVersion.V3,
        failure_mode_allow=False,
        status_on_error=envoy_type.HttpStatus(code=envoy_type.StatusCode.ServiceUnavailable),
        with_request_body=ext_authz.BufferSettings(
            max_request_bytes=limits.request_body, allow_partial_message=False, pack_as_bytes=True
        ),
        validate_mutations=True,
        encode_raw_headers=True,
        include_peer_certificate=True,
        include_tls_session=True,
        metadata_context_namespaces=[JWT_METADATA],
        decoder_header_mutation_rules=_mutation_rules(),
    )
