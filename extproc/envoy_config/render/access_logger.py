"""What Envoy tells of each request: a line for operators, and a record for the guard where it saw no end.

No path, query or token is in the line: a path may hold personal data, and evidence keeps it masked.
"""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.grpc import v3 as grpc_log
from envoy_data_plane.envoy.extensions.access_loggers.stream import v3 as stream
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.envoy_config.render.parts import GUARD_CLUSTER, GUARD_METADATA, seconds, struct

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
    """Both logs."""
    return [_line(), _to_guard()]


def _line() -> accesslog.AccessLog:
    form = core.SubstitutionFormatString(json_format=struct(LINE))
    return accesslog.AccessLog(
        name="envoy.access_loggers.stdout", typed_config=Any.pack(stream.StdoutAccessLog(log_format=form))
    )


def _to_guard() -> accesslog.AccessLog:
    """What ended without the guard's last word, told to the guard so that it is recorded all the same."""
    common = grpc_log.CommonGrpcAccessLogConfig(
        log_name="extproc",
        grpc_service=core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=GUARD_CLUSTER)),
        transport_api_version=core.ApiVersion.V3,
        buffer_flush_interval=seconds(FLUSH_S),
        # What was written into a stream that ends with its worker is told again, to another.
        grpc_stream_retry_policy=core.RetryPolicy(
            num_retries=RETRIES,
            retry_back_off=core.BackoffStrategy(
                base_interval=seconds(FLUSH_S), max_interval=seconds(LONGEST_PAUSE_S)
            ),
        ),
    )
    return accesslog.AccessLog(
        name="envoy.access_loggers.http_grpc",
        filter=accesslog.AccessLogFilter(metadata_filter=_not_released()),
        typed_config=Any.pack(grpc_log.HttpGrpcAccessLogConfig(common_config=common)),
    )


def _not_released() -> accesslog.MetadataFilter:
    """No marker, or that of a stream under way. This filter ignores a matcher's ``invert``."""
    under_way = matcher.MetadataMatcher(
        filter=GUARD_METADATA,
        path=[matcher.MetadataMatcherPathSegment(key="resp")],
        value=matcher.ValueMatcher(
            string_match=matcher.StringMatcher(safe_regex=matcher.RegexMatcher(regex="hdr|[0-9]+"))
        ),
    )
    return accesslog.MetadataFilter(matcher=under_way, match_if_key_not_found=True)
