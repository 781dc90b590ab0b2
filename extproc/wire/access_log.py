"""Decodes Envoy's access log, which reports requests that the guard did not see to their end.

Source: envoy/service/accesslog/v3/als.proto and envoy/data/accesslog/v3/accesslog.proto, Envoy 1.40.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envoy.config.core.v3 import base_pb2
from envoy.data.accesslog.v3.accesslog_pb2 import AccessLogCommon
from envoy.service.accesslog.v3 import als_pb2
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Value

from extproc.model.errors import ProtocolViolation
from extproc.wire.attributes import address_text
from extproc.wire.encode import DONE, GUARD

AUTHZ = "envoy.filters.http.ext_authz"
"""Namespace in which Envoy stores ``CheckResponse.dynamic_metadata``."""
DENIED = "ext_authz_denied"
"""``response_code_details`` of a denial by the guard; a failed check has others."""
METHODS = base_pb2.RequestMethod.DESCRIPTOR.values_by_number


@dataclass(frozen=True, slots=True)
class AccessLogEntry:
    """A request that Envoy ended."""

    request_id: str
    call_id: str
    """The guard's id of a request that it let go; empty for others."""
    method: str
    authority: str
    """As it was forwarded, where the route has another Host header for the backend."""
    cluster: str
    """The upstream cluster; empty of a request that went to none."""
    path: str
    """Not masked yet."""
    source: str
    status: int
    details: str
    """``response_code_details``."""
    started_ns: int
    duration_ns: int
    guarded: bool
    """The guard answered the last phase, or decided by ext_authz: its own entries record the end."""


def decode_access_log(message: bytes) -> Iterator[AccessLogEntry]:
    """Yield the requests of one ``StreamAccessLogsMessage``.

    Raises:
        ProtocolViolation: the message cannot be parsed.
    """
    try:
        logs = als_pb2.StreamAccessLogsMessage.FromString(message)
    except DecodeError as error:
        raise ProtocolViolation("not a StreamAccessLogsMessage") from error
    for entry in logs.http_logs.log_entry:
        common, request, response = entry.common_properties, entry.request, entry.response
        namespaces = common.metadata.filter_metadata
        marks = namespaces[GUARD].fields if GUARD in namespaces else {}
        yield AccessLogEntry(
            request_id=request.request_id,
            call_id=marks["call"].string_value if "call" in marks else "",
            method=METHODS[request.request_method].name if request.request_method else "",
            authority=request.authority,
            cluster=common.upstream_cluster,
            path=request.original_path or request.path,
            source=address_text(common.downstream_remote_address),
            status=response.response_code.value,
            details=response.response_code_details,
            started_ns=common.start_time.ToNanoseconds(),
            duration_ns=common.duration.ToNanoseconds(),
            guarded=_has(marks, "resp") or _decided_only(common, response.response_code_details),
        )


def _has(marks: Mapping[str, Value], name: str) -> bool:
    return name in marks and marks[name].string_value == DONE


def _decided_only(common: AccessLogCommon, details: str) -> bool:
    """Return whether ``Check`` marked or denied the request. ext_authz never sees a response."""
    namespaces = common.metadata.filter_metadata
    return details == DENIED or (AUTHZ in namespaces and _has(namespaces[AUTHZ].fields, GUARD))
