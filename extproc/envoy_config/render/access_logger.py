"""Envoy's access logs: a line for operators, and an entry for the guard if it did not see the request's end.

The line contains no path, query or token: a path may contain personal data, and evidence records it masked.
"""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.grpc import v3 as grpc_log
from envoy_data_plane.envoy.extensions.access_loggers.stream import v3 as stream
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.envoy_config.render.building_blocks import GUARD_CLUSTER, GUARD_METADATA, seconds, struct

FLUSH_S = 0.1
RETRIES = 20
LONGEST_PAUSE_S = 1.0

LINE: dict[str, object] = {
    "time": "%START_TIME%",
    "request_id": "%STREAM_ID%",
    "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "method": "%REQ(:METHOD)%",
    "connection": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "milliseconds": "%DURATION%",
}


def access_logs() -> list[accesslog.AccessLog]:
    """Return both logs."""
    return [_line(), _to_guard()]


def _line() -> accesslog.AccessLog:
    form = core.SubstitutionFormatString(json_format=struct(LINE))
    return accesslog.AccessLog(
        name="envoy.access_loggers.stdout", typed_config=Any.pack(stream.StdoutAccessLog(log_format=form))
    )


def _to_guard() -> accesslog.AccessLog:
    """Report requests that ended without the guard's last reply, so that the guard records them."""
    common = grpc_log.CommonGrpcAccessLogConfig(
        log_name="extproc",
        grpc_service=core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=GUARD_CLUSTER)),
        transport_api_version=core.ApiVersion.V3,
        buffer_flush_interval=seconds(FLUSH_S),
        # Entries in a stream that ends with its worker are sent again, to another worker.
        grpc_stream_retry_policy=core.RetryPolicy(
            num_retries=RETRIES,
            retry_back_off=core.BackoffStrategy(
                base_interval=seconds(FLUSH_S), max_interval=seconds(LONGEST_PAUSE_S)
            ),
        ),
    )
    return accesslog.AccessLog(
        name="envoy.access_loggers.http_grpc",
        filter=accesslog.AccessLogFilter(metadata_filter=not_released()),
        typed_config=Any.pack(grpc_log.HttpGrpcAccessLogConfig(common_config=common)),
    )


def not_released() -> accesslog.MetadataFilter:
    """Match no marker, or the marker of an unfinished stream. Envoy's filter ignores a matcher's ``invert``."""
    under_way = matcher.MetadataMatcher(
        filter=GUARD_METADATA,
        path=[matcher.MetadataMatcherPathSegment(key="resp")],
        value=matcher.ValueMatcher(
            string_match=matcher.StringMatcher(safe_regex=matcher.RegexMatcher(regex="hdr|[0-9]+"))
        ),
    )
    return accesslog.MetadataFilter(matcher=under_way, match_if_key_not_found=True)
